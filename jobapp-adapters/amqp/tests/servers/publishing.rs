//! One answer a message, whatever happens to another.

use jobapp_amqp::{AmqpBus, QueueType};
use jobapp_contracts::bus::{Probe, in_time};
use jobapp_kernel::{Message, PublishError, Publisher, Subscriber, Subscription, error_text};
use lapin::options::{ExchangeDeleteOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};

use crate::world::{a_bus, a_foreign_channel, a_queue, address, config, consume, message, unique};

fn outcomes(answers: &[Result<(), PublishError>]) -> Vec<&'static str> {
    let word = |answer: &Result<(), PublishError>| match answer {
        Ok(()) => "taken",
        Err(PublishError::Unroutable { .. }) => "unroutable",
        Err(PublishError::Unavailable(_)) => "unknown",
    };
    answers.iter().map(word).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_at_once_each_get_their_own_answer() {
    let bus = a_bus(QueueType::Quorum).await;
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    let publishing = (0..8).map(|publisher| {
        let bus = bus.clone();
        tokio::spawn(async move {
            for call in 0..20 {
                let batch: Vec<Message> = (0..9)
                    .map(|number| {
                        let mut message = message(queue, &format!("{publisher}-{call}-{number}"));
                        if (number + call + publisher) % 3 == 0 {
                            message.routing_key = "nobody-waits-for-this".to_owned();
                        }
                        message
                    })
                    .collect();
                let answers = bus.publish(&batch).await;
                for (message, answer) in batch.iter().zip(answers) {
                    let expected = message.routing_key != queue.routing_key;
                    assert_eq!(matches!(answer, Err(PublishError::Unroutable { .. })), expected, "{answer:?}");
                    assert_eq!(answer.is_ok(), !expected);
                }
            }
        })
    });
    for publisher in in_time("the publishers", futures::future::join_all(publishing)).await {
        publisher.unwrap();
    }
    let probe = Probe::done();
    let running = consume(&bus, Subscription { prefetch: 50, ..Subscription::to(queue) }, &probe);
    probe.seen(8 * 20 * 6).await;
    running.stop().await;
    assert_eq!(probe.distinct_bodies().len(), 8 * 20 * 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_deleted_meanwhile_disturbs_no_other_message() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let (stays, goes) = (a_queue(), a_queue());
    bus.declare(&[stays, goes]).await.unwrap();
    let batch = [message(stays, "0"), message(goes, "1"), message(stays, "2")];
    assert_eq!(outcomes(&bus.publish(&batch).await), ["taken"; 3]);
    channel.exchange_delete(goes.exchange.name.into(), ExchangeDeleteOptions::default()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(outcomes(&bus.publish(&batch).await), ["taken", "unroutable", "taken"]);
    }
    // It is found again once it is there.
    bus.declare(&[goes]).await.unwrap();
    assert_eq!(outcomes(&bus.publish(&batch).await), ["taken"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_would_close_the_channel_for_is_not_sent() {
    let mut config = config(&address().await);
    config.largest_body = 1000;
    let bus = AmqpBus::open(config).await.unwrap();
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    let long = "a-name-without-end-".repeat(20);
    let mut of_long_id = message(queue, "1");
    of_long_id.id = Some(jobapp_kernel::MessageId(long.clone()));
    let mut for_long_key = message(queue, "2");
    for_long_key.routing_key = long.clone();
    let mut with_long_header = message(queue, "3");
    with_long_header.headers.insert(long, "a value".to_owned());
    let batch = [
        message(queue, "0"),
        of_long_id,
        for_long_key,
        with_long_header,
        message(queue, &"x".repeat(1001)),
        Message { body: vec![b'x'; 1000], ..message(queue, "5") },
    ];
    let answers = bus.publish(&batch).await;
    assert_eq!(outcomes(&answers), ["taken", "unknown", "unknown", "unknown", "unknown", "taken"]);
    let Err(error) = &answers[4] else { panic!("{answers:?}") };
    assert!(error_text(error).contains("1001 bytes"), "{}", error_text(error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_refuses_and_says_so() {
    let bus = a_bus(QueueType::Quorum).await;
    let (_connection, channel) = a_foreign_channel().await;
    let exchange = a_queue();
    bus.declare(&[exchange]).await.unwrap();
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(2));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let full = unique("full");
    channel.queue_declare(full.into(), QueueDeclareOptions::durable(), arguments).await.unwrap();
    let name = exchange.exchange.name;
    channel.queue_bind(full.into(), name.into(), "full".into(), Default::default(), Default::default()).await.unwrap();
    let to_full = |body: &str| Message { routing_key: "full".to_owned(), ..message(exchange, body) };
    for body in ["0", "1"] {
        bus.publish_one(&to_full(body)).await.unwrap();
    }
    let answers = bus.publish(&[to_full("2"), message(exchange, "3")]).await;
    assert_eq!(outcomes(&answers), ["unknown", "taken"]);
}
