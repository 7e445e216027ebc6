//! The store on SQLite.

mod analytics;
mod categories;
mod store;
