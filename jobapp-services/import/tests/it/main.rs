//! The import of a made-up town, into stores in memory and in files.

#[path = "../shared/checks.rs"]
mod checks;
mod heard;
mod meanwhile;
mod old;
mod runs;
#[path = "../shared/town.rs"]
#[allow(dead_code, reason = "each test target uses a part of it")]
mod town;
