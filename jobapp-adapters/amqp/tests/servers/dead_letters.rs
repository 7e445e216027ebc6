//! Dead letters stay, however often somebody looks.

use jobapp_amqp::QueueType;
use jobapp_contracts::bus::{Probe, in_time};
use jobapp_kernel::{DeadLetters, Outcome, Publisher, Queue, Subscriber, Subscription};
use lapin::options::BasicPublishOptions;

use crate::world::{a_bus, a_foreign_channel, a_queue, consume, headers, message, until};

async fn let_die(bus: &jobapp_amqp::AmqpBus, queue: Queue, count: usize) {
    bus.declare(&[queue]).await.unwrap();
    let probe = Probe::answering(|_| Outcome::dead("a reason"));
    let running = consume(bus, Subscription::to(queue), &probe);
    for number in 0..count {
        bus.publish_one(&message(queue, &number.to_string())).await.unwrap();
    }
    until("all to be dead", async || bus.list(queue.name, 99).await.unwrap().len() == count).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_again_and_again_loses_none_and_keeps_their_order() {
    let bus = a_bus(QueueType::Quorum).await;
    let queue = a_queue();
    let_die(&bus, queue, 4).await;
    let all = bus.list(queue.name, 99).await.unwrap();
    assert_eq!(all.iter().map(|letter| letter.message.body.as_slice()).collect::<Vec<_>>(), [b"0", b"1", b"2", b"3"]);
    // More often than a broker delivers anything else again.
    for look in 0..30 {
        assert_eq!(bus.list(queue.name, 1 + look % 4).await.unwrap(), all[..=look % 4], "look {look}");
    }
    // Several at once wait for each other.
    let looks = futures::future::join_all((0..5).map(|_| bus.list(queue.name, 99)));
    for seen in in_time("all looks", looks).await {
        assert_eq!(seen.unwrap(), all);
    }
    // One from the middle.
    bus.discard(queue.name, &all[2].id).await.unwrap();
    assert_eq!(bus.list(queue.name, 99).await.unwrap(), [&all[..2], &all[3..]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_looking_has_taken_nothing() {
    let bus = a_bus(QueueType::Quorum).await;
    let queue = a_queue();
    let_die(&bus, queue, 3).await;
    let all = bus.list(queue.name, 99).await.unwrap();
    let other = a_bus(QueueType::Quorum).await;
    let (looking, name) = (other.clone(), queue.name);
    let look = tokio::spawn(async move {
        loop {
            looking.list(name, 99).await.unwrap();
        }
    });
    bus.list(queue.name, 99).await.unwrap();
    look.abort();
    assert!(look.await.unwrap_err().is_cancelled());
    other.close().await;
    until("all letters to be there", async || bus.list(queue.name, 99).await.unwrap() == all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_gives_up_is_a_dead_letter_too() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    // A foreign message that lives for a moment, and nobody is there.
    let properties = lapin::BasicProperties::default()
        .with_expiration("1".into())
        .with_message_id("m-1".into())
        .with_headers(headers(&[("x-version", "3")]));
    let (exchange, key) = (queue.exchange.name.into(), queue.routing_key.into());
    channel.basic_publish(exchange, key, BasicPublishOptions::default(), b"late", properties).await.unwrap();
    until("it to be dead", async || bus.list(queue.name, 99).await.unwrap().len() == 1).await;
    let letter = bus.list(queue.name, 99).await.unwrap().remove(0);
    assert_eq!(letter.reason, "the broker gave it up: expired");
    assert_eq!(letter.id, bus.list(queue.name, 99).await.unwrap()[0].id);
    assert_eq!(letter.message.exchange, queue.exchange.name);
    assert_eq!(letter.message.routing_key, queue.routing_key);
    bus.replay(queue.name, &letter.id).await.unwrap();
    let probe = Probe::done();
    let running = consume(&bus, Subscription::to(queue), &probe);
    probe.seen(1).await;
    running.stop().await;
    let delivery = &probe.deliveries()[0];
    assert_eq!(delivery.message, letter.message);
    assert_eq!((delivery.attempt, delivery.redelivered), (0, false));
    assert_eq!(bus.list(queue.name, 99).await.unwrap(), []);
}
