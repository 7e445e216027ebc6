//! Ports that are watched keep what they promise.

mod counted;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jobapp_contracts::Harness;
use jobapp_contracts::bus::Bus;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::mail::Post;
use jobapp_kernel::{Clock, Timestamp};
use jobapp_memory::{MemoryBus, MemoryMailer, MemoryStore};
use jobapp_metrics::Metrics;

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

async fn fresh() -> Harness {
    let store = MemoryStore::new();
    let corrupted = store.clone();
    Harness {
        kettles: store.repository::<Kettle>(),
        outbox: Metrics::new().outbox("kitchen", store.outbox()),
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
    let (bus, metrics) = (Bus::of(Arc::new(MemoryBus::new())), Metrics::new());
    Bus {
        publisher: metrics.publisher("kitchen", bus.publisher, Arc::new(Now)),
        subscriber: metrics.subscriber("kitchen", bus.subscriber, Arc::new(Now)),
        ..bus
    }
}

async fn post() -> Post {
    let mailer = Arc::new(MemoryMailer::default());
    let sent = Arc::clone(&mailer);
    Post {
        mailer: Metrics::new().mailer(mailer),
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
    jobapp_contracts::bus_of_known_messages!(crate::a_fresh_bus());
    jobapp_contracts::bus_that_counts_losses!(crate::a_fresh_bus());
}
mod mail {
    jobapp_contracts::mailer!(crate::post());
}
