//! The existing system on MySQL, MongoDB and PostgreSQL.

#[path = "../shared/checks.rs"]
mod checks;
mod database;
mod readers;
#[path = "../shared/town.rs"]
mod town;
mod whole;
