//! The bus: the ports, and what they stand on.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    BindError, Burial, DeadLetter, DeadLetterError, DeadLetters, Handler, Message, PublishError, Publisher, Queue,
    QueueError, QueueLength, Queues, Subscriber, Subscription,
};
use tokio::time::Instant;

use crate::consume::{Consuming, GivingBack};
use crate::dead_letters::Graveyard;
use crate::letter::Letter;
use crate::link::Link;
use crate::publish::{Answer, NotTaken, Post};
use crate::{AmqpConfig, AmqpError, lengths, topology};

/// A message bus on RabbitMQ. A clone is another handle.
///
/// It has a connection to publish and one to consume, since a broker that takes no more messages stops listening to whoever publishes:
/// acknowledgements go on. Both are made again whenever they break, for as long as the bus lives.
#[derive(Clone)]
pub struct AmqpBus {
    inner: Arc<Inner>,
}

struct Inner {
    config: AmqpConfig,
    publishing: Arc<Link>,
    consuming: Consuming,
    post: Post,
    graveyard: Graveyard,
}

impl fmt::Debug for AmqpBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpBus").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl AmqpBus {
    /// Connects. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`AmqpError`]; where it [may pass](AmqpError::may_pass), the broker is away.
    pub async fn open(config: AmqpConfig) -> Result<Self, AmqpError> {
        // In boxes: the futures of the client are large.
        let publishing = Arc::new(Box::pin(Link::open(&config, "publish")).await?);
        let link = Arc::new(Box::pin(Link::open(&config, "consume")).await?);
        let post = Post::start(Arc::clone(&publishing), &config);
        let graveyard = Graveyard::new(Arc::clone(&link), post.clone(), &config);
        let consuming = Consuming {
            link,
            post: post.clone(),
            queue_type: config.queue_type,
            giving_back: GivingBack::default(),
            pauses: config.pauses,
        };
        Ok(Self { inner: Arc::new(Inner { config, publishing, consuming, post, graveyard }) })
    }

    /// What is wrong with it, in words; `None` while it is connected and the broker takes messages. Costs next to nothing to know.
    pub fn trouble(&self) -> Option<String> {
        self.inner.publishing.trouble().or_else(|| self.inner.consuming.link.trouble())
    }

    /// Closes both connections. Consumers end, what they had is delivered again to others, and later calls fail.
    pub async fn close(&self) {
        tokio::join!(self.inner.publishing.close(), self.inner.consuming.link.close());
    }

    fn letter(&self, message: &Message) -> Result<Letter, AmqpError> {
        let (length, limit) = (message.body.len(), self.inner.config.largest_body);
        if length > limit {
            return Err(AmqpError::TooLarge { length, limit });
        }
        Letter::of(message)
    }
}

fn told(answer: Answer, message: &Message) -> Result<(), PublishError> {
    answer.map_err(|not_taken| match not_taken {
        NotTaken::Unroutable => {
            PublishError::Unroutable { exchange: message.exchange.clone(), routing_key: message.routing_key.clone() }
        }
        NotTaken::Unknown(error) => PublishError::Unavailable(Box::new(error)),
    })
}

#[async_trait]
impl Publisher for AmqpBus {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let mut letters = Vec::with_capacity(messages.len());
        // What cannot be written is not sent, and holds up no other.
        let unsent: Vec<Option<AmqpError>> = messages
            .iter()
            .map(|message| match self.letter(message) {
                Ok(letter) => {
                    letters.push(letter);
                    None
                }
                Err(error) => Some(error),
            })
            .collect();
        let answers = if letters.is_empty() { Vec::new() } else { self.inner.post.send(letters).await };
        let mut answers = answers.into_iter();
        let answer = |(message, unsent): (&Message, Option<AmqpError>)| match unsent {
            Some(error) => Err(PublishError::Unavailable(Box::new(error))),
            None => answers.next().map_or_else(|| Err(PublishError::unanswered()), |answer| told(answer, message)),
        };
        messages.iter().zip(unsent).map(answer).collect()
    }
}

#[async_trait]
impl Subscriber for AmqpBus {
    async fn declare(&self, queues: &[Queue]) -> Result<(), BindError> {
        let Some(first) = queues.first() else { return Ok(()) };
        let within: Duration = self.inner.config.connect_within;
        let wire = self.inner.consuming.link.wire(Instant::now() + within).await;
        let wire = wire.map_err(|error| BindError { queue: first.name.to_owned(), source: Box::new(error) })?;
        topology::declare(&wire, self.inner.config.queue_type, queues).await
    }

    async fn consume(
        &self,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Result<(), BindError> {
        self.inner.consuming.run(subscription, handler, stop).await
    }
}

#[async_trait]
impl Queues for AmqpBus {
    async fn length(&self, queue: &str) -> Result<Option<QueueLength>, QueueError> {
        let length = lengths::length(&self.inner.consuming.link, self.inner.config.connect_within, queue).await;
        length.map_err(|error| QueueError { queue: queue.to_owned(), source: Box::new(error) })
    }
}

#[async_trait]
impl DeadLetters for AmqpBus {
    async fn list(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        self.inner.graveyard.list(queue, limit).await
    }

    async fn replay(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        self.inner.graveyard.bury(queue, id, Burial::Replay).await
    }

    async fn discard(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        self.inner.graveyard.bury(queue, id, Burial::Discard).await
    }

    async fn bury_each(
        &self,
        queue: &str,
        ids: &[String],
        burial: Burial,
        done: &(dyn for<'i> Fn(&'i str) + Send + Sync),
    ) -> Result<(), DeadLetterError> {
        self.inner.graveyard.bury_each(queue, ids, burial, done).await
    }
}
