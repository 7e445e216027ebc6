//! One batch on one channel.

use std::pin::Pin;
use std::task::Poll;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation};
use tokio::time::Instant;

use super::answer::{Answer, NotTaken};
use super::returns;
use crate::AmqpError;
use crate::letter::Letter;

/// What became of a batch.
pub(super) struct Round {
    /// Those that are `None` were given no answer in time.
    pub(super) answers: Vec<Option<Answer>>,
    /// Why the channel is no good any more.
    pub(super) failure: Option<lapin::Error>,
}

type Confirming<'a> = Pin<Box<dyn Future<Output = (usize, lapin::Result<Confirmation>)> + Send + 'a>>;

/// Sends the letters of these numbers and waits for their confirmations.
pub(super) async fn send(channel: &Channel, letters: &[Letter], numbers: &[usize], until: Instant) -> Round {
    let mut answers: Vec<Option<Answer>> = vec![None; letters.len()];
    let mut failure = None;
    let mut returned = Vec::new();
    let mut take = |answers: &mut Vec<Option<Answer>>, number: usize, confirmed: lapin::Result<Confirmation>| {
        answers[number] = Some(match confirmed {
            Ok(Confirmation::Ack(message)) => {
                returned.extend(message);
                Ok(())
            }
            Ok(Confirmation::Nack(message)) => {
                returned.extend(message);
                Err(refused())
            }
            Ok(Confirmation::NotRequested) => Err(AmqpError::Away("it confirms nothing".to_owned()).into()),
            Err(error) => {
                failure.get_or_insert_with(|| error.clone());
                Err(AmqpError::Broken(error).into())
            }
        });
    };

    let mut waiting: FuturesUnordered<Confirming<'_>> = FuturesUnordered::new();
    for &number in numbers {
        let mut confirming: Confirming<'_> = Box::pin(confirm(channel, number, &letters[number]));
        // What is polled once has its place in the order; the wait for what was written is shared by all.
        match futures::poll!(&mut confirming) {
            Poll::Ready((number, confirmed)) => take(&mut answers, number, confirmed),
            Poll::Pending => waiting.push(confirming),
        }
    }
    while !waiting.is_empty() {
        match tokio::time::timeout_at(until, waiting.next()).await {
            Ok(Some((number, confirmed))) => take(&mut answers, number, confirmed),
            Ok(None) | Err(_) => break,
        }
    }
    drop(waiting);

    if !returns::tell(letters, &mut answers, &returned) {
        // It is one of them, and not known which.
        for answer in answers.iter_mut().filter(|answer| matches!(answer, Some(Ok(())))) {
            *answer = Some(Err(AmqpError::Away("a message came back that was not sent".to_owned()).into()));
        }
    }
    Round { answers, failure }
}

async fn confirm(channel: &Channel, number: usize, letter: &Letter) -> (usize, lapin::Result<Confirmation>) {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let (exchange, routing_key) = (letter.exchange.clone(), letter.routing_key.clone());
    let publishing = channel.basic_publish(exchange, routing_key, options, &letter.body, letter.properties.clone());
    let confirmed = match publishing.await {
        Ok(confirming) => confirming.await,
        Err(error) => Err(error),
    };
    (number, confirmed)
}

fn refused() -> NotTaken {
    AmqpError::Blocked("a queue refuses more messages".to_owned()).into()
}
