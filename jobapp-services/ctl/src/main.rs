//! The program `jobapp-ctl`.

use std::process::ExitCode;

use jobapp_ctl::program::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Cli::read())
}
