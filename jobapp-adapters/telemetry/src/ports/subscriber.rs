//! Messages on their way to their handlers.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{BindError, Clock, Delivery, Handler, Outcome, Queue, Subscriber, Subscription};
use opentelemetry::trace::SpanKind;

use crate::traces::Span;
use crate::{TRACEPARENT, Traces, parent};

/// For so long after its event a message goes on with the trace of it. Later, as after an outage or when a dead letter is replayed, it
/// begins one of its own, with a link: a trace that is over for everybody must not grow again.
const FRESH: Duration = Duration::from_secs(600);

struct Watched {
    traces: Traces,
    service: &'static str,
    system: &'static str,
    clock: Arc<dyn Clock>,
    subscriber: Arc<dyn Subscriber>,
}

impl Traces {
    /// The same subscriber of a service, whose handlers work within spans of the traces that messages come from. `system` is what the
    /// bus is.
    pub fn subscriber(
        &self,
        service: &'static str,
        system: &'static str,
        subscriber: Arc<dyn Subscriber>,
        clock: Arc<dyn Clock>,
    ) -> Arc<dyn Subscriber> {
        if !self.is_on() {
            return subscriber;
        }
        Arc::new(Watched { traces: self.clone(), service, system, clock, subscriber })
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
        let handler = Arc::new(WatchedHandler {
            traces: self.traces.clone(),
            service: self.service,
            system: self.system,
            clock: Arc::clone(&self.clock),
            handler,
        });
        self.subscriber.consume(subscription, handler, stop).await
    }
}

struct WatchedHandler {
    traces: Traces,
    service: &'static str,
    system: &'static str,
    clock: Arc<dyn Clock>,
    handler: Arc<dyn Handler>,
}

impl WatchedHandler {
    fn span(&self, delivery: &Delivery) -> Option<Span> {
        let message = &delivery.message;
        let came_from = message.headers.get(TRACEPARENT).and_then(|value| parent::read(value));
        let age = self.clock.now().as_millis() - message.timestamp.as_millis();
        let is_fresh = u128::try_from(age).unwrap_or(0) <= FRESH.as_millis();
        let goes_on = delivery.attempt == 0 && !delivery.redelivered && is_fresh;
        let name = ["process ", delivery.queue].concat().into();
        let span = match &came_from {
            // What whoever began it does not want told, nobody tells, however often it is tried.
            Some(from) if goes_on || !from.is_sampled() => {
                self.traces.linked(SpanKind::Consumer, Some(from), Some(from), name)
            }
            from => self.traces.linked(SpanKind::Consumer, None, from.as_ref(), name),
        }?;
        if span.is_sampled() {
            span.says("messaging.operation.name", "process");
            span.says("messaging.operation.type", "process");
            span.says("messaging.system", self.system);
            span.says("messaging.destination.name", delivery.queue);
            span.says("jobapp.message.attempt", i64::from(delivery.attempt));
            if let Some(id) = &message.id {
                span.says("messaging.message.id", id.to_string());
            }
            span.says("jobapp.service", self.service);
        }
        Some(span)
    }
}

fn ended(span: &Span, outcome: &Outcome) {
    match outcome {
        Outcome::Done => {}
        Outcome::Retry { counts: true, .. } => span.failed("refused"),
        Outcome::Retry { counts: false, .. } => span.failed("postponed"),
        Outcome::Dead { .. } => span.failed("dead"),
    }
}

#[async_trait]
impl Handler for WatchedHandler {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let Some(span) = self.span(delivery) else { return self.handler.handle(delivery).await };
        let outcome = span.within(self.handler.handle(delivery)).await;
        ended(&span, &outcome);
        outcome
    }

    /// Each in its own trace. What is done for several at once is done in none of them: a handler that hands on what it got goes by
    /// what each message came with.
    async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let spans: Vec<Option<Span>> = deliveries.iter().map(|delivery| self.span(delivery)).collect();
        let handling = self.handler.handle_batch(deliveries);
        let outcomes = match spans.as_slice() {
            [Some(only)] => only.within(handling).await,
            _ => handling.await,
        };
        for (span, outcome) in spans.iter().zip(&outcomes) {
            if let Some(span) = span {
                ended(span, outcome);
            }
        }
        outcomes
    }
}
