//! Starts the servers that the suites of a run share, says where they are, and keeps them until its input ends.
//!
//! One line each, `JOBAPP_TEST_SERVER_<KIND>=<addresses>`, then `ready`. To try things by hand:
//! `cargo run -p jobapp-test-servers -- postgres redis`, and Ctrl-D in the end.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks to its user")]

use std::process::ExitCode;

use jobapp_test_servers::Kind;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let named: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = named.iter().find(|name| Kind::ALL.iter().all(|kind| kind.name() != name.as_str())) {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        eprintln!("no server is called {unknown}; there are: {}", kinds.join(", "));
        return ExitCode::FAILURE;
    }
    let kinds = Kind::ALL.into_iter().filter(|kind| named.is_empty() || named.iter().any(|name| name == kind.name()));
    match jobapp_test_servers::hold(&kinds.collect::<Vec<_>>()).await {
        Ok(held) => {
            for server in held.servers() {
                println!("{}={server}", server.kind().server_variable());
            }
            println!("ready");
            // Also when whoever holds the other end is killed.
            let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            drop(held);
            if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
