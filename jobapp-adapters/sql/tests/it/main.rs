//! The store on SQLite.

mod analytics;
mod categories;
#[path = "../shared/migrations.rs"]
mod migrations;
mod store;
mod unready;
