//! A process that is asked to stop while it waits. It is a process of its own, since signals are the whole process's.
#![cfg(unix)]

use std::time::{Duration, Instant};

use jobapp_memory::MemoryBus;
use jobapp_platform::{App, OpenError, Shared, WaitError};
use jobapp_runtime::{STOP_LIMIT, Shutdown, Signals};

#[tokio::test]
async fn a_signal_ends_the_wait_for_what_is_missing_at_once() {
    let mut signals = Signals::listen().unwrap();
    let shutdown = Shutdown::new();
    let app = App::new(&Shared::in_memory(), MemoryBus::new().into(), shutdown.clone());
    let mut tries = 0;
    let starting = app.until_there("the database", || {
        tries += 1;
        // The third pause would be a second at least.
        if tries == 3 {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
        }
        std::future::ready(Err::<(), _>(OpenError::away("nobody answers")))
    });
    let waited = Instant::now();
    let ended = shutdown.starting(&mut signals, starting).await;
    assert!(matches!(ended, Err(WaitError::Stopped(what)) if what == "the database"));
    assert!(waited.elapsed() < Duration::from_secs(5), "{:?}", waited.elapsed());
    assert!(shutdown.run_with(signals, STOP_LIMIT).await);
}
