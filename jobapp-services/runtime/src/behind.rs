//! Threads for what nobody waits for: relays and consumers.

use std::cell::Cell;

use tokio::runtime::{Builder, Runtime};

/// How far they give way to those who answer people, as `nice` counts.
const NICE: i32 = 10;

thread_local! {
    static IS_BEHIND: Cell<bool> = const { Cell::new(false) };
}

/// Threads that give way to others when the processors are busy. What is done there is late then, and nothing is lost.
///
/// They must be dropped outside of every runtime, or be shut down.
///
/// # Errors
/// When the system gives no threads.
pub fn behind() -> std::io::Result<Runtime> {
    let beginning = || {
        IS_BEHIND.set(true);
        give_way();
    };
    Builder::new_multi_thread().thread_name("jobapp-behind").on_thread_start(beginning).enable_all().build()
}

/// Whether this very thread is one of those. Nobody waits for what is asked here.
pub fn is_behind() -> bool {
    IS_BEHIND.get()
}

/// On Linux a priority is a thread's own.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a thread cannot give way to others");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}
