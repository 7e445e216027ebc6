//! Work that waits for the disk, done for several at once.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::time::Duration;
use std::{io, thread};

use tokio::sync::oneshot;

/// At most so many are done at once, so that the first of them does not wait too long.
const GROUP: usize = 64;
/// How long after a group those for the next one are gathered, since each group waits for the disk whatever its size.
const GATHER: Duration = Duration::from_millis(5);

/// A thread that answers questions; those that were asked while it was busy are answered together. It ends when this is dropped.
pub(crate) struct Groups<Q, A> {
    name: &'static str,
    questions: mpsc::Sender<(Q, oneshot::Sender<A>)>,
}

/// The thread could not answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the thread {0} failed at it; the log says why")]
pub(crate) struct Unanswered(&'static str);

impl<Q: Send + 'static, A: Send + 'static> Groups<Q, A> {
    /// Starts the thread. `answer` gives one answer for each question, in their order.
    pub(crate) fn start(
        name: &'static str,
        mut answer: impl FnMut(Vec<Q>) -> Vec<A> + Send + 'static,
    ) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel::<(Q, oneshot::Sender<A>)>();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Ok(first) = asked.recv() {
                let (questions, replies): (Vec<Q>, Vec<_>) =
                    std::iter::once(first).chain(asked.try_iter().take(GROUP - 1)).unzip();
                // Whoever is not answered is told so; the next group has another try.
                let answers = std::panic::catch_unwind(AssertUnwindSafe(|| answer(questions)));
                for (reply, answer) in replies.into_iter().zip(answers.into_iter().flatten()) {
                    // Who does not listen any more does not need to know.
                    drop(reply.send(answer));
                }
                thread::sleep(GATHER);
            }
        })?;
        Ok(Self { name, questions })
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, question: Q) -> Result<A, Unanswered> {
        let (reply, answer) = oneshot::channel();
        let unanswered = Unanswered(self.name);
        self.questions.send((question, reply)).map_err(|_| unanswered)?;
        answer.await.map_err(|_| unanswered)
    }
}

impl<Q, A> fmt::Debug for Groups<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Groups").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_that_wait_are_answered_together_each_with_its_own() {
        let (go, wait) = mpsc::channel::<()>();
        let groups = Groups::start("test", move |numbers: Vec<u32>| {
            wait.recv().unwrap();
            let count = numbers.len();
            numbers.into_iter().map(|number| (number * 2, count)).collect()
        });
        let groups = groups.unwrap();
        let mut first = Box::pin(groups.ask(0));
        // It is asked as soon as it is looked at.
        assert!(futures::poll!(&mut first).is_pending());
        let mut others: Vec<_> = (1..100).map(|number| Box::pin(groups.ask(number))).collect();
        for other in &mut others {
            assert!(futures::poll!(other).is_pending());
        }
        for _ in 0..100 {
            go.send(()).unwrap();
        }
        first.await.unwrap();
        let mut largest = 0;
        for (number, other) in (1..).zip(others) {
            let (answer, count) = other.await.unwrap();
            assert_eq!(answer, number * 2);
            largest = largest.max(count);
        }
        assert_eq!(largest, GROUP);
    }

    #[tokio::test]
    async fn a_panic_costs_its_group_and_no_other() {
        let groups = Groups::start("test", |numbers: Vec<u32>| {
            assert_ne!(numbers, [0], "as the test wants it");
            numbers
        });
        let groups = groups.unwrap();
        assert!(groups.ask(0).await.unwrap_err().to_string().contains("the thread test failed"));
        assert_eq!(groups.ask(1).await.unwrap(), 1);
    }
}
