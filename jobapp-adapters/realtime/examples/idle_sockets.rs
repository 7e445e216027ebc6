//! What an idle socket of a signed-in user costs, with the system's allocator.
//!
//! `cargo run --release -p jobapp-realtime --example idle_sockets -- 5000`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "idle/bench.rs"]
mod bench;

fn main() -> anyhow::Result<()> {
    bench::main("system allocator")
}
