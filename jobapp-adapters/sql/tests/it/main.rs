//! The store and the bus on SQLite.

mod bus;
mod categories;
mod store;
