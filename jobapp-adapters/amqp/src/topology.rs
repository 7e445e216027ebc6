//! Exchanges, queues and what belongs to a queue.
//!
//! Everything is declared on a channel that is thrown away: what the broker refuses closes the channel, and whatever waits on it fails.

use jobapp_kernel::{BindError, Exchange, ExchangeKind, Queue};
use lapin::Channel;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};

use crate::letter::short;
use crate::link::Wire;
use crate::names::{self, DELAYS, Delay};
use crate::{AmqpError, QueueType};

/// How often a dead letter may be looked at: the broker counts that too, and from its version 4 on it drops what came back 20 times.
const LOOKS: i64 = 1_000_000_000;

const OF_QUEUES: &str = "beside programs that declare it without arguments, set JOBAPP_AMQP_QUEUE_TYPE=classic; otherwise delete \
                         the queue once it is empty, and it is made anew";
const OF_EXCHANGES: &str = "delete the exchange, and it is made anew with its bindings when the services start";

/// Declares queues, their exchanges and bindings, and their dead letters.
pub(crate) async fn declare(wire: &Wire, queue_type: QueueType, queues: &[Queue]) -> Result<(), BindError> {
    let Some(first) = queues.first() else { return Ok(()) };
    let of = |queue: &Queue, error: AmqpError| BindError { queue: queue.name.to_owned(), source: Box::new(error) };
    let declaring = Declaring { wire, channel: wire.channel().await.map_err(|error| of(first, error))?, queue_type };
    let mut known: Vec<Exchange> = Vec::new();
    let mut declared = Ok(());
    for queue in queues {
        declared = declaring.queue(queue, &mut known).await.map_err(|error| of(queue, error));
        if declared.is_err() {
            break;
        }
    }
    wire.close(&declaring.channel).await;
    declared
}

/// Declares the queues in which the messages of a queue wait for their retries.
pub(crate) async fn declare_retries(wire: &Wire, queue: &str) -> Result<(), AmqpError> {
    let waiting = DELAYS.into_iter().map(|delay| (delay.queue(queue), retry_arguments(queue, delay)));
    declare_named(wire, waiting).await
}

/// Declares all queues to which the messages of a queue are put aside.
pub(crate) async fn declare_aside(wire: &Wire, queue: &str) -> Result<(), AmqpError> {
    declare_named(wire, [(names::dead(queue), dead_arguments())]).await?;
    declare_retries(wire, queue).await
}

async fn declare_named(wire: &Wire, queues: impl IntoIterator<Item = (String, FieldTable)>) -> Result<(), AmqpError> {
    let declaring = Declaring { wire, channel: wire.channel().await?, queue_type: QueueType::Quorum };
    let mut declared = Ok(());
    for (name, arguments) in queues {
        declared = declaring.named(&name, arguments).await;
        if declared.is_err() {
            break;
        }
    }
    wire.close(&declaring.channel).await;
    declared
}

struct Declaring<'a> {
    wire: &'a Wire,
    channel: Channel,
    queue_type: QueueType,
}

impl Declaring<'_> {
    async fn queue(&self, queue: &Queue, known: &mut Vec<Exchange>) -> Result<(), AmqpError> {
        if !known.contains(&queue.exchange) {
            self.exchange(queue.exchange).await?;
            known.push(queue.exchange);
        }
        // What the main queue sends messages to is there before it.
        self.named(&names::dead(queue.name), dead_arguments()).await?;
        let arguments = match self.queue_type {
            QueueType::Quorum => quorum_arguments(queue.name),
            QueueType::Classic => FieldTable::default(),
        };
        self.named(queue.name, arguments).await?;
        let binding = self.channel.queue_bind(
            short("the name of a queue", queue.name)?,
            short("the name of an exchange", queue.exchange.name)?,
            short("a routing key", queue.routing_key)?,
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        self.wire.answered("binding a queue", binding).await
    }

    async fn exchange(&self, exchange: Exchange) -> Result<(), AmqpError> {
        let kind = match exchange.kind {
            ExchangeKind::Direct => lapin::ExchangeKind::Direct,
            ExchangeKind::Fanout => lapin::ExchangeKind::Fanout,
        };
        let name = short("the name of an exchange", exchange.name)?;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declaring = self.channel.exchange_declare(name, kind, options, FieldTable::default());
        let declared = self.wire.answered("declaring an exchange", declaring).await;
        declared.map_err(|error| explained(error, format!("the exchange {}", exchange.name), OF_EXCHANGES))
    }

    async fn named(&self, name: &str, arguments: FieldTable) -> Result<(), AmqpError> {
        let short_name = short("the name of a queue", name)?;
        let declaring = self.channel.queue_declare(short_name, QueueDeclareOptions::durable(), arguments);
        let declared = self.wire.answered("declaring a queue", declaring).await;
        declared.map(drop).map_err(|error| explained(error, format!("the queue {name}"), OF_QUEUES))
    }
}

fn explained(error: AmqpError, what: String, remedy: &'static str) -> AmqpError {
    match error {
        AmqpError::Broken(source) => AmqpError::of_declaring(what, remedy, source),
        other => other,
    }
}

/// A queue of several replicas. What the broker gives up by itself goes to the dead letters.
fn quorum_arguments(queue: &str) -> FieldTable {
    let mut arguments = quorum();
    dead_lettering(&mut arguments, &names::dead(queue));
    arguments
}

/// The dead letters of a queue, whatever type that is of.
fn dead_arguments() -> FieldTable {
    let mut arguments = quorum();
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(LOOKS));
    arguments
}

/// Messages that go back to a queue after a time, whatever type that is of.
fn retry_arguments(queue: &str, delay: Delay) -> FieldTable {
    let mut arguments = quorum();
    let millis = i64::try_from(delay.time.as_millis()).unwrap_or(i64::MAX);
    arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(millis));
    dead_lettering(&mut arguments, queue);
    arguments
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

/// A message leaves for the other queue once that has it. It needs both of the last two: without the second the broker silently does
/// without the first, and then a message is lost when the other queue is not there at that moment.
fn dead_lettering(arguments: &mut FieldTable, to: &str) {
    for (name, value) in [
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-routing-key", to),
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ] {
        arguments.insert(name.into(), text(value));
    }
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.as_bytes().to_vec().into())
}
