//! What the publishing task has: a channel, and what it knows of exchanges.

use std::collections::HashSet;
use std::sync::Arc;

use jobapp_kernel::error_text;
use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use tokio::time::Instant;

use super::answer::{Answer, NotTaken};
use super::round;
use crate::AmqpError;
use crate::error::is_soft;
use crate::letter::Letter;
use crate::link::{Link, Wire};

/// How often what was not answered is sent again within its time, because an exchange was gone.
const ROUNDS: usize = 2;

/// Sends letters, one batch at a time.
pub(super) struct Desk {
    link: Arc<Link>,
    open: Option<Open>,
}

/// A channel that confirms.
struct Open {
    wire: Arc<Wire>,
    channel: Channel,
    /// Exchanges that were there.
    known: HashSet<ShortString>,
}

impl Desk {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link, open: None }
    }

    /// Sends a batch. One answer a letter, given in time.
    pub(super) async fn send(&mut self, letters: Vec<Letter>, until: Instant) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = vec![None; letters.len()];
        for _ in 0..ROUNDS {
            match self.round(&letters, &mut answers, until).await {
                Ok(is_over) if is_over => break,
                Ok(_) => {}
                Err(error) => {
                    let why = Arc::new(error);
                    answers.iter_mut().filter(|answer| !is_settled(answer)).for_each(|answer| {
                        *answer = Some(Err(NotTaken::Unknown(Arc::clone(&why))));
                    });
                    break;
                }
            }
        }
        let late = || Err(AmqpError::Away("it did not confirm in time".to_owned()).into());
        answers.into_iter().map(|answer| answer.unwrap_or_else(late)).collect()
    }

    /// Sends what has no answer yet. Returns whether there is nothing to be sent again.
    async fn round(
        &mut self,
        letters: &[Letter],
        answers: &mut [Option<Answer>],
        until: Instant,
    ) -> Result<bool, AmqpError> {
        let mut open = self.ready(until).await?;
        for number in 0..letters.len() {
            if !is_settled(&answers[number]) && !open.has(&letters[number].exchange).await? {
                answers[number] = Some(Err(NotTaken::Unroutable));
            }
        }
        let numbers: Vec<usize> = (0..letters.len()).filter(|number| !is_settled(&answers[*number])).collect();
        let round = round::send(&open.channel, letters, &numbers, until).await;
        for number in numbers {
            answers[number].clone_from(&round.answers[number]);
        }
        let is_complete = answers.iter().all(Option::is_some);
        match round.failure {
            None if is_complete => self.open = Some(open),
            // What is confirmed later, or comes back later, belongs to no batch any more.
            None => open.wire.close_later(open.channel),
            Some(error) => {
                tracing::warn!(error = error_text(&error), "the channel that publishes is made anew");
                open.wire.close_later(open.channel);
                // The exchange of one of them is gone, which closes the channel for all.
                return Ok(!is_soft(&error, &AMQPSoftError::NOTFOUND));
            }
        }
        Ok(true)
    }

    /// A channel that confirms. It is put back by who has no complaint.
    async fn ready(&mut self, until: Instant) -> Result<Open, AmqpError> {
        let wire = self.link.wire(until).await?;
        if let Some(why) = wire.blocked() {
            return Err(AmqpError::Blocked(why));
        }
        if let Some(open) = self.open.take()
            && Arc::ptr_eq(&open.wire, &wire)
            && open.channel.status().connected()
        {
            return Ok(open);
        }
        let channel = wire.channel().await?;
        wire.answered("asking for confirmations", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(Open { wire, channel, known: HashSet::new() })
    }
}

/// Whether a letter need not be sent any more: it is safe, or it is known what is wrong with it.
fn is_settled(answer: &Option<Answer>) -> bool {
    match answer {
        None => false,
        Some(Err(NotTaken::Unknown(why))) => !matches!(**why, AmqpError::Broken(_)),
        Some(Ok(()) | Err(NotTaken::Unroutable)) => true,
    }
}

impl Open {
    /// Whether there is such an exchange. Publishing to one that is not there would close the channel, and with it all that is out.
    async fn has(&mut self, exchange: &ShortString) -> Result<bool, AmqpError> {
        if exchange.as_str().is_empty() || self.known.contains(exchange) {
            return Ok(true);
        }
        let asking = self.wire.channel().await?;
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let looking = asking.exchange_declare(exchange.clone(), ExchangeKind::Direct, options, FieldTable::default());
        let found = self.wire.answered("looking for an exchange", looking).await;
        self.wire.close_later(asking);
        match found {
            Ok(()) => {
                self.known.insert(exchange.clone());
                Ok(true)
            }
            Err(AmqpError::Broken(error)) if is_soft(&error, &AMQPSoftError::NOTFOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
