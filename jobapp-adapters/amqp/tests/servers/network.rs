//! A network that is cut, slow or silent.

use std::time::Duration;

use jobapp_amqp::{AmqpBus, AmqpConfig, AmqpError};
use jobapp_contracts::bus::{Probe, in_time};
use jobapp_kernel::{DeadLetters, Outcome, PublishError, Publisher, Subscriber, Subscription};
use jobapp_test_servers::{Kind, Proxy, proxied, shared};

use crate::world::{
    a_queue, address, config, consume, in_long, message, publish_until_taken, until, until_seen, within,
};

/// A network before the shared broker, and settings that go through it and are impatient.
async fn a_network() -> (Proxy, AmqpConfig) {
    let address = address().await;
    let network = proxied(&shared(Kind::RabbitMq).await).await;
    let through = within(network.url(), address.rsplit_once('/').unwrap().1);
    let mut config = config(&format!("{through}?heartbeat=1"));
    config.connect_within = Duration::from_secs(2);
    config.confirm_within = Duration::from_secs(2);
    config.answer_within = Duration::from_secs(5);
    (network, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_again_and_again_loses_nothing() {
    let (network, config) = a_network().await;
    let bus = AmqpBus::open(config).await.unwrap();
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    let probe = Probe::answering(|delivery| {
        // Some wait aside, so that copies are under way while it is cut.
        let waits = delivery.attempt == 0 && delivery.message.body.ends_with(b"7");
        if waits { Outcome::failed(0, "not yet") } else { Outcome::Done }
    });
    let patient = Subscription { prefetch: 5, max_losses: u32::MAX, ..Subscription::to(queue) };
    let running = consume(&bus, patient, &probe);
    let all: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let publishing = {
        let (bus, all) = (bus.clone(), all.clone());
        tokio::spawn(async move {
            for body in all {
                publish_until_taken(&bus, &message(queue, &body)).await;
            }
        })
    };
    for cut in 1..=4 {
        probe.seen(cut * 10).await;
        network.cut().await;
        until("the cut to be noticed", async || bus.trouble().is_some()).await;
        network.restore().await;
        until("the bus to be whole again", async || bus.trouble().is_none()).await;
    }
    in_long("all to be published", publishing).await.unwrap();
    until_seen(&probe, &all).await;
    until("every one that waits to come again", async || {
        let again = |number: &usize| {
            let body = number.to_string();
            probe.deliveries().iter().any(|one| one.message.body == body.as_bytes() && one.attempt == 1)
        };
        (7..200).step_by(10).all(|number| again(&number))
    })
    .await;
    running.stop().await;
    assert_eq!(bus.list(queue.name, 9).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_holds_nobody_up_and_is_noticed() {
    let (network, config) = a_network().await;
    let bus = AmqpBus::open(config.clone()).await.unwrap();
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    let probe = Probe::done();
    let running = consume(&bus, Subscription::to(queue), &probe);
    bus.publish_one(&message(queue, "before")).await.unwrap();
    probe.seen(1).await;

    network.blackhole().await;
    let answer = in_time("an answer", bus.publish_one(&message(queue, "meanwhile"))).await;
    assert!(matches!(answer, Err(PublishError::Unavailable(_))), "{answer:?}");
    in_time("an answer", bus.list(queue.name, 9)).await.unwrap_err();
    in_time("an answer", bus.declare(&[a_queue()])).await.unwrap_err();
    until("the silence to be noticed", async || bus.trouble().is_some()).await;
    // Nobody can be connected meanwhile, and that is said in time too.
    let error = in_time("an answer", AmqpBus::open(config)).await.unwrap_err();
    assert!(error.may_pass(), "{error:?}");

    network.restore().await;
    publish_until_taken(&bus, &message(queue, "afterwards")).await;
    until_seen(&probe, &["afterwards".to_owned()]).await;
    until("the bus to be whole again", async || bus.trouble().is_none()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_stops_in_time_while_the_network_is_gone() {
    let (network, config) = a_network().await;
    let bus = AmqpBus::open(config).await.unwrap();
    let queue = a_queue();
    bus.declare(&[queue]).await.unwrap();
    let probe = Probe::gated();
    let running = consume(&bus, Subscription::to(queue), &probe);
    bus.publish_one(&message(queue, "in its hands")).await.unwrap();
    probe.seen(1).await;
    network.cut().await;
    until("the cut to be noticed", async || bus.trouble().is_some()).await;
    // It was not acknowledged, so it comes again; the handler is not called twice at once for it.
    probe.let_through(1);
    running.stop().await;
    network.restore().await;
    until("the bus to be whole again", async || bus.trouble().is_none()).await;
    let rest = Probe::done();
    let running = consume(&bus, Subscription::to(queue), &rest);
    rest.seen(1).await;
    running.stop().await;
    assert!(rest.deliveries()[0].redelivered);
    assert_eq!(probe.most_inside(), 1);
    in_time("the bus to be closed", bus.close()).await;
    assert!(bus.trouble().is_some());
    let error = bus.publish_one(&message(queue, "too late")).await.unwrap_err();
    let PublishError::Unavailable(why) = error else { panic!("{error:?}") };
    assert!(
        matches!(why.downcast_ref::<std::sync::Arc<AmqpError>>().map(|why| &**why), Some(AmqpError::Closed)),
        "{why:?}"
    );
}
