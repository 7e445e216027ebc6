//! The binary `jobapp`.

use std::process::ExitCode;

use clap::Parser;
use jobapp_all_in_one::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Cli::parse())
}
