//! Messages of programs that are not ours, and what is left of them when they wait or die.

use std::time::Duration;

use jobapp_amqp::QueueType;
use jobapp_contracts::bus::{Probe, in_time};
use jobapp_kernel::{DeadLetters, Outcome, Publisher, Queue, Subscriber, Subscription, Timestamp};
use lapin::message::BasicGetMessage;
use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel};

use crate::world::{a_bus, a_foreign_channel, a_queue, address, consume, headers, message, until};

async fn publish(channel: &Channel, queue: Queue, body: &str, properties: BasicProperties) {
    let (exchange, key) = (queue.exchange.name.into(), queue.routing_key.into());
    let publishing = channel.basic_publish(exchange, key, BasicPublishOptions::default(), body.as_bytes(), properties);
    in_time("a foreign message to be published", publishing).await.unwrap();
}

async fn get(channel: &Channel, queue: &str) -> BasicGetMessage {
    let mut got = None;
    until("a message to be there", async || {
        got = channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap();
        got.is_some()
    })
    .await;
    got.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_anything_is_a_message() {
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let bus = a_bus(queue_type).await;
        let (_connection, channel) = a_foreign_channel().await;
        let queue = a_queue();
        bus.declare(&[queue]).await.unwrap();
        publish(&channel, queue, r#"{"type":"auth"}"#, BasicProperties::default()).await;
        publish(&channel, queue, "2", BasicProperties::default().with_message_id("".into())).await;
        let probe = Probe::done();
        let running = consume(&bus, Subscription::to(queue), &probe);
        probe.seen(2).await;
        running.stop().await;
        let delivery = &probe.deliveries()[0];
        assert_eq!((delivery.message.id.as_ref(), delivery.message.kind.as_str()), (None, ""));
        assert_eq!((delivery.message.timestamp, delivery.message.headers.len()), (Timestamp::EPOCH, 0));
        assert_eq!(delivery.message.exchange, queue.exchange.name);
        assert_eq!((delivery.attempt, delivery.redelivered), (0, false));
        assert_eq!(probe.deliveries()[1].message.id, None, "an empty id is none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_messages_are_what_every_client_can_read() {
    let bus = a_bus(QueueType::Classic).await;
    let (_connection, channel) = a_foreign_channel().await;
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    bus.publish_one(&message(queue, "{}")).await.unwrap();
    let got = get(&channel, queue.name).await;
    let properties = &got.properties;
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), format!("{}-{{}}", queue.name));
    assert_eq!(properties.kind().as_ref().unwrap().as_str(), "a-kind");
    assert_eq!((properties.delivery_mode(), properties.timestamp()), (&Some(2), &Some(1_795_486_542)));
    let expected = AMQPValue::LongString("7".into());
    assert_eq!(properties.headers().as_ref().unwrap().inner().get("x-version"), Some(&expected));
    assert_eq!(got.data, b"{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_and_what_dies_keeps_all_it_had_but_what_would_harm() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    let mut table = headers(&[("a-text", "t"), ("x-death", "of old"), ("x-first-death-queue", "of old")]);
    table.insert("a-table".into(), AMQPValue::FieldTable(headers(&[("inner", "t")])));
    table.insert("a-number".into(), AMQPValue::LongInt(-7));
    table.insert("a-flag".into(), AMQPValue::Boolean(true));
    let address = address().await;
    let user = address.split_once("://").unwrap().1.split_once(':').unwrap().0;
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_correlation_id("c".into())
        .with_reply_to("r".into())
        .with_app_id("a".into())
        .with_expiration("86400000".into())
        .with_user_id(user.into())
        .with_priority(3)
        .with_message_id("m".into())
        .with_headers(table);
    publish(&channel, queue, "body", properties).await;
    let probe = Probe::answering(|delivery| match delivery.attempt {
        0 => Outcome::Retry { after: Duration::ZERO, counts: true, reason: "not yet".to_owned() },
        _ => Outcome::dead("never"),
    });
    let running = consume(&bus, Subscription::to(queue), &probe);
    probe.seen(2).await;
    until("it to be dead", async || bus.list(queue.name, 9).await.unwrap().len() == 1).await;
    running.stop().await;
    let [first, second] = &probe.deliveries()[..] else { panic!("it came twice") };
    assert_eq!(first.message, second.message);
    assert_eq!((second.attempt, second.redelivered), (1, false));
    let texts: Vec<_> = second.message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(texts, [("a-flag", "true"), ("a-number", "-7"), ("a-text", "t")]);

    let dead = get(&channel, &format!("{}.dead", queue.name)).await;
    let properties = &dead.properties;
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
    assert_eq!(properties.correlation_id().as_ref().unwrap().as_str(), "c");
    assert_eq!(properties.reply_to().as_ref().unwrap().as_str(), "r");
    assert_eq!(properties.app_id().as_ref().unwrap().as_str(), "a");
    assert_eq!((properties.expiration(), properties.user_id()), (&None, &None));
    assert_eq!((properties.priority(), properties.delivery_mode()), (&Some(3), &Some(2)));
    let kept = properties.headers().as_ref().unwrap().inner();
    assert!(matches!(kept.get("a-table"), Some(AMQPValue::FieldTable(_))));
    assert!(!kept.keys().any(|name| name.as_str().contains("death")), "{kept:?}");
    assert_eq!(kept.get("x-jobapp-reason"), Some(&AMQPValue::LongString(LongString::from("never"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_to_no_further_queue() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let (queue, elsewhere) = (a_queue(), a_queue());
    bus.declare(&[queue, elsewhere]).await.unwrap();
    let mut table = FieldTable::default();
    let further = AMQPValue::FieldArray(vec![AMQPValue::LongString(elsewhere.name.into())].into());
    table.insert("CC".into(), further);
    publish(&channel, queue, "body", BasicProperties::default().with_headers(table)).await;
    let probe = Probe::answering(|_| Outcome::dead("never"));
    let running = consume(&bus, Subscription::to(queue), &probe);
    until("it to be dead", async || bus.list(queue.name, 9).await.unwrap().len() == 1).await;
    running.stop().await;
    let passive = lapin::options::QueueDeclareOptions::durable().passive();
    let there = channel.queue_declare(elsewhere.name.into(), passive, FieldTable::default()).await.unwrap();
    assert_eq!(there.message_count(), 0, "the copy for the dead letters went there too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_as_long_as_it_should_even_if_no_queue_holds_one_that_long() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let queue = a_queue();
    let later = Duration::from_secs(1500);
    let probe = Probe::answering(move |_| Outcome::retry_patiently(later, "far away"));
    let running = consume(&bus, Subscription::to(queue), &probe);
    bus.declare(&[queue]).await.unwrap();
    bus.publish_one(&message(queue, "patient")).await.unwrap();
    probe.seen(1).await;
    // It lies in the longest queue and says how long it has to wait afterwards.
    let waiting = get(&channel, &format!("{}.retry.10m", queue.name)).await;
    let rest = waiting.properties.headers().as_ref().unwrap().inner().get("x-jobapp-wait-ms").cloned();
    assert_eq!(rest, Some(AMQPValue::LongLongInt(900_000)));
    // When it comes back from there it waits on, and no handler sees it.
    publish_to_queue(&channel, queue.name, &waiting).await;
    let again = get(&channel, &format!("{}.retry.10m", queue.name)).await;
    let rest = again.properties.headers().as_ref().unwrap().inner().get("x-jobapp-wait-ms").cloned();
    assert_eq!(rest, Some(AMQPValue::LongLongInt(300_000)));
    running.stop().await;
    assert_eq!(probe.bodies(), ["patient"]);
}

async fn publish_to_queue(channel: &Channel, queue: &str, message: &BasicGetMessage) {
    let options = BasicPublishOptions::default();
    let publishing = channel.basic_publish("".into(), queue.into(), options, &message.data, message.properties.clone());
    in_time("a copy to be published", publishing).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_for_retries_that_somebody_deleted_is_made_anew() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    let probe = Probe::answering(|delivery| match delivery.attempt {
        0 => Outcome::Retry { after: Duration::ZERO, counts: true, reason: "not yet".to_owned() },
        _ => Outcome::Done,
    });
    let running = consume(&bus, Subscription::to(queue), &probe);
    bus.publish_one(&message(queue, "first")).await.unwrap();
    probe.seen(2).await;
    let name = format!("{}.retry.1s", queue.name);
    channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    bus.publish_one(&message(queue, "second")).await.unwrap();
    probe.seen(4).await;
    running.stop().await;
    assert_eq!(probe.bodies(), ["first", "first", "second", "second"]);
}
