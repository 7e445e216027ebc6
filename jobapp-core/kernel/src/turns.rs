//! Turns: changes of one thing wait for each other, in the order in which they came.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

use crate::{Aggregate, ErrorKind, Key, KeyValue, Kinded, Repository, RepositoryError};

/// How often a change is decided anew because another process was faster. In this process nobody is.
const TRIES: usize = 32;

/// Who waits for a turn, the first one first.
type Queue = VecDeque<oneshot::Sender<Turn>>;

/// Whose turn it is, thing by thing, among those who share this value. A clone is another handle.
///
/// Those who wait for the same thing are let in one after the other, in the order in which they came; whoever goes away
/// while waiting is passed over. A thing nobody works on or waits for takes no room.
///
/// It orders the callers of one process. Between processes it orders nothing: there versions tell who was faster.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<String, Queue>>>);

/// One's turn, until it is dropped.
#[must_use = "the turn ends when this is dropped"]
pub struct Turn {
    /// The turns and the thing; `None` once it was passed on.
    of: Option<(Turns, String)>,
}

impl Turns {
    /// Waits until it is one's turn with this thing.
    pub async fn take(&self, thing: impl Into<String>) -> Turn {
        let thing = thing.into();
        let waiting = match self.lock().entry(thing) {
            Entry::Occupied(mut queue) => {
                let (hand_over, waiting) = oneshot::channel();
                queue.get_mut().push_back(hand_over);
                Ok((waiting, queue.key().clone()))
            }
            Entry::Vacant(place) => {
                let thing = place.key().clone();
                place.insert(VecDeque::new());
                Err(Turn { of: Some((self.clone(), thing)) })
            }
        };
        match waiting {
            Err(turn) => turn,
            Ok((waiting, thing)) => match waiting.await {
                Ok(turn) => turn,
                // Who hands over sends before the sender goes, so there is always a turn to be had.
                Err(oneshot::Canceled) => Turn { of: Some((self.clone(), thing)) },
            },
        }
    }

    /// How many things somebody works on.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nobody works on anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nothing is left half done under this lock, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one who waits for this thing; when nobody does, the thing is forgotten.
    fn next(&self, thing: &str) -> Option<oneshot::Sender<Turn>> {
        let mut queues = self.lock();
        let next = queues.get_mut(thing)?.pop_front();
        if next.is_none() {
            queues.remove(thing);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((turns, thing)) = self.of.take() else { return };
        let mut of = (turns, thing);
        // The lock is not held while the turn is handed over: a turn whose receiver goes away in this moment is dropped.
        while let Some(next) = of.0.next(&of.1) {
            let Err(mut back) = next.send(Self { of: Some(of) }) else { return };
            // That one has gone away.
            let Some(again) = back.of.take() else { return };
            of = again;
        }
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("things", &self.len()).finish()
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("of", &self.of.as_ref().map(|(_, thing)| thing)).finish()
    }
}

/// One's turn with the aggregate of this id.
pub async fn turn<A: Aggregate>(repository: &dyn Repository<A>, id: &A::Id) -> Turn {
    repository.turns().take(thing::<A>(id)).await
}

/// One's turn with what has this value for a key: for what is looked for, or has its place among others, by something else
/// than its id. Everybody who changes it takes his turn by the same key.
pub async fn turn_by<A: Aggregate>(repository: &dyn Repository<A>, key: Key<A>, value: impl Into<KeyValue>) -> Turn {
    repository.turns().take(thing_by(&key, &value.into())).await
}

/// What a turn with the aggregate of this id is called.
pub(crate) fn thing<A: Aggregate>(id: &A::Id) -> String {
    format!("{} {id}", A::NAME)
}

/// What a turn with what has this value for a key is called.
pub(crate) fn thing_by<A: Aggregate>(key: &Key<A>, value: &KeyValue) -> String {
    match value {
        KeyValue::Int(number) => format!("{} {} {number}", A::NAME, key.name),
        KeyValue::Text(text) => format!("{} {} {text}", A::NAME, key.name),
    }
}

/// Loads, decides and saves in one's turn with an aggregate: `attempt` does all three, and does them again as long as another
/// process is faster. Every change of something that is stored is made so, or by [`in_turn_by`].
///
/// Within `attempt`, no turn with another aggregate is taken that somebody holds while waiting for this one.
///
/// # Errors
/// What `attempt` fails with; [`RepositoryError::Unavailable`] when other processes were faster every time. Never
/// [`RepositoryError::Conflict`].
pub async fn in_turn<A, T, E, F>(repository: &dyn Repository<A>, id: &A::Id, attempt: impl FnMut() -> F) -> Result<T, E>
where
    A: Aggregate,
    E: Kinded + From<RepositoryError>,
    F: Future<Output = Result<T, E>>,
{
    let _turn = turn(repository, id).await;
    until_done::<A, _, _, _>(attempt).await
}

/// As [`in_turn`], for what is changed under this value of a key.
///
/// # Errors
/// As [`in_turn`].
pub async fn in_turn_by<A, T, E, F>(
    repository: &dyn Repository<A>,
    key: Key<A>,
    value: impl Into<KeyValue>,
    attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    A: Aggregate,
    E: Kinded + From<RepositoryError>,
    F: Future<Output = Result<T, E>>,
{
    let _turn = turn_by(repository, key, value).await;
    until_done::<A, _, _, _>(attempt).await
}

async fn until_done<A, T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    A: Aggregate,
    E: Kinded + From<RepositoryError>,
    F: Future<Output = Result<T, E>>,
{
    for _ in 0..TRIES {
        match attempt().await {
            // Only a version that moved is a conflict; what the business refuses is of another kind.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            other => return other,
        }
    }
    Err(RepositoryError::overtaken(A::NAME).into())
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::pin::{Pin, pin};
    use std::task::Poll;

    use super::*;

    /// Lets it wait, if it has to.
    async fn begin<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|context| {
            Poll::Ready(match future.as_mut().poll(context) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn who_comes_first_is_let_in_first() {
        let turns = Turns::default();
        let first = turns.take("a kettle").await;
        let (mut second, mut third) = (pin!(turns.take("a kettle")), pin!(turns.take("a kettle")));
        assert!(begin(second.as_mut()).await.is_none() && begin(third.as_mut()).await.is_none());
        drop(first);
        assert!(begin(third.as_mut()).await.is_none(), "it is the second one's turn");
        drop(second.await);
        drop(third.await);
        assert!(turns.is_empty());
    }

    #[tokio::test]
    async fn other_things_are_not_waited_for() {
        let turns = Turns::default();
        let _kettle = turns.take("a kettle").await;
        let _pan = turns.take("a pan").await;
        assert_eq!(turns.len(), 2);
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_is_passed_over() {
        let turns = Turns::default();
        let first = turns.take("a kettle").await;
        let mut third = pin!(turns.take("a kettle"));
        {
            let mut second = pin!(turns.take("a kettle"));
            assert!(begin(second.as_mut()).await.is_none());
            assert!(begin(third.as_mut()).await.is_none());
        }
        drop(first);
        assert!(begin(third.as_mut()).await.is_some());
        assert!(turns.is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_with_the_turn_handed_over_and_not_yet_taken_passes_it_on() {
        let turns = Turns::default();
        let first = turns.take("a kettle").await;
        let mut third = pin!(turns.take("a kettle"));
        {
            let mut second = pin!(turns.take("a kettle"));
            assert!(begin(second.as_mut()).await.is_none());
            assert!(begin(third.as_mut()).await.is_none());
            // It is the second one's turn now, who never looks again.
            drop(first);
        }
        assert!(begin(third.as_mut()).await.is_some());
        assert!(turns.is_empty());
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_at_work_ends_its_turn() {
        let turns = Turns::default();
        let worker = tokio::spawn({
            let turns = turns.clone();
            async move {
                let _turn = turns.take("a kettle").await;
                pending::<()>().await;
            }
        });
        while turns.is_empty() {
            tokio::task::yield_now().await;
        }
        let mut next = pin!(turns.take("a kettle"));
        assert!(begin(next.as_mut()).await.is_none());
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
        drop(next.await);
        assert!(turns.is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn one_at_a_time_works_on_a_thing_however_many_come_and_go() {
        let (turns, inside) = (Turns::default(), Arc::new(Mutex::new(0_u32)));
        let tasks: Vec<_> = (0..400)
            .map(|number| {
                let (turns, inside) = (turns.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let _turn = turns.take(format!("kettle {}", number % 2)).await;
                    if number % 2 == 0 {
                        // Held across a point where others run: the lock of the number alone would not keep them out.
                        let seen = *inside.lock().unwrap();
                        tokio::task::yield_now().await;
                        *inside.lock().unwrap() = seen + 1;
                    }
                })
            })
            .collect();
        let mut done = 0;
        for (number, task) in tasks.into_iter().enumerate() {
            if number % 7 == 1 {
                task.abort();
            }
            match task.await {
                Ok(()) => done += u32::from(number % 2 == 0),
                // One that had counted already when it was aborted has ended, so it is no error.
                Err(error) => assert!(error.is_cancelled()),
            }
        }
        assert!(*inside.lock().unwrap() >= done && done > 100);
        assert!(turns.is_empty(), "nothing is left behind: {turns:?}");
    }

    #[test]
    fn a_long_queue_that_went_away_is_passed_over_at_once() {
        let turns = Turns::default();
        futures::executor::block_on(async {
            let first = turns.take("a kettle").await;
            for _ in 0..100_000 {
                assert!(begin(pin!(turns.take("a kettle"))).await.is_none());
            }
            drop(first);
            assert!(turns.is_empty());
        });
    }
}
