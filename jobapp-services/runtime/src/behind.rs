//! Threads for what nobody waits for: relays and consumers.

use tokio::runtime::{Builder, Runtime};

/// How far they give way to those who answer people, as `nice` counts.
const NICE: i32 = 10;

/// Threads that give way to others when the processors are busy. What is done there is late then, and nothing is lost.
///
/// They must be dropped outside of every runtime, or be shut down.
///
/// # Errors
/// When the system gives no threads.
pub fn behind() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().thread_name("jobapp-behind").on_thread_start(give_way).enable_all().build()
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
