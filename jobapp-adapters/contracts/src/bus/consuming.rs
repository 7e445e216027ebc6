//! Promises about how messages reach their handlers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jobapp_kernel::{Batch, Outcome, Subscription};

use super::{Bus, Probe, a_queue, in_time, message, messages, numbers};

/// Far longer than any test: what waits for this waits for ever.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Two consumers of a queue each get a part, nobody the same.
pub async fn consumers_of_a_queue_share_its_messages(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let (left, right) = (Probe::gated(), Probe::gated());
    let running = [bus.consume(Subscription::to(queue), &left), bus.consume(Subscription::to(queue), &right)];
    bus.publish(&messages(queue, 12)).await;
    left.seen(1).await;
    right.seen(1).await;
    assert_ne!(left.bodies()[0], right.bodies()[0]);
    left.let_through(12);
    right.let_through(12);
    for running in running {
        // Each stops once it is idle or has finished the one in its hands; the rest goes to a third consumer.
        running.stop().await;
    }
    let rest = Probe::done();
    let running = bus.consume(Subscription::to(queue), &rest);
    let seen_by_two = left.bodies().len() + right.bodies().len();
    rest.seen(12 - seen_by_two).await;
    running.stop().await;
    let mut all = [left.bodies(), right.bodies(), rest.bodies()].concat();
    all.sort_by_key(|body| body.parse::<usize>().unwrap());
    assert_eq!(all, numbers(12));
    bus.assert_empty(queue).await;
}

/// A consumer that takes one at a time gets them as they were published.
pub async fn one_at_a_time_keeps_the_order(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    let all = messages(queue, 60);
    for part in all.chunks(7) {
        bus.publish(part).await;
    }
    probe.seen(60).await;
    running.stop().await;
    assert_eq!(probe.bodies(), numbers(60));
    assert_eq!(probe.most_inside(), 1);
}

/// Never more than `prefetch`, and as many when there are enough.
pub async fn prefetch_bounds_what_is_in_flight(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::gated();
    let running = bus.consume(Subscription { prefetch: 3, ..Subscription::to(queue) }, &probe);
    bus.publish(&messages(queue, 10)).await;
    probe.seen(3).await;
    // Whatever else this consumer might be given would have come before this has made its way.
    bus.assert_empty(another_queue(bus).await).await;
    assert_eq!(probe.bodies().len(), 3);
    for let_through in 1..=7 {
        probe.let_through(1);
        probe.seen(3 + let_through).await;
    }
    probe.let_through(3);
    running.stop().await;
    assert_eq!(probe.most_inside(), 3);
    assert_eq!(probe.distinct_bodies().len(), 10);
    bus.assert_empty(queue).await;
}

async fn another_queue(bus: &Bus) -> jobapp_kernel::Queue {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    queue
}

/// Enough for a batch is a batch.
pub async fn a_full_batch_does_not_wait(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::done();
    let subscription = Subscription::to(queue).batched(Batch { max: 3, within: FOR_EVER });
    let running = bus.consume(subscription, &probe);
    bus.publish(&messages(queue, 2)).await;
    bus.publish(&[message(queue, "2")]).await;
    probe.seen(3).await;
    bus.publish(&messages(queue, 3)).await;
    probe.seen(6).await;
    running.stop().await;
    assert_eq!(probe.batches(), [3, 3]);
    bus.assert_empty(queue).await;
}

/// Time is up before the batch is full.
pub async fn a_batch_that_does_not_fill_is_handed_over_in_time(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::done();
    let within = Duration::from_millis(30);
    let running = bus.consume(Subscription::to(queue).batched(Batch { max: 100, within }), &probe);
    let published_at = Instant::now();
    bus.publish(&messages(queue, 2)).await;
    probe.seen(2).await;
    assert!(published_at.elapsed() >= within, "it might have become more");
    running.stop().await;
    assert_eq!(probe.batches().iter().sum::<usize>(), 2);
    assert_eq!(probe.bodies(), numbers(2));
    bus.assert_empty(queue).await;
}

/// One is done, one comes again, one is dead; none of them decides about the others.
pub async fn each_message_of_a_batch_has_its_own_outcome(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let after = bus.shortest_retry;
    let probe = Probe::answering(move |delivery| match (delivery.message.body.as_slice(), delivery.attempt) {
        (b"1", 0) => Outcome::Retry { after, counts: true, reason: "not yet".to_owned() },
        (b"2", _) => Outcome::dead("never"),
        _ => Outcome::Done,
    });
    let running =
        bus.consume(Subscription::to(queue).batched(Batch { max: 4, within: Duration::from_millis(5) }), &probe);
    bus.publish(&messages(queue, 4)).await;
    probe.seen(5).await;
    running.stop().await;
    assert_eq!(probe.bodies(), ["0", "1", "2", "3", "1"]);
    let dead = bus.dead_letters.list(queue.name, 10).await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.message.body.as_slice()).collect::<Vec<_>>(), [b"2"]);
    bus.assert_empty(queue).await;
}

/// What has to wait does so aside.
pub async fn a_retry_comes_again_later_and_blocks_nobody(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let after = bus.shortest_retry;
    let probe = Probe::answering(move |delivery| match (delivery.message.body.as_slice(), delivery.attempt) {
        (b"0", 0 | 1) => Outcome::Retry { after, counts: true, reason: "not yet".to_owned() },
        _ => Outcome::Done,
    });
    let started_at = Instant::now();
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.publish(&messages(queue, 3)).await;
    probe.seen(5).await;
    assert!(started_at.elapsed() >= after * 2, "a retry came too early");
    running.stop().await;
    let attempts: Vec<u32> =
        probe.deliveries().iter().filter(|delivery| delivery.message.body == b"0").map(|one| one.attempt).collect();
    assert_eq!(attempts, [0, 1, 2]);
    let others: Vec<String> = probe.bodies().into_iter().filter(|body| body != "0").collect();
    assert_eq!(others, ["1", "2"]);
    bus.assert_empty(queue).await;
}

/// An outage of what a handler needs says nothing about the message.
pub async fn a_retry_that_does_not_count_never_kills_a_message(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let after = bus.shortest_retry;
    let calls = AtomicU32::new(0);
    let probe = Probe::answering(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        1 => Outcome::Retry { after, counts: true, reason: "not yet".to_owned() },
        0 | 2..5 => Outcome::retry_patiently(after, "the store is away"),
        _ => Outcome::Done,
    });
    let running = bus.consume(Subscription { max_attempts: 2, ..Subscription::to(queue) }, &probe);
    bus.publish(&[message(queue, "patient")]).await;
    probe.seen(6).await;
    running.stop().await;
    let attempts: Vec<u32> = probe.deliveries().iter().map(|delivery| delivery.attempt).collect();
    assert_eq!(attempts, [0, 0, 1, 1, 1, 1]);
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), []);
    bus.assert_empty(queue).await;
}

/// A consumer outlives what its handler does, and the message is tried again.
pub async fn a_handler_that_panics_is_called_again(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::answering(|delivery| {
        assert!(delivery.attempt > 0, "told to panic");
        Outcome::Done
    });
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.publish(&[message(queue, "panic")]).await;
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(probe.deliveries()[1].attempt, 1);
    bus.assert_empty(queue).await;
}

/// The neighbours of a message that makes its handler panic are handled.
pub async fn a_panic_in_a_batch_harms_only_the_message_that_caused_it(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::answering(|delivery| {
        assert!(delivery.message.body != b"1", "told to panic");
        Outcome::Done
    });
    let batch = Batch { max: 3, within: FOR_EVER };
    let running = bus.consume(Subscription { max_attempts: 1, ..Subscription::to(queue).batched(batch) }, &probe);
    bus.publish(&messages(queue, 3)).await;
    let dead = super::dead_letters::dead_of(bus, queue, 1).await;
    running.stop().await;
    assert_eq!(dead[0].message.body, b"1");
    assert!(dead[0].reason.contains("told to panic"), "{}", dead[0].reason);
    bus.assert_empty(queue).await;
}

/// Stopping loses no work.
pub async fn stopping_waits_for_what_is_in_flight(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::gated();
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.publish(&messages(queue, 2)).await;
    probe.seen(1).await;
    let stopping = running.ask_to_stop();
    bus.assert_empty(another_queue(bus).await).await;
    assert!(!stopping.is_finished(), "it stopped with a delivery in its hands");
    probe.let_through(2);
    in_time("the consumer to stop", stopping).await.unwrap().unwrap();
    // The second one may have been taken before the consumer heard that it should stop.
    let rest = Probe::done();
    let running = bus.consume(Subscription::to(queue), &rest);
    rest.seen(2 - probe.bodies().len()).await;
    running.stop().await;
    assert_eq!([probe.bodies(), rest.bodies()].concat(), numbers(2));
    bus.assert_empty(queue).await;
}

/// What was taken for a batch is not kept back.
pub async fn stopping_hands_over_a_batch_that_is_not_full(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue).batched(Batch { max: 10, within: FOR_EVER }), &probe);
    bus.publish(&messages(queue, 2)).await;
    running.stop().await;
    let rest = Probe::done();
    let running = bus.consume(Subscription::to(queue), &rest);
    rest.seen(2 - probe.bodies().len()).await;
    running.stop().await;
    assert_eq!([probe.bodies(), rest.bodies()].concat(), numbers(2));
}

/// Nothing is acknowledged before it is done.
pub async fn what_a_vanished_consumer_had_is_delivered_again_and_marked(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let stuck = Probe::gated();
    let running = bus.consume(Subscription { prefetch: 2, ..Subscription::to(queue) }, &stuck);
    bus.publish(&messages(queue, 3)).await;
    stuck.seen(2).await;
    running.kill().await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(3).await;
    running.stop().await;
    let seen: Vec<(String, bool)> =
        probe.bodies().into_iter().zip(probe.deliveries().iter().map(|delivery| delivery.redelivered)).collect();
    assert_eq!(seen, [("0".to_owned(), true), ("1".to_owned(), true), ("2".to_owned(), false)]);
    bus.assert_empty(queue).await;
}

/// A message that kills its process would otherwise do so for ever.
pub async fn what_takes_its_consumer_down_every_time_is_given_up(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let deadly = Probe::gated();
    let subscription = Subscription { max_losses: 2, ..Subscription::to(queue) };
    bus.publish(&[message(queue, "deadly"), message(queue, "harmless")]).await;
    for times in 1..=2 {
        let running = bus.consume(subscription, &deadly);
        deadly.seen(times).await;
        running.kill().await;
    }
    let probe = Probe::done();
    let running = bus.consume(subscription, &probe);
    probe.seen(1).await;
    let dead = super::dead_letters::dead_of(bus, queue, 1).await;
    running.stop().await;
    assert_eq!(probe.bodies(), ["harmless"]);
    assert_eq!((dead[0].message.body.as_slice(), dead[0].attempts), (b"deadly".as_slice(), 2));
}

/// A message that was beside another one when its process died is no worse for it.
pub async fn lost_consumers_use_up_no_attempt(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let (after, gated) = (bus.shortest_retry, Probe::gated());
    let subscription = Subscription { max_attempts: 2, ..Subscription::to(queue) };
    bus.publish(&[message(queue, "innocent")]).await;
    for times in 1..=3 {
        let running = bus.consume(subscription, &gated);
        gated.seen(times).await;
        running.kill().await;
    }
    let probe = Probe::answering(move |delivery| match delivery.attempt {
        0 => Outcome::Retry { after, counts: true, reason: "not yet".to_owned() },
        _ => Outcome::Done,
    });
    let running = bus.consume(subscription, &probe);
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(probe.deliveries().iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), []);
}
