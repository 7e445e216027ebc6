//! Promises about messages that no consumer could handle.

use std::time::Duration;

use jobapp_kernel::{Burial, DeadLetter, DeadLetterError, Outcome, Queue, Subscription, Timestamp};
use parking_lot::Mutex;

use super::{Bus, Probe, a_queue, in_time, message, messages, numbers};

/// Waits until a queue has this many dead letters.
pub(super) async fn dead_of(bus: &Bus, queue: Queue, count: usize) -> Vec<DeadLetter> {
    let enough = async {
        loop {
            let dead = bus.dead_letters.list(queue.name, 1000).await.unwrap();
            if dead.len() >= count {
                return dead;
            }
            // Nobody tells when a letter dies, so this looks again and again.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time("the dead letters", enough).await
}

/// Publishes messages and lets them die.
async fn let_die(bus: &Bus, queue: Queue, count: usize) -> Vec<DeadLetter> {
    let probe = Probe::answering(|_| Outcome::dead("a reason"));
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.publish(&messages(queue, count)).await;
    let dead = dead_of(bus, queue, count).await;
    running.stop().await;
    dead
}

/// A handler does not ask for retries for ever.
pub async fn after_the_last_attempt_a_message_is_a_dead_letter(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let after = bus.shortest_retry;
    let probe =
        Probe::answering(move |_| Outcome::Retry { after, counts: true, reason: "the moon is wrong".to_owned() });
    let running = bus.consume(Subscription { max_attempts: 3, ..Subscription::to(queue) }, &probe);
    let published = message(queue, "hopeless");
    bus.publish(std::slice::from_ref(&published)).await;
    let dead = dead_of(bus, queue, 1).await;
    running.stop().await;
    assert_eq!(probe.deliveries().iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("the moon is wrong"), "{}", dead[0].reason);
    assert_eq!((dead[0].queue.as_str(), dead[0].attempts, &dead[0].message), (queue.name, 3, &published));
    assert!(dead[0].died_at > Timestamp::from_millis(1_700_000_000_000).unwrap());
    bus.assert_empty(queue).await;
}

/// Some things never get better.
pub async fn a_dead_message_is_not_tried_again(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let dead = let_die(bus, queue, 1).await;
    assert_eq!((dead[0].reason.as_str(), dead[0].attempts), ("a reason", 1));
    bus.assert_empty(queue).await;
}

/// A poison body harms nobody and is kept for whoever looks into it.
pub async fn a_body_that_is_no_text_arrives_unchanged_even_as_a_dead_letter(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let mut poison = message(queue, "");
    poison.body = vec![0, 255, 0xC3, 0x28, b'"'];
    let probe = Probe::answering(|delivery| match delivery.message.json::<String>() {
        Ok(_) => Outcome::Done,
        Err(error) => Outcome::dead(error),
    });
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.publish(&[poison.clone(), message(queue, r#""fine""#)]).await;
    probe.seen(2).await;
    let dead = dead_of(bus, queue, 1).await;
    running.stop().await;
    assert_eq!(probe.deliveries()[0].message, poison);
    assert_eq!(dead[0].message, poison);
    bus.assert_empty(queue).await;
}

/// An operator sees what died first, and no more than asked for.
pub async fn dead_letters_are_listed_oldest_first_and_bounded(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let dead = let_die(bus, queue, 5).await;
    let bodies: Vec<String> =
        dead.iter().map(|letter| String::from_utf8_lossy(&letter.message.body).into_owned()).collect();
    assert_eq!(bodies, numbers(5));
    assert_eq!(bus.dead_letters.list(queue.name, 2).await.unwrap(), dead[..2]);
    assert_eq!(bus.dead_letters.list(a_queue().name, 10).await.unwrap(), []);
}

/// After a repair, the message is handled as if it were new.
pub async fn a_replayed_dead_letter_begins_anew(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let dead = let_die(bus, queue, 2).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    bus.dead_letters.replay(queue.name, &dead[0].id).await.unwrap();
    probe.seen(1).await;
    running.stop().await;
    let delivery = &probe.deliveries()[0];
    assert_eq!(delivery.message, dead[0].message);
    assert_eq!((delivery.attempt, delivery.redelivered), (0, false));
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), dead[1..]);
    bus.assert_empty(queue).await;
}

/// What nobody needs goes.
pub async fn a_discarded_dead_letter_is_gone(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let dead = let_die(bus, queue, 2).await;
    bus.dead_letters.discard(queue.name, &dead[0].id).await.unwrap();
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), dead[1..]);
    bus.assert_empty(queue).await;
}

/// Each once, and those that are not there harm no other.
pub async fn several_dead_letters_are_replayed_or_discarded_at_once(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let dead = let_die(bus, queue, 6).await;
    let ids = |wanted: &[usize]| {
        let mut ids: Vec<String> = wanted.iter().map(|index| dead[*index].id.clone()).collect();
        ids.insert(1, "no such id".to_owned());
        ids
    };
    let told = Mutex::new(Vec::new());
    let done = |id: &str| told.lock().push(id.to_owned());
    let probe = Probe::done();
    bus.dead_letters.bury_each(queue.name, &ids(&[4, 1]), Burial::Replay, &done).await.unwrap();
    bus.dead_letters.bury_each(queue.name, &ids(&[0, 1, 3]), Burial::Discard, &done).await.unwrap();
    bus.dead_letters.bury_each(a_queue().name, &ids(&[2]), Burial::Discard, &done).await.unwrap();
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), [dead[2].clone(), dead[5].clone()]);
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(2).await;
    running.stop().await;
    let mut back = probe.bodies();
    back.sort_unstable();
    assert_eq!(back, ["1", "4"]);
    let mut told = told.into_inner();
    told.sort_unstable();
    let mut buried: Vec<String> = [0, 1, 3, 4].map(|index: usize| dead[index].id.clone()).into();
    buried.sort_unstable();
    assert_eq!(told, buried);
}

/// Two operators at once are told apart from a success.
pub async fn a_dead_letter_that_is_not_there_is_not_found(bus: &Bus) {
    let (queue, other) = (a_queue(), a_queue());
    bus.declare(&[queue, other]).await;
    let dead = let_die(bus, queue, 1).await;
    let id = dead[0].id.as_str();
    for (queue, id) in [(queue.name, "no such id"), (other.name, id), (a_queue().name, id)] {
        let replayed = bus.dead_letters.replay(queue, id).await.unwrap_err();
        assert!(matches!(replayed, DeadLetterError::NotFound { .. }), "{replayed:?}");
        let discarded = bus.dead_letters.discard(queue, id).await.unwrap_err();
        assert!(matches!(discarded, DeadLetterError::NotFound { .. }), "{discarded:?}");
    }
    assert_eq!(bus.dead_letters.list(queue.name, 10).await.unwrap(), dead);
}
