//! Messages on their way to their handlers.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jobapp_kernel::{BindError, Clock, Delivery, Handler, Outcome, Queue, Subscriber, Subscription};

use super::seconds_since;
use crate::{Counters, Gauges, Histograms, LONG_SECONDS, Metrics, SECONDS};

crate::label! {
    /// What became of a delivery.
    pub enum Delivered: "outcome" {
        /// Its effect is stored.
        Done = "done",
        /// The handler could make nothing of it; it comes again a few times.
        Refused = "refused",
        /// Something it needs is away; it comes again as long as that lasts.
        Postponed = "postponed",
        /// It can never be handled.
        Dead = "dead",
    }
}

impl From<&Outcome> for Delivered {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Retry { counts: true, .. } => Self::Refused,
            Outcome::Retry { counts: false, .. } => Self::Postponed,
            Outcome::Dead { .. } => Self::Dead,
        }
    }
}

struct Watched {
    metrics: Metrics,
    service: &'static str,
    subscriber: Arc<dyn Subscriber>,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// The same subscriber, for a service: what its handlers get is counted.
    pub fn subscriber(
        &self,
        service: &'static str,
        subscriber: Arc<dyn Subscriber>,
        clock: Arc<dyn Clock>,
    ) -> Arc<dyn Subscriber> {
        Arc::new(Watched { metrics: self.clone(), service, subscriber, clock })
    }
}

#[async_trait]
impl Subscriber for Watched {
    async fn declare(&self, queues: &[Queue]) -> Result<(), BindError> {
        self.subscriber.declare(queues).await
    }

    async fn consume(
        &self,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Result<(), BindError> {
        let fixed = [("service", self.service), ("queue", subscription.queue.name)];
        let metrics = &self.metrics;
        let under_way = "Deliveries that are with the handler.";
        let taken = "Deliveries that the handler got.";
        let outcomes = "Deliveries, by what became of them.";
        let durations = "How long the handler took for what it got at once.";
        let lag = "How long after its event was stored a message had its effect.";
        let handler = Arc::new(WatchedHandler {
            handler,
            clock: Arc::clone(&self.clock),
            under_way: metrics.gauges("jobapp_consumer_under_way", under_way, &fixed),
            taken: metrics.counters("jobapp_consumer_taken_total", taken, &fixed),
            outcomes: metrics.counters("jobapp_consumer_deliveries_total", outcomes, &fixed),
            durations: metrics.histograms("jobapp_consumer_duration_seconds", durations, &fixed, SECONDS),
            lag: metrics.histograms("jobapp_consumer_lag_seconds", lag, &fixed, LONG_SECONDS),
        });
        self.subscriber.consume(subscription, handler, stop).await
    }
}

struct WatchedHandler {
    handler: Arc<dyn Handler>,
    clock: Arc<dyn Clock>,
    under_way: Gauges<()>,
    taken: Counters<()>,
    outcomes: Counters<Delivered>,
    durations: Histograms<()>,
    lag: Histograms<()>,
}

impl WatchedHandler {
    fn begins(&self, count: usize) -> UnderWay<'_> {
        self.taken.one().add(count as u64);
        (0..count).for_each(|_| self.under_way.one().inc());
        UnderWay { of: self, count, began: Instant::now() }
    }

    fn ended(&self, delivery: &Delivery, outcome: &Outcome) {
        let delivered = Delivered::from(outcome);
        self.outcomes.of(delivered).inc();
        if delivered == Delivered::Done {
            self.lag.one().observe(seconds_since(delivery.message.timestamp, self.clock.now()));
        }
    }
}

/// What the handler has, until it ends, even if it panics.
struct UnderWay<'h> {
    of: &'h WatchedHandler,
    count: usize,
    began: Instant,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        (0..self.count).for_each(|_| self.of.under_way.one().dec());
        self.of.durations.one().observe(self.began.elapsed().as_secs_f64());
    }
}

#[async_trait]
impl Handler for WatchedHandler {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let under_way = self.begins(1);
        let outcome = self.handler.handle(delivery).await;
        drop(under_way);
        self.ended(delivery, &outcome);
        outcome
    }

    async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let under_way = self.begins(deliveries.len());
        let outcomes = self.handler.handle_batch(deliveries).await;
        drop(under_way);
        deliveries.iter().zip(&outcomes).for_each(|(delivery, outcome)| self.ended(delivery, outcome));
        outcomes
    }
}
