//! `dead-letters …`: messages that could not be handled.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use jobapp_kernel::{Burial, DeadLetter, DeadLetterError, DeadLetters};
use jobapp_wire::queues;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::output::{Answer, Confirm, Usage};

/// What is shown when there are none.
const NONE: &str = "No dead letters.";
/// How many dead letters of a queue are looked at.
const MOST: usize = 1_000;

/// Commands for dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Show them.
    List {
        /// Only of this queue.
        queue: Option<String>,
    },
    /// Tell of one all but its body, which may hold links and codes that open accounts.
    Show {
        /// The queue.
        queue: String,
        /// The id `list` shows.
        id: String,
    },
    /// Put one back into its queue, or all of them.
    Replay(Which),
    /// Forget one, or all of them.
    Drop(Which),
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct Which {
    /// The queue.
    #[arg(required_unless_present = "all")]
    pub queue: Option<String>,
    /// The id `list` shows.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub id: Option<String>,
    /// All of the queue, or of every queue; asks before.
    #[arg(long)]
    pub all: bool,
    /// Do not ask.
    #[arg(long, requires = "all")]
    pub yes: bool,
}

/// What is done, as a wish, and as what was done.
const fn words(burial: Burial) -> (&'static str, &'static str) {
    match burial {
        Burial::Replay => ("Put back into", "replayed"),
        Burial::Discard => ("Forget of", "dropped"),
    }
}

/// Does what the command says. Before all of them are touched, `confirm` is asked.
///
/// # Errors
/// [`Usage`] for a queue that there is none of, and what the bus says.
pub async fn run(
    letters: &dyn DeadLetters,
    command: &DeadLettersCommand,
    confirm: Confirm<'_>,
) -> anyhow::Result<Answer> {
    match command {
        DeadLettersCommand::List { queue } => list(letters, queue.as_deref()).await,
        DeadLettersCommand::Show { queue, id } => show(letters, known(queue)?, id).await,
        DeadLettersCommand::Replay(which) => bury(letters, Burial::Replay, which, confirm).await,
        DeadLettersCommand::Drop(which) => bury(letters, Burial::Discard, which, confirm).await,
    }
}

/// What the commands answer where there is no bus yet, as in a folder that was prepared and never started: there are none.
///
/// # Errors
/// As for a dead letter that is not there.
pub fn of_nothing(command: &DeadLettersCommand) -> anyhow::Result<Answer> {
    let (queue, id) = match command {
        DeadLettersCommand::Show { queue, id } => (known(queue)?, id),
        DeadLettersCommand::Replay(Which { queue: Some(queue), id: Some(id), .. })
        | DeadLettersCommand::Drop(Which { queue: Some(queue), id: Some(id), .. }) => (known(queue)?, id),
        DeadLettersCommand::List { .. } => return Ok(told(&[])),
        DeadLettersCommand::Replay(_) => return Ok(buried(Burial::Replay, &[])),
        DeadLettersCommand::Drop(_) => return Ok(buried(Burial::Discard, &[])),
    };
    Err(DeadLetterError::NotFound { queue: queue.to_owned(), id: id.clone() }.into())
}

/// A queue that there is.
fn known(queue: &str) -> anyhow::Result<&'static str> {
    let found = queues::ALL.iter().map(|known| known.name).find(|name| *name == queue);
    found.ok_or_else(|| {
        let names: Vec<&str> = queues::ALL.iter().map(|queue| queue.name).collect();
        Usage(format!("there is no queue {queue}; there are {}", names.join(", "))).into()
    })
}

fn chosen(queue: Option<&str>) -> anyhow::Result<Vec<&'static str>> {
    match queue {
        Some(queue) => Ok(vec![known(queue)?]),
        None => Ok(queues::ALL.iter().map(|queue| queue.name).collect()),
    }
}

/// The oldest dead letters of one queue, or of each, and in which there are more.
async fn of_queues(letters: &dyn DeadLetters, queue: Option<&str>) -> anyhow::Result<(Vec<DeadLetter>, Vec<String>)> {
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    for queue in chosen(queue)? {
        let of_queue = letters.list(queue, MOST).await?;
        if of_queue.len() == MOST {
            warnings.push(format!("only the oldest {MOST} dead letters of {queue} were looked at; there may be more"));
        }
        found.extend(of_queue);
    }
    Ok((found, warnings))
}

async fn list(letters: &dyn DeadLetters, queue: Option<&str>) -> anyhow::Result<Answer> {
    let (found, warnings) = of_queues(letters, queue).await?;
    Ok(Answer { warnings, ..told(&found) })
}

fn told(found: &[DeadLetter]) -> Answer {
    let lines = if found.is_empty() { vec![NONE.to_owned()] } else { found.iter().map(described).collect() };
    let json: Vec<Value> = found.iter().map(fields).collect();
    Answer::new(lines, json!({ "deadLetters": json }))
}

fn described(letter: &DeadLetter) -> String {
    let DeadLetter { queue, id, died_at, attempts, reason, message, .. } = letter;
    let mut text = format!("{queue}  {id}  {died_at}\n  {} after {attempts} attempts: {reason}", message.kind);
    // Bodies of mail messages hold links and codes that open accounts: they are never printed.
    if let Some(id) = &message.id {
        text.push_str(&format!("\n  message {id}"));
    }
    text
}

fn fields(letter: &DeadLetter) -> Value {
    let DeadLetter { queue, id, died_at, attempts, reason, message, .. } = letter;
    json!({ "queue": queue, "id": id, "kind": message.kind, "messageId": message.id, "attempts": attempts,
        "reason": reason, "diedAt": died_at })
}

async fn show(letters: &dyn DeadLetters, queue: &str, id: &str) -> anyhow::Result<Answer> {
    let found = letters.list(queue, usize::MAX).await?.into_iter().find(|letter| letter.id == id);
    let letter = found.ok_or_else(|| DeadLetterError::NotFound { queue: queue.to_owned(), id: id.to_owned() })?;
    let message = &letter.message;
    let mut lines = vec![
        described(&letter),
        format!("  published {} to {} {:?}", message.timestamp, message.exchange, message.routing_key),
        format!("  a body of {} bytes", message.body.len()),
    ];
    lines.extend(message.headers.iter().map(|(name, value)| format!("  {name}: {value}")));
    let mut json = fields(&letter);
    json["exchange"] = json!(message.exchange);
    json["routingKey"] = json!(message.routing_key);
    json["publishedAt"] = json!(message.timestamp);
    json["headers"] = json!(message.headers);
    json["bodyBytes"] = json!(message.body.len());
    Ok(Answer::new(lines, json))
}

async fn bury(
    letters: &dyn DeadLetters,
    burial: Burial,
    which: &Which,
    confirm: Confirm<'_>,
) -> anyhow::Result<Answer> {
    if let (Some(queue), Some(id)) = (&which.queue, &which.id) {
        let queue = known(queue)?;
        match burial {
            Burial::Replay => letters.replay(queue, id).await?,
            Burial::Discard => letters.discard(queue, id).await?,
        }
        let text = match burial {
            Burial::Replay => format!("{id} is back in {queue}."),
            Burial::Discard => format!("{id} is gone from {queue}."),
        };
        let answer = buried(burial, &[(queue.to_owned(), id.clone())]);
        return Ok(Answer { lines: vec![text], ..answer });
    }
    let (found, warnings) = of_queues(letters, which.queue.as_deref()).await?;
    if found.is_empty() {
        return Ok(buried(burial, &[]));
    }
    let queues: BTreeSet<&str> = found.iter().map(|letter| letter.queue.as_str()).collect();
    let queues: Vec<&str> = queues.into_iter().collect();
    let (wish, done) = words(burial);
    if !which.yes && !confirm(&format!("{wish} {}: {} dead letters?", queues.join(", "), found.len()))? {
        return Err(Usage("nothing was done".to_owned()).into());
    }
    let progress = ProgressBar::new(found.len() as u64);
    let mut of_queues: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for letter in found {
        of_queues.entry(letter.queue).or_default().push(letter.id);
    }
    let handled = Mutex::new(Vec::new());
    for (queue, ids) in of_queues {
        let note = |id: &str| {
            handled.lock().push((queue.clone(), id.to_owned()));
            progress.inc(1);
        };
        let buried = letters.bury_each(&queue, &ids, burial, &note).await;
        buried.with_context(|| format!("{} were {done} before", handled.lock().len()))?;
    }
    let handled = handled.into_inner();
    progress.finish_and_clear();
    Ok(Answer { warnings, ..buried(burial, &handled) })
}

fn buried(burial: Burial, handled: &[(String, String)]) -> Answer {
    let (_, done) = words(burial);
    let lines = match handled.len() {
        0 => vec![NONE.to_owned()],
        count => vec![format!("{count} dead letters were {done}.")],
    };
    let json: Vec<Value> = handled.iter().map(|(queue, id)| json!({ "queue": queue, "id": id })).collect();
    Answer::new(lines, json!({ done: json }))
}
