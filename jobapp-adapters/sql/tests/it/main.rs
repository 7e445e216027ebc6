//! The store and the bus on SQLite.

mod bus;
mod store;
