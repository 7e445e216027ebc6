//! An open database: a thread that writes, and connections that read where they are asked.
//!
//! Writes that wait at the same time share one transaction and one wait for the disk. Nothing is answered before that. A refused
//! one harms no other: when one has to be taken back that changed something, all are, and are done again, each in a savepoint
//! of its own. That is rare, and a savepoint copies every page that is changed within it.
//!
//! Which writes wait for the disk: [`Database::write`] does. [`Database::note`] does not: what it stores survives the end of the
//! process, and after a power cut the database is as it was some commits before, whole. It is for what is found out again, such
//! as a lease; a later write that waits takes it along, since the log is one file.
//!
//! Which writes are done at once: those that somebody waits for. Whoever is in no hurry ([`Patience`]) is gathered for some
//! milliseconds after the last commit, so that what follows the writes of a busy machine shares few commits; on an idle one it
//! does not wait.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::fault::{Condition, Fault};
use crate::file::{self, open_reader};
use crate::jobs::Jobs;
use crate::{Location, OpenError, Patience, SqliteError};

/// How many connections read.
const READERS: usize = 2;
/// At most this many writes share a commit, so that the first of them does not wait too long.
const GROUP: usize = 256;
/// How long after a commit those who are in no hurry are gathered for the next one.
const GATHER: Duration = Duration::from_millis(5);

/// Whether what a write did is to stay.
pub(crate) enum Verdict<T> {
    /// It is.
    Keep(T),
    /// It is as if it had not been; this is the answer.
    Undo(T),
}

impl<T> Verdict<T> {
    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Verdict<U> {
        match self {
            Self::Keep(value) => Verdict::Keep(map(value)),
            Self::Undo(value) => Verdict::Undo(map(value)),
        }
    }
}

/// A write, as the thread knows it.
trait Write: Send {
    /// Whether it waits for the disk.
    fn waits(&self) -> bool;
    /// Does it, within a transaction. Done again after a commit that failed.
    fn run(&mut self, connection: &Connection, condition: &Condition) -> Outcome;
    /// What it did is stored, or taken back: answers.
    fn stored(self: Box<Self>);
    /// It could not be stored.
    fn failed(self: Box<Self>, error: SqliteError);
}

/// What a write comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is to stay.
    Stays,
    /// It is to be taken back, should it have changed anything.
    Undone,
    /// It failed: whatever it did is to be taken back.
    Failed,
}

struct Job<W, T, D> {
    work: W,
    waits: bool,
    answer: Option<Result<T, SqliteError>>,
    done: D,
}

impl<W, T, D> Write for Job<W, T, D>
where
    W: FnMut(&Connection) -> Result<Verdict<T>, SqliteError> + Send,
    T: Send,
    D: FnOnce(Result<T, SqliteError>) + Send,
{
    fn waits(&self) -> bool {
        self.waits
    }

    fn run(&mut self, connection: &Connection, condition: &Condition) -> Outcome {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| (self.work)(connection)));
        let (outcome, answer) = match outcome {
            Ok(Ok(Verdict::Keep(value))) => (Outcome::Stays, Ok(value)),
            Ok(Ok(Verdict::Undo(value))) => (Outcome::Undone, Ok(value)),
            Ok(Err(error)) => {
                condition.note(&error);
                (Outcome::Failed, Err(error))
            }
            Err(_) => (Outcome::Failed, Err(SqliteError::foreign("a write panicked; the log says where"))),
        };
        self.answer = Some(answer);
        outcome
    }

    fn stored(self: Box<Self>) {
        let Self { answer, done, .. } = *self;
        done(answer.unwrap_or(Err(SqliteError::Closed)));
    }

    fn failed(self: Box<Self>, error: SqliteError) {
        (self.done)(Err(error));
    }
}

/// An open database. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    location: Location,
    condition: Arc<Condition>,
    commits: Arc<AtomicU64>,
    waits: Arc<AtomicU64>,
    /// None in memory: there nobody but the writer sees the database. They are closed before the writer, since whoever closes a
    /// file last empties its log, and they may not.
    readers: Vec<Mutex<Option<Connection>>>,
    patience: Option<Patience>,
    jobs: Arc<Jobs<Box<dyn Write>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Database {
    /// Opens the database, makes it with its folder if it is missing, and has `prepare` see to what is in it.
    pub(crate) async fn open(
        location: Location,
        patience: Option<Patience>,
        prepare: impl FnOnce(&mut Connection, &Location) -> Result<(), SqliteError> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let name = location.to_string();
        // It may wait for another process, and for the disk.
        let opening = tokio::task::spawn_blocking(move || Self::open_here(location, patience, prepare));
        let failed = |error| OpenError::Open { location: name, source: SqliteError::foreign(format!("{error}")) };
        opening.await.map_err(failed)?
    }

    fn open_here(
        location: Location,
        patience: Option<Patience>,
        prepare: impl FnOnce(&mut Connection, &Location) -> Result<(), SqliteError>,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Open { location: location.to_string(), source };
        let mut writer = file::open_writer(&location)?;
        prepare(&mut writer, &location).map_err(failed)?;
        let readers = match &location {
            Location::Memory => Vec::new(),
            Location::File(path) => {
                let reader = |_| open_reader(path).map(|reader| Mutex::new(Some(reader)));
                (0..READERS).map(reader).collect::<Result<_, _>>().map_err(failed)?
            }
        };
        let condition = Arc::new(Condition::of(&location));
        // In memory there is nothing to save by waiting.
        let patience = patience.filter(|_| !readers.is_empty());
        let jobs = Arc::new(Jobs::default());
        let (commits, waits) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let writing = Writing {
            connection: writer,
            waits: true,
            condition: Arc::clone(&condition),
            commits: Arc::clone(&commits),
            waited: Arc::clone(&waits),
        };
        let waiting = Arc::clone(&jobs);
        let thread = std::thread::Builder::new()
            .name("jobapp-sqlite".to_owned())
            .spawn(move || writing.run(&waiting))
            .map_err(|error| failed(SqliteError::foreign(format!("no thread can be started for it: {error}"))))?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { inner: Arc::new(Inner { location, condition, commits, waits, readers, patience, jobs, thread }) })
    }

    /// How many transactions were committed.
    pub(crate) fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }

    /// How many of them waited for the disk.
    pub(crate) fn waits(&self) -> u64 {
        self.inner.waits.load(Ordering::Relaxed)
    }

    pub(crate) fn location(&self) -> &Location {
        &self.inner.location
    }

    /// Writes, and returns once it is on the disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<Verdict<T>, SqliteError> + Send + 'static,
    ) -> Result<T, SqliteError> {
        self.answered(true, work).await
    }

    /// Writes what may be lost with the last instant before a power cut.
    pub(crate) async fn note<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<Verdict<T>, SqliteError> + Send + 'static,
    ) -> Result<T, SqliteError> {
        self.answered(false, work).await
    }

    async fn answered<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnMut(&Connection) -> Result<Verdict<T>, SqliteError> + Send + 'static,
    ) -> Result<T, SqliteError> {
        let (reply, answer) = oneshot::channel();
        // Who does not listen any more does not need to know.
        self.submit(waits, work, move |result| drop(reply.send(result)));
        answer.await.map_err(|_| SqliteError::Closed)?
    }

    /// Has the thread do this; `done` is called there with what came of it.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnMut(&Connection) -> Result<Verdict<T>, SqliteError> + Send + 'static,
        done: impl FnOnce(Result<T, SqliteError>) + Send + 'static,
    ) {
        let job: Box<dyn Write> = Box::new(Job { work, waits, answer: None, done });
        let is_hurried = !self.inner.patience.is_some_and(|is_patient| is_patient());
        if let Err(job) = self.inner.jobs.put(job, is_hurried) {
            job.failed(SqliteError::Closed);
        }
    }

    /// Asks, as of the last commit. The answer is found where the caller is: that is sooner than another thread would have begun.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        mut question: impl FnMut(&Connection) -> Result<T, SqliteError> + Send + 'static,
    ) -> Result<T, SqliteError> {
        if self.inner.readers.is_empty() {
            return self.note(move |connection| question(connection).map(Verdict::Undo)).await;
        }
        let reader = self.idle_reader();
        let answer = question(reader.as_ref().ok_or(SqliteError::Closed)?);
        answer.inspect_err(|error| self.inner.condition.note(error))
    }

    /// A reader that nobody uses, or the first of them.
    fn idle_reader(&self) -> MutexGuard<'_, Option<Connection>> {
        let readers = &self.inner.readers;
        readers.iter().find_map(Mutex::try_lock).unwrap_or_else(|| readers[0].lock())
    }

    /// What is wrong with it.
    pub(crate) async fn fault(&self) -> Option<Fault> {
        self.inner.condition.fault(self).await
    }

    /// Finishes what it was asked for and closes it.
    pub(crate) async fn close(&self) {
        self.inner.end();
        let thread = self.inner.thread.lock().take();
        if let Some(thread) = thread {
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!(database = %self.inner.location, "the thread that writes a database panicked");
            }
        }
    }
}

impl Inner {
    /// Lets nothing in any more. The thread ends after what it was asked for.
    fn end(&self) {
        for reader in &self.readers {
            reader.lock().take();
        }
        self.jobs.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the thread has.
struct Writing {
    connection: Connection,
    /// Whether commits wait for the disk just now.
    waits: bool,
    condition: Arc<Condition>,
    commits: Arc<AtomicU64>,
    waited: Arc<AtomicU64>,
}

impl Writing {
    /// Works until nobody can ask any more.
    fn run(mut self, jobs: &Jobs<Box<dyn Write>>) {
        // Nobody may wait for a thread that is no more.
        let _ending = jobs.ending();
        let mut due = Instant::now();
        while let Some(group) = jobs.take(GROUP, due) {
            self.work(group);
            due = Instant::now() + GATHER;
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::error!(%error, "a database did not close");
        }
    }

    /// Does several writes in one transaction; when that fails, each in its own, so that one cannot spoil the others.
    fn work(&mut self, mut group: Vec<Box<dyn Write>>) {
        let alone = group.len() == 1;
        let together = self.commit(&mut group);
        if let (true, Some(job)) = (alone, group.pop_if(|_| alone)) {
            return answer(job, together);
        }
        let are_stored = together.is_ok();
        for mut job in group {
            let outcome = if are_stored { Ok(()) } else { self.commit(std::slice::from_mut(&mut job)) };
            answer(job, outcome);
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Write>]) -> Result<(), SqliteError> {
        let outcome = self.attempt(group);
        if let Err(error) = &outcome {
            self.condition.note(error);
        }
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be taken back");
        }
        outcome
    }

    fn attempt(&mut self, group: &mut [Box<dyn Write>]) -> Result<(), SqliteError> {
        if self.together(group, false)? {
            return Ok(());
        }
        execute(&self.connection, "ROLLBACK")?;
        self.together(group, true).map(drop)
    }

    /// Does several writes in one transaction. Returns whether it was committed: without savepoints it is not when one of
    /// several has to be taken back.
    fn together(&mut self, group: &mut [Box<dyn Write>], with_savepoints: bool) -> Result<bool, SqliteError> {
        let waits = group.iter().any(|job| job.waits());
        if waits != self.waits {
            file::synchronous(&self.connection, waits)?;
            self.waits = waits;
        }
        execute(&self.connection, "BEGIN IMMEDIATE")?;
        let mut anything = false;
        let alone = group.len() == 1;
        for job in group {
            if with_savepoints {
                execute(&self.connection, "SAVEPOINT one")?;
            }
            let changes = self.connection.total_changes();
            let outcome = job.run(&self.connection, &self.condition);
            let stays = outcome == Outcome::Stays;
            // On a full disk SQLite takes the transaction back by itself: what others did is gone as well.
            if self.connection.is_autocommit() {
                let is_answered = alone && !stays;
                let by_itself = || SqliteError::foreign("the database took a transaction back by itself");
                return if is_answered { Ok(true) } else { Err(by_itself()) };
            }
            anything |= stays;
            let did_nothing = outcome == Outcome::Undone && self.connection.total_changes() == changes;
            if !alone && !with_savepoints && !stays && !did_nothing {
                return Ok(false);
            }
            if with_savepoints {
                if !stays {
                    execute(&self.connection, "ROLLBACK TO one")?;
                }
                execute(&self.connection, "RELEASE one")?;
            }
        }
        execute(&self.connection, if anything { "COMMIT" } else { "ROLLBACK" })?;
        self.commits.fetch_add(u64::from(anything), Ordering::Relaxed);
        self.waited.fetch_add(u64::from(anything && waits), Ordering::Relaxed);
        Ok(true)
    }
}

fn answer(job: Box<dyn Write>, outcome: Result<(), SqliteError>) {
    match outcome {
        Ok(()) => job.stored(),
        Err(error) => job.failed(error),
    }
}

/// A statement without values, prepared once.
fn execute(connection: &Connection, sql: &str) -> Result<(), SqliteError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_forgets_to_close_it_leaves_no_thread_behind() {
        let database = Database::open(Location::Memory, None, |_, _| Ok(())).await.unwrap();
        let thread = database.inner.thread.lock().take().unwrap();
        drop(database);
        thread.join().unwrap();
    }
}
