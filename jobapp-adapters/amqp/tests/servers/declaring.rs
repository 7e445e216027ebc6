//! Who declares second has to agree.

use jobapp_amqp::{AmqpBus, AmqpError, QueueType};
use jobapp_contracts::bus::{Probe, in_time};
use jobapp_kernel::{Subscriber, Subscription, error_text};
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, ExchangeKind};

use crate::world::{a_bus, a_foreign_channel, a_queue, address, config};

/// As programs of existing deployments do it.
async fn declare_as_others_do(channel: &Channel, queue: jobapp_kernel::Queue) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let exchange = queue.exchange.name;
    channel.exchange_declare(exchange.into(), ExchangeKind::Direct, durable, FieldTable::default()).await?;
    channel.queue_declare(queue.name.into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
    let (name, key) = (queue.name.into(), queue.routing_key.into());
    channel.queue_bind(name, exchange.into(), key, QueueBindOptions::default(), FieldTable::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn classic_queues_are_those_of_existing_programs_whoever_declares_first() {
    let bus = a_bus(QueueType::Classic).await;
    let (_connection, channel) = a_foreign_channel().await;
    let (ours, theirs) = (a_queue(), a_queue());
    bus.declare(&[ours]).await.unwrap();
    in_time("others to declare", declare_as_others_do(&channel, ours)).await.unwrap();
    in_time("others to declare", declare_as_others_do(&channel, theirs)).await.unwrap();
    bus.declare(&[theirs]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_type_is_told_with_its_name_and_a_remedy() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let (mine, theirs) = (a_queue(), a_queue());
    in_time("others to declare", declare_as_others_do(&channel, theirs)).await.unwrap();
    let refused = bus.declare(&[mine, theirs]).await.unwrap_err();
    assert_eq!(refused.queue, theirs.name);
    let text = error_text(&refused);
    assert!(text.contains("JOBAPP_AMQP_QUEUE_TYPE=classic"), "{text}");
    assert!(text.contains("x-queue-type") || text.contains("inequivalent"), "what the broker says: {text}");
    // A consumer does not try for ever what nobody will allow.
    let consuming = bus.consume(Subscription::to(theirs), Probe::done(), Box::pin(std::future::pending()));
    let ended = in_time("the consumer to give up", consuming).await;
    assert!(ended.unwrap_err().source.downcast_ref::<AmqpError>().is_some_and(|error| !error.may_pass()));
    // Nothing else has suffered.
    bus.declare(&[mine]).await.unwrap();
    assert_eq!(bus.trouble(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_so_at_once() {
    let address = address().await;
    let (scheme, rest) = address.split_once("://").unwrap();
    let place = rest.split_once('@').unwrap().1;
    let wrong = format!("{scheme}://jobapp:wrong@{place}");
    let error = in_time("the answer", AmqpBus::open(config(&wrong))).await.unwrap_err();
    assert!(matches!(error, AmqpError::Refused(_)), "{error:?}");
    let nowhere = format!("{address}-that-is-not-there");
    let error = in_time("the answer", AmqpBus::open(config(&nowhere))).await.unwrap_err();
    assert!(matches!(error, AmqpError::Refused(_)), "{error:?}");
    let shown = format!("{:?}", config(&wrong));
    assert!(!shown.contains("wrong"), "{shown}");
}
