//! The process: how it starts, what stops it from starting, and how it ends.

mod commands;
mod damage;
mod earlier;
mod ending;
mod folder;
mod privacy;
mod starting;

use std::path::Path;

use crate::harness::Server;
pub use crate::harness::people::sign_in;
use crate::harness::server::Ended;

/// Checks that a start failed with one clear message that holds these parts.
#[track_caller]
pub fn failed(ended: &Ended, parts: &[&str]) {
    assert!(ended.status.code().is_some_and(|code| code != 0), "{ended:#?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "{part:?} is missing in {ended:#?}");
    }
    for noise in ["panicked", "stack backtrace", "RUST_BACKTRACE", "unwrap"] {
        assert!(!ended.stderr.contains(noise), "{noise:?} in {ended:#?}");
    }
    assert!(ended.stderr.lines().count() <= 12, "{ended:#?}");
    assert!(!ended.stdout.contains("/api/gateway/v1"), "{ended:#?}");
}

/// Checks that a start on this folder fails so.
#[track_caller]
pub fn fails(data: &Path, arguments: &[&str], parts: &[&str]) {
    match Server::try_start(data, arguments) {
        Ok(server) => panic!("it runs: {}", server.printed()),
        Err(ended) => failed(&ended, parts),
    }
}
