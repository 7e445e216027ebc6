//! The binary `jobapp`.

use std::process::ExitCode;

use jobapp_all_in_one::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Cli::read())
}
