//! What is asked for each time somebody reads the metrics.

use std::sync::Arc;

use jobapp_kernel::{Clock, Queue, Queues};
use jobapp_metrics::{Gauges, Metrics};
use jobapp_runtime::error_text;

use crate::{Store, Vitals};

jobapp_metrics::label! {
    /// Whether requests must not come while something is in trouble.
    enum Vital: "vital" {
        /// They must not.
        Yes = "yes",
        /// They may.
        No = "no",
    }
}

/// Asks what waits in the outbox of a service, and since when.
pub(crate) fn backlog(metrics: &Metrics, service: &'static str, store: &Store, clock: Arc<dyn Clock>) {
    let fixed = [("service", service)];
    let gauge = |name, help| -> Gauges<()> { metrics.gauges(name, help, &fixed) };
    let waiting = gauge("jobapp_outbox_waiting", "Events that are stored and not yet published.");
    let stuck = gauge("jobapp_outbox_stuck", "Those of them that could not be published when it was last tried.");
    let oldest = gauge("jobapp_outbox_oldest_seconds", "How long the oldest of them has waited; 0 when none does.");
    let inventory = store.inventory();
    metrics.asks(move || {
        let (inventory, clock) = (Arc::clone(&inventory), Arc::clone(&clock));
        let (waiting, stuck, oldest) = (waiting.clone(), stuck.clone(), oldest.clone());
        async move {
            match inventory.backlog().await {
                Ok(backlog) => {
                    waiting.one().set(backlog.waiting as f64);
                    stuck.one().set(backlog.stuck as f64);
                    let now = clock.now().as_millis();
                    let age = backlog.oldest.map_or(0, |stored| (now - stored.as_millis()).max(0));
                    oldest.one().set(age as f64 / 1000.0);
                }
                Err(error) => {
                    tracing::debug!(service, error = error_text(&error), "what waits to be published is not known");
                    [&waiting, &stuck, &oldest].iter().for_each(|gauge| gauge.one().unknown());
                }
            }
        }
    });
}

/// Asks how long the queues are that a service consumes.
pub(crate) fn queues(metrics: &Metrics, service: &'static str, wanted: Vec<Queue>, queues: &Arc<dyn Queues>) {
    for queue in wanted {
        let fixed = [("service", service), ("queue", queue.name)];
        let gauge = |name, help| -> Gauges<()> { metrics.gauges(name, help, &fixed) };
        let waiting = gauge("jobapp_queue_waiting", "Messages that are ready to be taken, or wait for their retry.");
        let in_flight = gauge("jobapp_queue_in_flight", "Messages that are with a handler, where that is told.");
        let dead = gauge("jobapp_queue_dead", "Dead letters.");
        let consumers = gauge("jobapp_queue_consumers", "How many consume from the queue, where that is told.");
        let queues = Arc::clone(queues);
        metrics.asks(move || {
            let queues = Arc::clone(&queues);
            let gauges = [waiting.clone(), in_flight.clone(), dead.clone(), consumers.clone()];
            async move {
                let length = match queues.length(queue.name).await {
                    Ok(length) => length,
                    Err(error) => {
                        tracing::debug!(queue = queue.name, error = error_text(&error), "its length is not known");
                        None
                    }
                };
                let told =
                    length.map(|length| [Some(length.waiting), length.in_flight, Some(length.dead), length.consumers]);
                for (gauge, told) in gauges.iter().zip(told.unwrap_or_default()) {
                    told.map_or_else(|| gauge.one().unknown(), |count| gauge.one().set(count as f64));
                }
            }
        });
    }
}

/// Asks how many connections to its database a service has, where they are pooled.
pub(crate) fn pool(metrics: &Metrics, service: &'static str, store: &Store) {
    if store.pool().is_none() {
        return;
    }
    let fixed = [("service", service)];
    let gauge = |name, help| -> Gauges<()> { metrics.gauges(name, help, &fixed) };
    let open = gauge("jobapp_database_connections", "Open connections to the database.");
    let idle = gauge("jobapp_database_connections_idle", "Those of them that nobody uses at the moment.");
    let most = gauge("jobapp_database_connections_max", "How many there may be.");
    let store = store.clone();
    metrics.asks(move || {
        if let Some(pool) = store.pool() {
            open.one().set(f64::from(pool.open));
            idle.one().set(pool.idle as f64);
            most.one().set(f64::from(pool.most));
        }
        std::future::ready(())
    });
}

/// Asks how many of the things are in trouble on which the process stands.
pub fn parts(metrics: &Metrics, vitals: Arc<dyn Vitals>) {
    let help = "Things the process stands on that are in trouble; while a vital one is, requests must not come.";
    let troubles: Gauges<Vital> = metrics.gauges("jobapp_parts_in_trouble", help, &[]);
    metrics.asks(move || {
        let (vitals, troubles) = (Arc::clone(&vitals), troubles.clone());
        async move {
            let parts = vitals.parts().await;
            for (label, is_vital) in [(Vital::Yes, true), (Vital::No, false)] {
                let in_trouble = parts.iter().filter(|part| part.is_vital == is_vital && part.trouble.is_some());
                troubles.of(label).set(in_trouble.count() as f64);
            }
        }
    });
}
