//! Messages on their way to the bus.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{Clock, Message, PublishError, Publisher};

use super::seconds_since;
use crate::{Counters, Histograms, LONG_SECONDS, Metrics};

crate::label! {
    /// What became of a message.
    pub enum Published: "outcome" {
        /// It is safe with the bus.
        Published = "published",
        /// No queue is bound for it.
        Unroutable = "unroutable",
        /// The bus was away, or did not confirm it.
        Failed = "failed",
    }
}

struct Watched {
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    messages: Counters<Published>,
    lag: Histograms<()>,
}

impl Metrics {
    /// The same publisher, for the relay of a service: what it publishes is counted, and how long after its event that was.
    pub fn publisher(
        &self,
        service: &'static str,
        publisher: Arc<dyn Publisher>,
        clock: Arc<dyn Clock>,
    ) -> Arc<dyn Publisher> {
        let fixed = [("service", service)];
        let messages = "Messages of the outbox, by what became of each try to publish one.";
        let lag = "How long after its event was stored a message was safe with the bus.";
        Arc::new(Watched {
            publisher,
            clock,
            messages: self.counters("jobapp_relay_messages_total", messages, &fixed),
            lag: self.histograms("jobapp_relay_lag_seconds", lag, &fixed, LONG_SECONDS),
        })
    }
}

#[async_trait]
impl Publisher for Watched {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let answers = self.publisher.publish(messages).await;
        let now = self.clock.now();
        for (message, answer) in messages.iter().zip(&answers) {
            let published = match answer {
                Ok(()) => {
                    self.lag.one().observe(seconds_since(message.timestamp, now));
                    Published::Published
                }
                Err(PublishError::Unroutable { .. }) => Published::Unroutable,
                Err(PublishError::Unavailable(_)) => Published::Failed,
            };
            self.messages.of(published).inc();
        }
        answers
    }
}
