//! Every promise of a bus, on queues of either type, near and far.

use jobapp_amqp::{AmqpBus, QueueType};
use jobapp_contracts::bus::{Bus, Place};
use tokio::sync::Mutex;

use crate::world;

mod quorum {
    use super::*;

    async fn a_fresh_bus() -> Bus {
        world::of(world::a_bus(QueueType::Quorum).await)
    }

    jobapp_contracts::bus!(a_fresh_bus());
    jobapp_contracts::bus_that_counts_losses!(a_fresh_bus());
}

/// Classic queues do not count losses.
mod classic {
    use super::*;

    async fn a_fresh_bus() -> Bus {
        world::of(world::a_bus(QueueType::Classic).await)
    }

    jobapp_contracts::bus!(a_fresh_bus());
}

/// With a network between that takes its time.
mod far_away {
    use std::time::Duration;

    use jobapp_test_servers::{Kind, proxied, shared};

    use super::*;

    async fn a_fresh_bus() -> Bus {
        let address = world::address().await;
        let network = proxied(&shared(Kind::RabbitMq).await).await;
        network.delay(Duration::from_millis(15)).await;
        let host = address.rsplit_once('/').unwrap().1;
        let config = world::config(&world::within(network.url(), host));
        world::of(AmqpBus::open(config).await.unwrap()).keeping(network)
    }

    jobapp_contracts::bus!(a_fresh_bus());
}

mod opened_again {
    use super::*;

    struct Home {
        queue_type: QueueType,
        bus: Mutex<Option<AmqpBus>>,
    }

    #[async_trait::async_trait]
    impl Place for Home {
        async fn open(&self) -> Bus {
            let bus = world::a_bus(self.queue_type).await;
            *self.bus.lock().await = Some(bus.clone());
            world::of(bus)
        }

        async fn close(&self) {
            self.bus.lock().await.take().unwrap().close().await;
        }
    }

    async fn a_home(queue_type: QueueType) -> Home {
        Home { queue_type, bus: Mutex::new(None) }
    }

    mod quorum {
        use super::*;

        jobapp_contracts::durable_bus!(a_home(QueueType::Quorum));
    }

    mod classic {
        use super::*;

        jobapp_contracts::durable_bus!(a_home(QueueType::Classic));
    }
}
