//! The queue the services put events into.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{Delivery, Handler, Outcome, unreadable};
use jobapp_realtime_core::{Envelope, Fanout, Unavailable};
use jobapp_telemetry::TRACEPARENT;
use jobapp_wire::messages::Realtime as Event;
use serde_json::Value;

/// Hands an event to every gateway.
pub(crate) async fn publish(
    fanout: &dyn Fanout,
    id: &str,
    event: &Event,
    traceparent: Option<String>,
) -> Result<(), Unavailable> {
    // The existing client reads fields of the first argument without looking.
    if event.arguments.first().is_none_or(Value::is_null) {
        tracing::error!(id, event = event.event, "an event without content was passed over");
        return Ok(());
    }
    fanout.publish(Envelope { id: id.to_owned(), event: event.clone(), traceparent }).await
}

/// Hands what comes from the queue to every gateway.
pub(crate) struct Consumer(pub(crate) Arc<dyn Fanout>);

#[async_trait]
impl Handler for Consumer {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let event: Event = match delivery.message.json() {
            Ok(event) => event,
            Err(error) => return Outcome::dead(unreadable(&error)),
        };
        // Of several at once none is under way.
        let named = || delivery.message.headers.get(TRACEPARENT).cloned();
        let traceparent = jobapp_telemetry::traceparent().or_else(named);
        match publish(&*self.0, &delivery.effect(), &event, traceparent).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::of(&error),
        }
    }

    /// In order: while one waits for the other gateways, those behind it do.
    async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let outcome = match outcomes.last() {
                Some(waits @ Outcome::Retry { .. }) => waits.clone(),
                _ => self.handle(delivery).await,
            };
            outcomes.push(outcome);
        }
        outcomes
    }
}
