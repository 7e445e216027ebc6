//! The existing system on MySQL, MongoDB and PostgreSQL.

#[path = "../shared/checks.rs"]
#[allow(dead_code, reason = "each test target uses a part of it")]
mod checks;
mod database;
mod readers;
#[path = "../shared/town.rs"]
#[allow(dead_code, reason = "each test target uses a part of it")]
mod town;
mod whole;
