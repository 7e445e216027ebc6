//! A consumer comes back, however the broker ends it.

use std::sync::Arc;

use jobapp_contracts::bus::{Probe, Running};
use jobapp_kernel::{Subscriber, Subscription};

use crate::broker::{Broker, QUEUE, Say};

async fn comes_back_after(ending: Say) {
    let broker = Broker::start(
        |published| vec![Say::Ack { tag: published.tag, multiple: false }],
        move |number| match number {
            0 => vec![Say::Deliver { tag: 1, redelivered: false, body: "first" }, ending.clone()],
            _ => vec![Say::Deliver { tag: 1, redelivered: true, body: "second" }],
        },
    )
    .await;
    let bus: Arc<dyn Subscriber> = Arc::new(broker.bus().await);
    let probe = Probe::done();
    let running = Running::start(&bus, Subscription::to(QUEUE), &probe);
    probe.seen(2).await;
    broker.until_acked(1, 1).await;
    running.stop().await;
    assert_eq!(probe.bodies(), ["first", "second"]);
    assert!(probe.deliveries()[1].redelivered);
    assert_eq!(broker.connections(), 2, "the connection is fine");
}

/// An acknowledgement came too late, or something else was wrong with the channel.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_comes_back_when_its_channel_is_closed() {
    comes_back_after(Say::CloseChannel(406, "PRECONDITION_FAILED - delivery acknowledgement timed out")).await;
}

/// Somebody has deleted the queue, or it has moved to another node.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_comes_back_when_the_broker_cancels_it() {
    comes_back_after(Say::CancelConsumer).await;
}
