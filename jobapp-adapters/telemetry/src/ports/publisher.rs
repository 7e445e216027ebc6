//! Messages on their way to the bus.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{Message, PublishError, Publisher};
use opentelemetry::trace::SpanKind;

use crate::traces::{Span, current};
use crate::{TRACEPARENT, Traces, parent};

struct Watched {
    traces: Traces,
    service: &'static str,
    system: &'static str,
    publisher: Arc<dyn Publisher>,
}

impl Traces {
    /// The same publisher of a service, whose messages go on with the trace they come from: the one that is under way, or the one they
    /// name. Those of no trace are left alone. `system` is what the bus is.
    pub fn publisher(
        &self,
        service: &'static str,
        system: &'static str,
        publisher: Arc<dyn Publisher>,
    ) -> Arc<dyn Publisher> {
        if !self.is_on() {
            return publisher;
        }
        Arc::new(Watched { traces: self.clone(), service, system, publisher })
    }
}

impl Watched {
    /// The span of a message, if it is in a trace that is told.
    fn span(&self, message: &Message) -> Option<Span> {
        let named = || message.headers.get(TRACEPARENT).and_then(|value| parent::read(value));
        let from = current().or_else(named)?;
        if !from.is_sampled() {
            return None;
        }
        // An exchange has one of a few names; what it is for is in the routing key, which nobody has promised to be few.
        let span = self.traces.begun(SpanKind::Producer, Some(&from), ["send ", &message.exchange].concat().into())?;
        span.says("messaging.operation.name", "send");
        span.says("messaging.operation.type", "send");
        span.says("messaging.system", self.system);
        span.says("messaging.destination.name", message.exchange.clone());
        span.says("messaging.rabbitmq.destination.routing_key", message.routing_key.clone());
        if let Some(id) = &message.id {
            span.says("messaging.message.id", id.to_string());
        }
        span.says("jobapp.service", self.service);
        Some(span)
    }
}

#[async_trait]
impl Publisher for Watched {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let spans: Vec<Option<Span>> = messages.iter().map(|message| self.span(message)).collect();
        let under_way = current().map(|ids| parent::written(&ids));
        if under_way.is_none() && spans.iter().all(Option::is_none) {
            return self.publisher.publish(messages).await;
        }
        let mut carrying = messages.to_vec();
        for (message, span) in carrying.iter_mut().zip(&spans) {
            match (span, &under_way) {
                (Some(span), _) => drop(message.headers.insert(TRACEPARENT.to_owned(), span.traceparent())),
                // That a trace is not told is told, too: whoever takes the message must not begin one.
                (None, Some(traceparent)) => {
                    drop(message.headers.insert(TRACEPARENT.to_owned(), traceparent.clone()));
                }
                (None, None) => {}
            }
        }
        let answers = self.publisher.publish(&carrying).await;
        for (span, answer) in spans.iter().zip(&answers) {
            if let (Some(span), Err(error)) = (span, answer) {
                span.failed(match error {
                    PublishError::Unroutable { .. } => "unroutable",
                    PublishError::Unavailable(_) => "unavailable",
                });
            }
        }
        answers
    }
}
