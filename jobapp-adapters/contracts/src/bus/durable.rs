//! Promises about closing a bus and opening it again.

use std::time::Duration;

use jobapp_kernel::{Outcome, Subscription};

use super::dead_letters::dead_of;
use super::{Place, Probe, a_queue, message, messages, numbers};

/// What was confirmed is safe.
pub async fn what_was_published_is_there_after_opening_again(place: &dyn Place) {
    let queue = a_queue();
    let bus = place.open().await;
    bus.declare(&[queue]).await;
    bus.publish(&messages(queue, 3)).await;
    place.close().await;
    let bus = place.open().await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(3).await;
    running.stop().await;
    assert_eq!(probe.bodies(), numbers(3));
    assert!(probe.deliveries().iter().all(|delivery| !delivery.redelivered && delivery.attempt == 0));
    place.close().await;
}

/// A relay may publish before the consumers have declared anything.
pub async fn queues_and_bindings_are_there_after_opening_again(place: &dyn Place) {
    let queue = a_queue();
    place.open().await.declare(&[queue]).await;
    place.close().await;
    let bus = place.open().await;
    bus.publish(&messages(queue, 1)).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(1).await;
    running.stop().await;
    place.close().await;
}

/// A process that ends has not handled what it was handling.
pub async fn what_was_in_flight_is_delivered_again_and_marked_after_opening_again(place: &dyn Place) {
    let queue = a_queue();
    let bus = place.open().await;
    bus.declare(&[queue]).await;
    let stuck = Probe::gated();
    let running = bus.consume(Subscription::to(queue), &stuck);
    bus.publish(&messages(queue, 2)).await;
    stuck.seen(1).await;
    place.close().await;
    running.kill().await;
    let bus = place.open().await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(probe.bodies(), numbers(2));
    assert_eq!(probe.deliveries().iter().map(|delivery| delivery.redelivered).collect::<Vec<_>>(), [true, false]);
    place.close().await;
}

/// A restart neither forgets a retry nor forgives an attempt.
pub async fn retries_and_their_attempts_are_there_after_opening_again(place: &dyn Place) {
    let queue = a_queue();
    let bus = place.open().await;
    bus.declare(&[queue]).await;
    let after = bus.shortest_retry;
    let probe = Probe::answering(move |_| Outcome::Retry { after, counts: true, reason: "not yet".to_owned() });
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.publish(&messages(queue, 1)).await;
    probe.seen(1).await;
    running.stop().await;
    place.close().await;
    let bus = place.open().await;
    let seen_before = probe.deliveries().len();
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(1).await;
    running.stop().await;
    assert_eq!(usize::try_from(probe.deliveries()[0].attempt).unwrap(), seen_before);
    place.close().await;
}

/// An operator may come days later.
pub async fn dead_letters_are_there_after_opening_again(place: &dyn Place) {
    let queue = a_queue();
    let bus = place.open().await;
    bus.declare(&[queue]).await;
    let probe = Probe::answering(|_| Outcome::dead("a reason"));
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.publish(&messages(queue, 2)).await;
    let dead = dead_of(&bus, queue, 2).await;
    running.stop().await;
    place.close().await;
    let bus = place.open().await;
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), dead);
    bus.dead_letters.replay(queue.name, &dead[0].id).await.unwrap();
    place.close().await;
    let bus = place.open().await;
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), dead[1..]);
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(1).await;
    running.stop().await;
    place.close().await;
}

/// What was acknowledged does not come back.
pub async fn what_was_handled_is_gone_after_opening_again(place: &dyn Place) {
    let queue = a_queue();
    let bus = place.open().await;
    bus.declare(&[queue]).await;
    let probe = Probe::done();
    let batch = jobapp_kernel::Batch { max: 4, within: Duration::from_millis(1) };
    let running = bus.consume(Subscription::to(queue).batched(batch), &probe);
    bus.publish(&messages(queue, 10)).await;
    probe.seen(10).await;
    running.stop().await;
    place.close().await;
    let bus = place.open().await;
    bus.assert_empty(queue).await;
    bus.publish(&[message(queue, "new")]).await;
    place.close().await;
}
