//! A broker that is stopped, killed and paused.

use jobapp_amqp::{AmqpBus, QueueType};
use jobapp_contracts::bus::{Bus, Place, Probe, in_time};
use jobapp_kernel::{PublishError, Publisher, Subscriber, Subscription};
use jobapp_test_servers::{Kind, OwnServer, own};

use crate::world::{self, a_queue, config, consume, in_long, message, publish_until_taken, until, until_seen};

async fn a_bus_of(server: &OwnServer, queue_type: QueueType) -> AmqpBus {
    AmqpBus::open(config(server.url()).of_type(queue_type)).await.unwrap()
}

/// The whole life of a bus whose broker is stopped and started while messages go through it.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_stopped_paused_and_killed_loses_nothing() {
    let server = own(Kind::RabbitMq).await;
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let bus = a_bus_of(&server, queue_type).await;
        let queue = a_queue();
        bus.declare(&[queue]).await.unwrap();
        let probe = Probe::done();
        let patient = Subscription { max_losses: u32::MAX, ..Subscription::to(queue) };
        let running = consume(&bus, patient, &probe);
        let mut all = Vec::new();
        for what in ["stop", "pause", "kill"] {
            let publishing = {
                let bus = bus.clone();
                tokio::spawn(async move {
                    let bodies: Vec<String> = (0..40).map(|number| format!("{what} {number}")).collect();
                    for body in &bodies {
                        publish_until_taken(&bus, &message(queue, body)).await;
                    }
                    bodies
                })
            };
            until_seen(&probe, &[format!("{what} 3")]).await;
            match what {
                "stop" => {
                    server.stop().await;
                    until("it to be noticed", async || bus.trouble().is_some()).await;
                    server.start().await;
                }
                "pause" => {
                    server.pause().await;
                    let answer = in_time("an answer", bus.publish_one(&message(queue, "paused"))).await;
                    assert!(matches!(answer, Err(PublishError::Unavailable(_))), "{answer:?}");
                    server.unpause().await;
                }
                _ => {
                    server.kill().await;
                    until("it to be noticed", async || bus.trouble().is_some()).await;
                    server.start().await;
                }
            }
            all.extend(in_long("all to be published", publishing).await.unwrap());
        }
        until_seen(&probe, &all).await;
        until("the bus to be whole again", async || bus.trouble().is_none()).await;
        running.stop().await;
        bus.close().await;
    }
}

/// Opened again on a broker that was restarted in between.
struct Restarted {
    server: OwnServer,
    bus: tokio::sync::Mutex<Option<AmqpBus>>,
}

#[async_trait::async_trait]
impl Place for Restarted {
    async fn open(&self) -> Bus {
        let bus = a_bus_of(&self.server, QueueType::Quorum).await;
        *self.bus.lock().await = Some(bus.clone());
        world::of(bus)
    }

    async fn close(&self) {
        self.bus.lock().await.take().unwrap().close().await;
        self.server.stop().await;
        self.server.start().await;
    }
}

/// All promises of a durable bus, one after the other on one broker.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_bus_promises_over_its_end_holds_over_the_brokers_end() {
    use jobapp_contracts::bus as promises;
    let place = Restarted { server: own(Kind::RabbitMq).await, bus: tokio::sync::Mutex::new(None) };
    promises::what_was_published_is_there_after_opening_again(&place).await;
    promises::queues_and_bindings_are_there_after_opening_again(&place).await;
    promises::retries_and_their_attempts_are_there_after_opening_again(&place).await;
    promises::dead_letters_are_there_after_opening_again(&place).await;
    promises::what_was_handled_is_gone_after_opening_again(&place).await;
    promises::what_was_in_flight_is_delivered_again_and_marked_after_opening_again(&place).await;
}
