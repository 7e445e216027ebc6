//! Promises about where messages go.

use std::collections::BTreeMap;

use jobapp_kernel::{Exchange, ExchangeKind, PublishError, Subscription};

use super::{Bus, Probe, a_queue, in_time, message, messages, numbers, queue_on, unique};

/// A direct exchange compares routing keys.
pub async fn a_message_reaches_the_queues_bound_with_its_key(bus: &Bus) {
    let exchange = Exchange { name: unique("exchange"), kind: ExchangeKind::Direct };
    let (one, also_one, other) = (queue_on(exchange, "one"), queue_on(exchange, "one"), queue_on(exchange, "other"));
    bus.declare(&[one, also_one, other]).await;
    bus.publish(&[message(one, "for one"), message(other, "for other")]).await;
    bus.publish(&[message(one, "the end"), message(other, "the end")]).await;
    for (queue, expected) in [(one, "for one"), (also_one, "for one"), (other, "for other")] {
        let probe = Probe::done();
        let running = bus.consume(Subscription::to(queue), &probe);
        probe.seen(2).await;
        running.stop().await;
        assert_eq!(probe.bodies(), [expected, "the end"]);
    }
}

/// A fan-out does not look at routing keys.
pub async fn a_fanout_reaches_every_bound_queue(bus: &Bus) {
    let exchange = Exchange { name: unique("exchange"), kind: ExchangeKind::Fanout };
    let (one, other) = (queue_on(exchange, ""), queue_on(exchange, ""));
    bus.declare(&[one, other]).await;
    let mut with_key = message(one, "second");
    with_key.routing_key = "a key".to_owned();
    bus.publish(&[message(one, "first"), with_key]).await;
    for queue in [one, other] {
        let probe = Probe::done();
        let running = bus.consume(Subscription::to(queue), &probe);
        probe.seen(2).await;
        running.stop().await;
        assert_eq!(probe.bodies(), ["first", "second"]);
    }
}

/// What nobody waits for is refused; what was published with it goes its way.
pub async fn a_message_without_a_queue_is_refused_and_disturbs_no_other(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let mut other_key = message(queue, "no queue");
    other_key.routing_key = "another key".to_owned();
    let mut other_exchange = message(queue, "no exchange");
    other_exchange.exchange = unique("exchange").to_owned();
    let batch = [message(queue, "0"), other_key, message(queue, "1"), other_exchange, message(queue, "2")];
    let answers = in_time("the answers", bus.publisher.publish(&batch)).await;
    let refused = |answer: &Result<(), PublishError>| matches!(answer, Err(PublishError::Unroutable { .. }));
    assert_eq!(answers.iter().map(refused).collect::<Vec<_>>(), [false, true, false, true, false], "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:?}");
    let error = in_time("the answer", bus.publisher.publish_one(&batch[1])).await.unwrap_err();
    assert!(matches!(error, PublishError::Unroutable { .. }), "{error:?}");
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(3).await;
    running.stop().await;
    assert_eq!(probe.bodies(), numbers(3));
    bus.assert_empty(queue).await;
}

/// Who declares second has to agree.
pub async fn an_exchange_keeps_its_kind(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let fanout = Exchange { kind: ExchangeKind::Fanout, ..queue.exchange };
    in_time("the answer", bus.subscriber.declare(&[queue_on(fanout, "")])).await.unwrap_err();
}

/// Every start declares.
pub async fn declaring_again_changes_nothing(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue, queue]).await;
    bus.publish(&messages(queue, 2)).await;
    bus.declare(&[queue]).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(probe.bodies(), numbers(2));
    bus.assert_empty(queue).await;
}

/// An event may become no message at all.
pub async fn publishing_nothing_is_fine(bus: &Bus) {
    bus.publish(&[]).await;
}

/// A consumer that is away misses nothing.
pub async fn messages_wait_for_their_consumer(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    bus.publish(&messages(queue, 3)).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(3).await;
    bus.publish(&[message(queue, "and one more")]).await;
    probe.seen(4).await;
    running.stop().await;
}

/// All that a message has is delivered, and it is its first time.
pub async fn a_message_arrives_as_it_was_published(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let mut published = message(queue, r#"{"text":"für 5 €"}"#);
    published.headers = BTreeMap::from(
        [("traceparent", "00-1-2-01"), ("x-request-id", "r 1"), ("x-aggregate", "order"), ("x-version", "12")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    bus.publish(std::slice::from_ref(&published)).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(1).await;
    running.stop().await;
    let delivery = &probe.deliveries()[0];
    assert_eq!(delivery.message, published);
    assert_eq!((delivery.queue, delivery.attempt, delivery.redelivered), (queue.name, 0, false));
    assert_eq!(delivery.message.version(), Some(12));
}

/// Foreign producers send no ids, and may mean the same text twice.
pub async fn a_message_without_an_id_is_never_taken_for_another(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let mut foreign = message(queue, "the same text");
    foreign.id = None;
    bus.publish(&[foreign.clone(), foreign.clone()]).await;
    bus.publish(&[foreign]).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(3).await;
    running.stop().await;
    assert!(probe.deliveries().iter().all(|delivery| delivery.message.id.is_none()));
    assert_eq!(probe.deliveries()[0].effect(), "body the same text");
    bus.assert_empty(queue).await;
}

/// A relay that crashed before it forgot publishes again.
pub async fn a_message_published_twice_while_it_waits_is_stored_once(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let twice = message(queue, "twice");
    bus.publish(&[twice.clone(), message(queue, "once"), twice.clone()]).await;
    bus.publish(&[twice]).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(probe.bodies(), ["twice", "once"]);
    bus.assert_empty(queue).await;
}

/// A bus does not remember what was handled: that is what the inbox is for.
pub async fn a_message_published_again_after_it_was_handled_is_delivered_again(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let again = message(queue, "again");
    let probe = Probe::done();
    for times in 1..=2 {
        let running = bus.consume(Subscription::to(queue), &probe);
        bus.publish(std::slice::from_ref(&again)).await;
        probe.seen(times).await;
        running.stop().await;
    }
    assert_eq!(probe.bodies(), ["again", "again"]);
}

/// Publishing at the same time mixes calls, not the messages of one call.
pub async fn concurrent_publishers_keep_their_own_order(bus: &Bus) {
    let queue = a_queue();
    bus.declare(&[queue]).await;
    let publishing = (0..8_usize).map(|publisher| async move {
        for call in 0..5 {
            let body = |number| format!("{publisher} {call} {number}");
            bus.publish(&[message(queue, &body(0)), message(queue, &body(1))]).await;
        }
    });
    futures::future::join_all(publishing).await;
    let probe = Probe::done();
    let running = bus.consume(Subscription::to(queue), &probe);
    probe.seen(80).await;
    running.stop().await;
    let bodies = probe.bodies();
    for publisher in 0..8_usize {
        let own: Vec<&String> = bodies.iter().filter(|body| body.starts_with(&format!("{publisher} "))).collect();
        assert_eq!(own.len(), 10);
        assert!(own.is_sorted(), "{own:?}");
    }
}
