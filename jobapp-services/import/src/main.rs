//! The program `jobapp-import`.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::main()
}
