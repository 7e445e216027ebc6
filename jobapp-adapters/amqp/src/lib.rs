//! The message bus on RabbitMQ.
//!
//! | room | what is in it |
//! |---|---|
//! | `bus` | [`AmqpBus`]: the ports |
//! | `link` | a connection that is made again whenever it breaks |
//! | `topology` | exchanges, queues and what belongs to a queue |
//! | `letter` | messages as the broker carries them, and the copies of those that move |
//! | `publish` | one task that publishes, and answers for every message |
//! | `consume` | consumers: deliveries, batches, retries, what goes back |
//! | `dead_letters` | what an operator sees and moves |
//!
//! For each queue there are `<queue>.retry.{1s,10s,60s,10m}`, which hold a message for that time and send it back, and `<queue>.dead`.
//! These are replicated whatever the type of the queue itself, so that what leaves them is never lost on its way.
//!
//! The client's own recovery, the confirmation a returned message comes with, and the time-outs in an address are not used: what is wrong
//! with them is said where something else stands in for them.

mod bus;
mod config;
mod consume;
mod dead_letters;
mod error;
mod lengths;
mod letter;
mod link;
mod names;
mod publish;
mod topology;

pub use crate::bus::AmqpBus;
pub use crate::config::{AmqpConfig, QueueType, UnknownQueueType};
pub use crate::error::AmqpError;
