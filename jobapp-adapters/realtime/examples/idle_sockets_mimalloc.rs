//! What an idle socket of a signed-in user costs, with mimalloc.
//!
//! `cargo run --release -p jobapp-realtime --example idle_sockets_mimalloc -- 5000`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "idle/bench.rs"]
mod bench;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    bench::main("mimalloc")
}
