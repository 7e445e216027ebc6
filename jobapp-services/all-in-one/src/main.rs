//! The binary `jobapp`.

use std::process::ExitCode;

use clap::Parser;
use jobapp_all_in_one::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_arena_eager_commit` of mimalloc 2, which its Rust binding does not name.
const ARENA_EAGER_COMMIT: libmimalloc_sys::mi_option_t = 4;

fn main() -> ExitCode {
    // Memory that was needed once, for a batch of the search index or a large file, goes back to the system: an idle
    // marketplace holds a quarter less.
    #[expect(unsafe_code, reason = "the allocator's options have no safe interface; setting one is an assignment")]
    unsafe {
        libmimalloc_sys::mi_option_set(ARENA_EAGER_COMMIT, 0);
    }
    run(Cli::parse())
}
