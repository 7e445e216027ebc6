//! Promises about how long queues are.

use std::time::Duration;

use jobapp_kernel::{Outcome, Queue, QueueLength, Subscription};

use super::{Bus, Probe, a_queue, in_time, messages};

/// Waits until a queue has come to this. Brokers count a moment later than they store.
async fn comes_to(bus: &Bus, queue: Queue, what: &str, is_so: impl Fn(&QueueLength) -> bool) -> QueueLength {
    let counting = async {
        loop {
            let length = bus.queues.length(queue.name).await.unwrap().expect("it is declared");
            if is_so(&length) {
                return length;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(what, counting).await
}

/// Nothing is made by asking.
pub async fn a_queue_that_nobody_declared_has_no_length(bus: &Bus) {
    let queue = a_queue();
    for _ in 0..2 {
        assert_eq!(bus.queues.length(queue.name).await.unwrap(), None);
    }
    bus.declare(&[queue]).await;
    let length = bus.queues.length(queue.name).await.unwrap().expect("it is declared");
    assert_eq!((length.waiting, length.dead), (0, 0));
}

/// Of this queue and of no other.
pub async fn what_waits_is_counted(bus: &Bus) {
    let (queue, other) = (a_queue(), a_queue());
    bus.declare(&[queue, other]).await;
    bus.publish(&messages(queue, 3)).await;
    let length = comes_to(bus, queue, "three messages to be counted", |length| length.waiting == 3).await;
    assert_eq!((length.dead, length.in_flight.unwrap_or(0), length.consumers.unwrap_or(0)), (0, 0, 0));
    assert_eq!(comes_to(bus, other, "none", |_| true).await.waiting, 0);
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(3).await;
    comes_to(bus, queue, "nothing to wait", |length| length.waiting == 0).await;
    running.stop().await;
}

/// Where it is told who consumes, nobody is forgotten and nobody stays.
pub async fn consumers_are_counted_or_not_told(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    comes_to(bus, queue, "a consumer to be counted", |length| length.consumers.is_none_or(|count| count == 1)).await;
    running.stop().await;
    comes_to(bus, queue, "the consumer to be gone", |length| length.consumers.is_none_or(|count| count == 0)).await;
}

/// It will be delivered again.
pub async fn what_waits_for_its_retry_waits(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    bus.publish(&messages(queue, 1)).await;
    let probe = Probe::answering(|_| Outcome::Retry {
        after: Duration::from_secs(60),
        counts: true,
        reason: "a reason".to_owned(),
    });
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(1).await;
    running.stop().await;
    comes_to(bus, queue, "the retry to be counted", |length| length.waiting == 1).await;
}

/// And are not among those that wait.
pub async fn dead_letters_are_counted(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    bus.publish(&messages(queue, 2)).await;
    let probe = Probe::answering(|_| Outcome::dead("a reason"));
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(2).await;
    let length = comes_to(bus, queue, "two dead letters", |length| length.dead == 2 && length.waiting == 0).await;
    running.stop().await;
    let letters = bus.dead_letters.list(queue.name, 10).await.unwrap();
    assert_eq!(letters.len() as u64, length.dead);
    bus.dead_letters.discard(queue.name, &letters[0].id).await.unwrap();
    comes_to(bus, queue, "one dead letter", |length| length.dead == 1).await;
}
