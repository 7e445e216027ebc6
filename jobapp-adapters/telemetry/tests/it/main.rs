//! Ports within traces keep what they promise, and what a collector is told.

#[path = "../../../../tests/traces/collector.rs"]
mod collector;
mod told;
mod unreached;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jobapp_contracts::Harness;
use jobapp_contracts::bus::Bus;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::mail::Post;
use jobapp_kernel::{Clock, Timestamp};
use jobapp_memory::{MemoryBus, MemoryMailer, MemoryStore};
use jobapp_telemetry::{Telling, Traces, TracesConfig};

/// The system's clock.
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis())
            .ok()
            .and_then(|millis| Timestamp::from_millis(millis).ok())
            .unwrap_or(Timestamp::EPOCH)
    }
}

/// A collector that is told at once, where it is.
fn config(base: &str) -> TracesConfig {
    let endpoint = format!("{base}/v1/traces").parse().unwrap();
    TracesConfig { wait: Duration::from_millis(1), ..TracesConfig::to(endpoint, "kitchen") }
}

fn started(config: TracesConfig) -> (Traces, Telling) {
    Traces::start(config, Arc::new(|_| {})).unwrap()
}

/// Traces that nobody is told.
fn to_nobody() -> (Traces, Telling) {
    let config =
        TracesConfig { wait: Duration::from_secs(600), last_patience: Duration::ZERO, ..config("http://[::1]:9") };
    started(config)
}

async fn fresh() -> Harness {
    let store = MemoryStore::new();
    let corrupted = store.clone();
    Harness {
        kettles: jobapp_telemetry::traced("memory", store.repository::<Kettle>()),
        outbox: store.outbox(),
        sequence: store.sequence(),
        corrupt: Box::new(move |id, state| {
            assert!(corrupted.overwrite_state::<Kettle>(&id, state));
            Box::pin(async {})
        }),
        reopen: None,
        guard: Box::new(store),
    }
}

async fn a_fresh_bus() -> Bus {
    let (bus, (traces, telling)) = (Bus::of(Arc::new(MemoryBus::new())), to_nobody());
    // What waits is nobody's, and the tests are.
    std::mem::forget(telling);
    Bus {
        publisher: traces.publisher("kitchen", "memory", bus.publisher),
        subscriber: traces.subscriber("kitchen", "memory", bus.subscriber, Arc::new(Now)),
        ..bus
    }
}

async fn post() -> Post {
    let (mailer, (traces, telling)) = (Arc::new(MemoryMailer::default()), to_nobody());
    std::mem::forget(telling);
    let sent = Arc::clone(&mailer);
    Post {
        mailer: traces.mailer(mailer),
        arrived: Arc::new(move || {
            let mails = sent.sent().into_iter().map(|sent| (sent.mail.to, sent.mail.template)).collect();
            Box::pin(async move { mails })
        }),
        replaces: false,
        keep: Arc::new(()),
    }
}

mod store {
    jobapp_contracts::repository!(crate::fresh());
}
mod bus {
    jobapp_contracts::bus!(crate::a_fresh_bus());
    jobapp_contracts::bus_that_counts_losses!(crate::a_fresh_bus());
}
mod mail {
    jobapp_contracts::mailer!(crate::post());
}
