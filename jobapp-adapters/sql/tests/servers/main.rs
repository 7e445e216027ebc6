//! The store on PostgreSQL and MySQL.

mod cuts;
mod locks;
#[path = "../shared/migrations.rs"]
mod migrations;
mod place;
mod plans;
mod sharing;
mod suites;
mod tables;
