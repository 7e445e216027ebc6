//! The queue the services put events into.

use async_trait::async_trait;
use jobapp_kernel::{Delivery, Handler, Outcome};
use jobapp_wire::messages::Realtime as Event;

use crate::Realtime;

/// Hands what comes from the queue to every gateway.
pub(crate) struct Consumer(pub(crate) Realtime);

#[async_trait]
impl Handler for Consumer {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let event: Event = match delivery.message.json() {
            Ok(event) => event,
            // Never what is there: the reason is logged, and messages are private.
            Err(error) => {
                let (kind, line, column) = (error.classify(), error.line(), error.column());
                return Outcome::dead(format!("the body cannot be read: {kind:?} (line {line}, column {column})"));
            }
        };
        match self.0.deliver(&delivery.effect(), &event).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(delivery.attempt, error),
        }
    }
}
