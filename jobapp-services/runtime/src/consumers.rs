//! Consumers: handlers as async functions, attached to a bus, watched and stopped with the service.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    BindError, Delivery, Handler, Kinded, Outcome, Queue, Subscriber, Subscription, error_text, unreadable,
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::backoff::Backoff;

/// A consumer's wishes and what handles its deliveries.
pub type Consumer = (Subscription, Arc<dyn Handler>);

/// What a handling function may return.
pub trait Handled {
    /// What became of a delivery.
    fn outcome(self) -> Outcome;
}

impl Handled for Outcome {
    fn outcome(self) -> Outcome {
        self
    }
}

/// Done when all went well; otherwise see [`Outcome::of`].
impl<T, E: Kinded + 'static> Handled for Result<T, E> {
    fn outcome(self) -> Outcome {
        self.map_or_else(|error| Outcome::of(&error), |_| Outcome::Done)
    }
}

/// A handler that reads the body as JSON of type `M` and gives it to an async function, together with the delivery.
///
/// A body of another shape is dead at once. The function returns an [`Outcome`], or a `Result` whose error is [`Kinded`].
///
/// ```
/// use jobapp_kernel::{Delivery, Outcome};
/// #[derive(serde::Deserialize)]
/// struct Counted { count: i64 }
///
/// let handler = jobapp_runtime::json_handler(|body: Counted, delivery: Delivery| async move {
///     if body.count < 0 { Outcome::dead(format!("a negative count in {}", delivery.effect())) } else { Outcome::Done }
/// });
/// # drop(handler);
/// ```
pub fn json_handler<M, F, R>(handle: F) -> Arc<dyn Handler>
where
    M: DeserializeOwned + Send + 'static,
    F: Fn(M, Delivery) -> R + Send + Sync + 'static,
    R: Future<Output: Handled> + Send + 'static,
{
    Arc::new(JsonHandler { handle, body: PhantomData })
}

struct JsonHandler<M, F> {
    handle: F,
    body: PhantomData<fn() -> M>,
}

#[async_trait]
impl<M, F, R> Handler for JsonHandler<M, F>
where
    M: DeserializeOwned + Send + 'static,
    F: Fn(M, Delivery) -> R + Send + Sync + 'static,
    R: Future<Output: Handled> + Send + 'static,
{
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let body = match delivery.message.json() {
            Ok(body) => body,
            Err(error) => return Outcome::dead(unreadable(&error)),
        };
        let handled = (self.handle)(body, delivery.clone()).await;
        handled.outcome()
    }
}

/// A consumer that hands each message and its version to an async function.
pub fn told<M, F, R>(queue: Queue, hear: F) -> Consumer
where
    M: DeserializeOwned + Send + 'static,
    F: Fn(M, Option<u64>) -> R + Send + Sync + 'static,
    R: Future<Output: Handled> + Send + 'static,
{
    (
        Subscription::to(queue).commuting(),
        json_handler(move |body: M, delivery: Delivery| hear(body, delivery.message.version())),
    )
}

/// Declares all queues, so that nothing published from now on misses them, and starts a task for each consumer. The tasks end
/// when `stop` is cancelled and what is with the handlers is done.
///
/// # Errors
/// [`BindError`] when a queue cannot be declared; nothing was started then.
pub async fn spawn_consumers(
    subscriber: &Arc<dyn Subscriber>,
    consumers: impl IntoIterator<Item = Consumer>,
    stop: &CancellationToken,
    tracker: &TaskTracker,
) -> Result<(), BindError> {
    let consumers: Vec<Consumer> = consumers.into_iter().collect();
    let queues: Vec<Queue> = consumers.iter().map(|(subscription, _)| subscription.queue).collect();
    subscriber.declare(&queues).await?;
    for (subscription, handler) in consumers {
        tracker.spawn(run_consumer(Arc::clone(subscriber), subscription, handler, stop.clone()));
    }
    Ok(())
}

/// Consumes until `stop` is cancelled, however often the bus fails.
pub async fn run_consumer(
    subscriber: Arc<dyn Subscriber>,
    subscription: Subscription,
    handler: Arc<dyn Handler>,
    stop: CancellationToken,
) {
    let handler: Arc<dyn Handler> = Arc::new(Watched { handler });
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
    while !stop.is_cancelled() {
        let stopped = Box::pin(stop.clone().cancelled_owned());
        let queue = subscription.queue.name;
        match subscriber.consume(subscription, Arc::clone(&handler), stopped).await {
            Ok(()) if stop.is_cancelled() => return,
            Ok(()) => tracing::warn!(queue, "the consumer ended by itself and is started again"),
            Err(error) => tracing::error!(queue, error = error_text(&error), "the consumer is started again"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

/// Handles within a span, says what was not done, and refuses what cannot be handled safely.
struct Watched {
    handler: Arc<dyn Handler>,
}

#[async_trait]
impl Handler for Watched {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        // The bus calls the batch function; so does this, so that a handler of batches sees every message there.
        let mut outcomes = self.handle_batch(std::slice::from_ref(delivery)).await;
        outcomes.pop().unwrap_or_else(|| unknown(delivery))
    }

    async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        self.handle_safe(deliveries).instrument(span_of(deliveries)).await
    }
}

impl Watched {
    /// Keeps from the handler what may not be repeated.
    async fn handle_safe(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let handled = if deliveries.iter().all(|delivery| refuse(delivery).is_none()) {
            self.handler.handle_batch(deliveries).await
        } else {
            let safe: Vec<Delivery> =
                deliveries.iter().filter(|delivery| refuse(delivery).is_none()).cloned().collect();
            if safe.is_empty() { Vec::new() } else { self.handler.handle_batch(&safe).await }
        };
        let mut handled = handled.into_iter();
        let mut outcomes = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let outcome = refuse(delivery).or_else(|| handled.next()).unwrap_or_else(|| unknown(delivery));
            report(delivery, &outcome);
            outcomes.push(outcome);
        }
        outcomes
    }
}

fn span_of(deliveries: &[Delivery]) -> tracing::Span {
    if let [single] = deliveries {
        let message = &single.message;
        return tracing::info_span!(
            "handle",
            queue = single.queue,
            message_id = message.id.as_ref().map(tracing::field::display),
            kind = message.kind,
            attempt = single.attempt,
            redelivered = single.redelivered,
            request_id = message.headers.get("x-request-id").map(String::as_str),
            traceparent = message.headers.get("traceparent").map(String::as_str),
        );
    }
    tracing::info_span!("handle", queue = deliveries.first().map(|delivery| delivery.queue), count = deliveries.len())
}

fn unknown(delivery: &Delivery) -> Outcome {
    Outcome::failed(delivery.attempt, "the handler did not say what became of it")
}

/// A message without an id could have its effect twice: nothing tells whether it was applied before it came back.
fn refuse(delivery: &Delivery) -> Option<Outcome> {
    let unsafe_to_repeat = delivery.message.id.is_none() && delivery.redelivered;
    unsafe_to_repeat.then(|| Outcome::dead("it has no id and may have been handled before"))
}

/// Retries are warnings, deaths are errors: an operator has to look at them.
fn report(delivery: &Delivery, outcome: &Outcome) {
    let queue = delivery.queue;
    let message_id = delivery.message.id.as_ref().map(tracing::field::display);
    let kind = delivery.message.kind.as_str();
    let attempt = delivery.attempt;
    match outcome {
        Outcome::Done => tracing::debug!(queue, message_id, kind, attempt, "handled a message"),
        Outcome::Retry { after, reason, .. } => {
            let after_ms = after.as_millis();
            tracing::warn!(queue, message_id, kind, attempt, after_ms, reason, "a message is tried again later");
        }
        Outcome::Dead { reason } => {
            tracing::error!(queue, message_id, kind, attempt, reason, "a message is dead");
        }
    }
}
