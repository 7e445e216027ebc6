//! The store and the bus on SQLite.

mod analytics;
mod bus;
mod categories;
mod formats;
mod store;
