//! Calls a handler so that nothing it does can harm the consumer.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use jobapp_kernel::{Delivery, Handler, Outcome};

/// Hands deliveries to a handler and returns one outcome for each.
///
/// A handler that panics asks for a retry. When it does so with several, each of them is handled again alone, so that one
/// bad message does not use up the attempts of its neighbours. A retry after the last attempt that counts is a death.
pub async fn call(handler: &dyn Handler, deliveries: &[Delivery], max_attempts: u32) -> Vec<Outcome> {
    let mut outcomes = match deliveries {
        [single] => vec![call_one(handler, single).await],
        several => match AssertUnwindSafe(handler.handle_batch(several)).catch_unwind().await {
            Ok(outcomes) => outcomes,
            Err(panic) => {
                tracing::error!(
                    queue = several.first().map(|delivery| delivery.queue),
                    panic = text_of(&*panic),
                    "the handler panicked with a batch; its messages are handled one by one"
                );
                let mut outcomes = Vec::with_capacity(several.len());
                for delivery in several {
                    outcomes.push(call_one(handler, delivery).await);
                }
                outcomes
            }
        },
    };
    outcomes.truncate(deliveries.len());
    for delivery in &deliveries[outcomes.len()..] {
        outcomes.push(Outcome::failed(delivery.attempt, "the handler did not say what became of it"));
    }
    for (delivery, outcome) in deliveries.iter().zip(&mut outcomes) {
        let attempts = delivery.attempt + 1;
        if let Outcome::Retry { reason, counts: true, .. } = outcome
            && attempts >= max_attempts
        {
            *outcome = Outcome::dead(format!("gave up after {attempts} attempts: {reason}"));
        }
    }
    outcomes
}

async fn call_one(handler: &dyn Handler, delivery: &Delivery) -> Outcome {
    // Through the batch function, so that a handler that only overrides that one sees every message.
    match AssertUnwindSafe(handler.handle_batch(std::slice::from_ref(delivery))).catch_unwind().await {
        Ok(mut outcomes) if !outcomes.is_empty() => outcomes.swap_remove(0),
        Ok(_) => Outcome::failed(delivery.attempt, "the handler did not say what became of it"),
        Err(panic) => {
            let reason = format!("the handler panicked: {}", text_of(&*panic));
            tracing::error!(queue = delivery.queue, message = ?delivery.message.id, "{reason}");
            Outcome::failed(delivery.attempt, reason)
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "no text",
    }
}
