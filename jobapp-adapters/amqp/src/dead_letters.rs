//! Dead letters: looked at one after the other, and given back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobapp_kernel::{Burial, DeadLetter, DeadLetterError};
use lapin::message::Delivery as FromBroker;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{FieldTable, ShortString};
use lapin::{Acker, Channel};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::is_soft;
use crate::letter::{dead_letter, replayed, short};
use crate::link::{Link, Wire};
use crate::publish::{NotTaken, Post};
use crate::{AmqpConfig, AmqpError, names};

/// The dead letters of all queues.
pub(crate) struct Graveyard {
    link: Arc<Link>,
    post: Post,
    within: Duration,
    /// Who looks has the letters for this time: two at once would each see a part.
    one_at_a_time: Mutex<()>,
}

impl Graveyard {
    pub(crate) fn new(link: Arc<Link>, post: Post, config: &AmqpConfig) -> Self {
        Self { link, post, within: config.connect_within, one_at_a_time: Mutex::new(()) }
    }

    /// The dead letters of a queue, oldest first.
    ///
    /// All of them are looked at: some queues put what was looked at behind the rest.
    pub(crate) async fn list(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let _turn = self.one_at_a_time.lock().await;
        let Some(mut look) = self.look(queue).await.map_err(unavailable)? else { return Ok(Vec::new()) };
        let oldest = look.oldest(queue, limit).await;
        look.end().await;
        oldest.map_err(unavailable)
    }

    /// Does this with one letter.
    pub(crate) async fn bury(&self, queue: &str, id: &str, burial: Burial) -> Result<(), DeadLetterError> {
        let is_done = AtomicBool::new(false);
        self.bury_each(queue, &[id.to_owned()], burial, &|_| is_done.store(true, Ordering::Relaxed)).await?;
        match is_done.into_inner() {
            true => Ok(()),
            false => Err(DeadLetterError::NotFound { queue: queue.to_owned(), id: id.to_owned() }),
        }
    }

    /// Does this with several letters in one look, and tells of each.
    pub(crate) async fn bury_each(
        &self,
        queue: &str,
        ids: &[String],
        burial: Burial,
        done: &(dyn for<'i> Fn(&'i str) + Send + Sync),
    ) -> Result<(), DeadLetterError> {
        let _turn = self.one_at_a_time.lock().await;
        let Some(mut look) = self.look(queue).await.map_err(unavailable)? else { return Ok(()) };
        let buried = self.find_and_bury(&mut look, queue, ids, burial, done).await;
        look.end().await;
        buried
    }

    async fn find_and_bury(
        &self,
        look: &mut Look,
        queue: &str,
        ids: &[String],
        burial: Burial,
        done: &(dyn for<'i> Fn(&'i str) + Send + Sync),
    ) -> Result<(), DeadLetterError> {
        let mut wanted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        while !wanted.is_empty()
            && let Some(from) = look.next().await.map_err(unavailable)?
        {
            let (letter, _) = dead_letter(queue, &from);
            if !wanted.remove(letter.id.as_str()) {
                continue;
            }
            if burial == Burial::Replay {
                let origin = (letter.message.exchange, letter.message.routing_key);
                let copy = replayed(queue, &from, origin).map_err(unavailable)?;
                self.post.send_one(copy).await.map_err(|refused| match refused {
                    NotTaken::Unroutable => unavailable(AmqpError::Away(format!("there is no queue {queue}"))),
                    NotTaken::Unknown(error) => DeadLetterError::Unavailable(Box::new(error)),
                })?;
            }
            if look.forget(&from.acker).await.map_err(unavailable)? {
                done(&letter.id);
            }
        }
        Ok(())
    }

    /// Begins to look; `None` when the queue never had a dead letter, as nobody declared it.
    async fn look(&self, queue: &str) -> Result<Option<Look>, AmqpError> {
        let wire = self.link.wire(Instant::now() + self.within).await?;
        let queue = short("the name of a queue", &names::dead(queue))?;
        let channel = wire.channel().await?;
        let look = Look { wire, channel, queue, last: None };
        match look.ask().await {
            Ok(()) => Ok(Some(look)),
            Err(AmqpError::Broken(error)) if is_soft(&error, &AMQPSoftError::NOTFOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn unavailable(error: AmqpError) -> DeadLetterError {
    DeadLetterError::Unavailable(Box::new(error))
}

/// A look at the letters of one queue. Each stays with us until the end, so that the next one comes.
struct Look {
    wire: Arc<Wire>,
    channel: Channel,
    queue: ShortString,
    last: Option<Acker>,
}

impl Look {
    async fn next(&mut self) -> Result<Option<FromBroker>, AmqpError> {
        let getting = self.channel.basic_get(self.queue.clone(), BasicGetOptions::default());
        let got = self.wire.answered("reading a dead letter", getting).await?;
        Ok(got.map(|got| {
            self.last = Some(got.delivery.acker.clone());
            got.delivery
        }))
    }

    /// The first of all letters by the time they died.
    async fn oldest(&mut self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, AmqpError> {
        let mut found: BTreeMap<(i64, usize), DeadLetter> = BTreeMap::new();
        let mut number = 0;
        while let Some(from) = self.next().await? {
            let (letter, micros) = dead_letter(queue, &from);
            found.insert((micros, number), letter);
            number += 1;
            // No more is kept here than is asked for, however many there are.
            if found.len() > limit {
                found.pop_last();
            }
        }
        Ok(found.into_values().collect())
    }

    /// Removes a letter; `false` when it is not ours any more.
    async fn forget(&self, acker: &Acker) -> Result<bool, AmqpError> {
        self.wire.answered("removing a dead letter", acker.ack(BasicAckOptions::default())).await
    }

    /// Gives all of them back and waits until they are. What is not given back in good order goes back with the channel.
    async fn end(self) {
        if let Some(last) = &self.last {
            // All up to the last one, and nothing when that was removed and no other is there.
            let all = BasicNackOptions { multiple: true, requeue: true };
            drop(self.wire.answered("giving dead letters back", last.nack(all)).await);
            drop(self.ask().await);
        }
        self.wire.close(&self.channel).await;
    }

    /// Asks for the queue: everything said before on this channel is done when the answer comes.
    async fn ask(&self) -> Result<(), AmqpError> {
        let asking = self.channel.queue_declare(
            self.queue.clone(),
            QueueDeclareOptions::default().passive(),
            FieldTable::default(),
        );
        self.wire.answered("looking for dead letters", asking).await.map(drop)
    }
}
