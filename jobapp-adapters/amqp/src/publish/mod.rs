//! Publishing: one task has the channel, everybody else gives it letters and waits for the answers.
//!
//! Batches follow each other. What is asked for while one of them waits for the broker goes into the next one, so that many callers
//! share the wait, and every answer that comes belongs to the batch that is out.

mod answer;
mod desk;
mod returns;
mod round;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub(crate) use self::answer::{Answer, NotTaken};
use self::desk::Desk;
use crate::letter::Letter;
use crate::link::Link;
use crate::{AmqpConfig, AmqpError};

/// How many callers may wait for their turn; more wait for a place.
const WAITING: usize = 256;
/// How many letters are out at once.
const BATCH: usize = 512;
/// The least time a batch has, however late it is its turn.
const LEAST: Duration = Duration::from_secs(2);

struct Job {
    letters: Vec<Letter>,
    until: Instant,
    answer: oneshot::Sender<Vec<Answer>>,
}

/// Gives letters to the task that has the channel. A clone is another handle; the task ends with the last of them.
#[derive(Clone)]
pub(crate) struct Post {
    jobs: mpsc::Sender<Job>,
    confirm_within: Duration,
}

impl Post {
    /// Starts the task.
    pub(crate) fn start(link: Arc<Link>, config: &AmqpConfig) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        tokio::spawn(run(Desk::new(link), waiting));
        Self { jobs, confirm_within: config.confirm_within }
    }

    /// Sends letters in order; one answer a letter, in their order. Once given they are sent, even if nobody waits any more.
    pub(crate) async fn send(&self, letters: Vec<Letter>) -> Vec<Answer> {
        let count = letters.len();
        let until = Instant::now() + self.confirm_within;
        let (answer, answers) = oneshot::channel();
        let sending = async {
            self.jobs.send(Job { letters, until, answer }).await.map_err(|_| AmqpError::Closed)?;
            answers.await.map_err(|_| AmqpError::Closed)
        };
        // The task keeps to the time itself; this is for when it cannot come to its turn.
        let answered = match tokio::time::timeout_at(until + LEAST, sending).await {
            Ok(answered) => answered,
            Err(_) => Err(AmqpError::Late { doing: "publishing", within: self.confirm_within + LEAST }),
        };
        answered.unwrap_or_else(|error| vec![Err(error.into()); count])
    }

    /// Sends one letter.
    pub(crate) async fn send_one(&self, letter: Letter) -> Answer {
        self.send(vec![letter]).await.pop().unwrap_or_else(|| Err(AmqpError::Closed.into()))
    }
}

async fn run(mut desk: Desk, mut waiting: mpsc::Receiver<Job>) {
    while let Some(first) = waiting.recv().await {
        let mut jobs = vec![first];
        let mut count = jobs[0].letters.len();
        while count < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            count += next.letters.len();
            jobs.push(next);
        }
        // Who has given up will ask again: what has not been sent need not be sent twice.
        jobs.retain(|job| !job.answer.is_closed());
        let Some(until) = jobs.iter().map(|job| job.until).min() else { continue };
        let until = until.max(Instant::now() + LEAST);
        let mut sizes = Vec::with_capacity(jobs.len());
        let mut letters = Vec::with_capacity(count);
        for job in &mut jobs {
            sizes.push(job.letters.len());
            letters.append(&mut job.letters);
        }
        let mut answers = desk.send(letters, until).await.into_iter();
        for (job, size) in jobs.into_iter().zip(sizes) {
            // Who does not listen any more does not need to know.
            drop(job.answer.send(answers.by_ref().take(size).collect()));
        }
    }
}
