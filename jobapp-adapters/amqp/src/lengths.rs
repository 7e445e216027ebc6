//! How long queues are, by asking whether they are there.

use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::QueueLength;
use lapin::options::QueueDeclareOptions;
use lapin::protocol::AMQPSoftError;
use lapin::types::FieldTable;
use lapin::{Channel, Queue};
use tokio::time::Instant;

use crate::error::is_soft;
use crate::letter::short;
use crate::link::{Link, Wire};
use crate::names::DELAYS;
use crate::{AmqpError, names};

/// How long a queue is, with what belongs to it; `None` when nobody has declared it.
pub(crate) async fn length(link: &Link, within: Duration, queue: &str) -> Result<Option<QueueLength>, AmqpError> {
    let wire = link.wire(Instant::now() + within).await?;
    let mut asking = Asking { channel: wire.channel().await?, wire };
    let length = asking.length(queue).await;
    asking.wire.close(&asking.channel).await;
    length
}

struct Asking {
    wire: Arc<Wire>,
    channel: Channel,
}

impl Asking {
    async fn length(&mut self, queue: &str) -> Result<Option<QueueLength>, AmqpError> {
        let Some(main) = self.find(queue).await? else { return Ok(None) };
        let mut waiting = u64::from(main.message_count());
        for delay in DELAYS {
            waiting += self.messages(&delay.queue(queue)).await?;
        }
        let dead = self.messages(&names::dead(queue)).await?;
        // The broker tells what is with consumers only through its management.
        Ok(Some(QueueLength { waiting, in_flight: None, dead, consumers: Some(main.consumer_count().into()) }))
    }

    async fn messages(&mut self, queue: &str) -> Result<u64, AmqpError> {
        Ok(self.find(queue).await?.map_or(0, |found| found.message_count().into()))
    }

    async fn find(&mut self, queue: &str) -> Result<Option<Queue>, AmqpError> {
        let name = short("the name of a queue", queue)?;
        let asking = self.channel.queue_declare(name, QueueDeclareOptions::default().passive(), FieldTable::default());
        match self.wire.answered("counting the messages of a queue", asking).await {
            Ok(found) => Ok(Some(found)),
            Err(AmqpError::Broken(error)) if is_soft(&error, &AMQPSoftError::NOTFOUND) => {
                // The broker closes the channel with that answer.
                self.channel = self.wire.channel().await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
