//! The queue the services put events into.

use async_trait::async_trait;
use jobapp_kernel::{Delivery, Handler, Outcome, unreadable};
use jobapp_wire::messages::Realtime as Event;

use crate::Realtime;

/// Hands what comes from the queue to every gateway.
pub(crate) struct Consumer(pub(crate) Realtime);

#[async_trait]
impl Handler for Consumer {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let event: Event = match delivery.message.json() {
            Ok(event) => event,
            Err(error) => return Outcome::dead(unreadable(&error)),
        };
        match self.0.deliver(&delivery.effect(), &event).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::of(&error),
        }
    }
}
