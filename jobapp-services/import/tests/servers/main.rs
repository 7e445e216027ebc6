//! The existing system on MySQL, MongoDB and PostgreSQL.

#[path = "../shared/database.rs"]
#[allow(dead_code, reason = "each test target uses a part of it")]
mod database;
mod readers;
