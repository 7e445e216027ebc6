//! Embedded gig search: the index of the one binary, on tantivy, in one folder.
//!
//! [`TantivySearch::open`] takes whatever it finds in the folder. An index that is whole and of the current form is used at once;
//! anything else is set aside and an empty one made. As long as it does not know every gig it says that it
//! [needs to be built](jobapp_gigs::SearchIndex::needs_rebuild) and answers searches with [`SearchError::Incomplete`]. The same
//! happens when it turns out to be damaged later, or when its folder is removed while it is open. So nobody ever has to repair
//! it: the store has the gigs, `jobapp_gigs::Indexer::heal` builds the index from them.
//!
//! Several processes of one machine may have the folder open. A write waits for those of others, up to twenty seconds, and who has
//! the writer gives it up soon when somebody waits for it. A search looks first whether there is something new. What one process
//! made anew the others take. A process that is killed takes its locks along.
//!
//! It is made to cost little. The index holds words and numbers, no texts: gigs are read from the store. It is mapped, not
//! loaded. There is one writer with one thread and the smallest heap, and it is given up when there was nothing to write for
//! half a minute.

mod error;
mod folder;
mod queries;
mod schema;
mod shared;
mod turn;
mod writer;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_gigs::{
    EveryGig, Extent, GigSearch, Hits, IndexChange, SearchDocument, SearchError, SearchIndex, SearchQuery,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

pub use folder::{OpenError, examine};
use queries::Asked;
use shared::Shared;
use writer::{Slot, TURN};

/// How long the writer is kept when there is nothing to write.
const IDLE: Duration = Duration::from_secs(30);
/// How often a process that never saw others write looks whether one waits for the writer.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The gig index in a folder. A clone is another handle.
///
/// Several processes of one machine may have it open. One of them at a time writes, others wait for it; what one wrote, all find with
/// their next search. They must be of one version: an index of another form is set aside, whoever is using it.
#[derive(Clone)]
pub struct TantivySearch {
    shared: Arc<Shared>,
    writing: Arc<Writing>,
}

/// The writer, and when it is given up.
struct Writing {
    slot: Arc<Mutex<Slot>>,
    idle: Duration,
    closing: AtomicBool,
}

impl fmt::Debug for TantivySearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TantivySearch").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl TantivySearch {
    /// Opens the index in this folder, or makes an empty one that needs to be built. What cannot be used is moved to
    /// `<folder>.set-aside`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::open_with(folder, IDLE)
    }

    /// As [`TantivySearch::open`], with another time after which an idle writer is given up.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open_with(folder: impl Into<PathBuf>, idle: Duration) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::open(folder.into())?);
        Ok(Self { shared, writing: Arc::new(Writing { slot: Arc::default(), idle, closing: AtomicBool::new(false) }) })
    }

    /// Opens the index in this folder as it is, and makes none: for who looks at one that others use.
    ///
    /// # Errors
    /// When there is no whole index of the current form.
    pub fn attach(folder: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::attach(folder.into())?);
        let writing = Writing { slot: Arc::default(), idle: IDLE, closing: AtomicBool::new(false) };
        Ok(Self { shared, writing: Arc::new(writing) })
    }

    /// Whether there is a writer with its memory right now.
    pub async fn has_writer(&self) -> bool {
        self.writing.slot.lock().await.is_open()
    }

    /// Answers from the index, off the threads that serve requests.
    async fn ask(
        &self,
        question: impl FnOnce(&Asked) -> Result<Hits, SearchError> + Send + 'static,
    ) -> Result<Hits, SearchError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let live = shared.current()?;
            if !live.is_complete() || live.is_damaged() {
                return Err(SearchError::Incomplete);
            }
            shared.guarded(&live, || question(&Asked::new(live.reader.searcher(), live.fields)))
        })
        .await
    }

    async fn lock(&self) -> OwnedMutexGuard<Slot> {
        Arc::clone(&self.writing.slot).lock_owned().await
    }

    /// Works with the writer, off the threads that serve requests.
    async fn write<T: Send + 'static>(
        &self,
        mut slot: OwnedMutexGuard<Slot>,
        work: impl FnOnce(&mut Slot, &Shared) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<(OwnedMutexGuard<Slot>, T), SearchError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || work(&mut slot, &shared).map(|done| (slot, done))).await
    }

    /// Gives up the writer once it has been idle or another process waits for it; one task at a time sees to that.
    fn close_when_idle(&self) {
        if self.writing.closing.swap(true, Ordering::SeqCst) {
            return;
        }
        let pause = self.pause();
        let (shared, writing) = (Arc::downgrade(&self.shared), Arc::downgrade(&self.writing));
        tokio::spawn(async move {
            let mut pause = pause;
            let mut last = (None, Instant::now());
            loop {
                tokio::time::sleep(pause).await;
                let Some(this) = Self::upgrade(&shared, &writing) else { return };
                pause = this.pause();
                // Who is writing right now gives way by himself.
                let Ok(slot) = Arc::clone(&this.writing.slot).try_lock_owned() else {
                    last.0 = None;
                    continue;
                };
                if last.0 != Some(slot.uses) {
                    last = (Some(slot.uses), Instant::now());
                }
                if slot.is_open() && !slot.is_awaited(&this.shared) && last.1.elapsed() < this.writing.idle {
                    continue;
                }
                this.writing.closing.store(false, Ordering::SeqCst);
                if let Err(error) = this.write(slot, Slot::close).await {
                    tracing::warn!(%error, "the writer of the search index did not end well");
                }
                return;
            }
        });
    }

    fn upgrade(shared: &Weak<Shared>, writing: &Weak<Writing>) -> Option<Self> {
        Some(Self { shared: shared.upgrade()?, writing: writing.upgrade()? })
    }

    /// How long nobody looks whether the writer can be given up.
    fn pause(&self) -> Duration {
        let pause = if self.shared.is_sharing() { TURN } else { LOOK_EVERY };
        pause.min(self.writing.idle)
    }
}

/// Runs what may read or write files where it holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
) -> Result<T, SearchError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(SearchError::unavailable(error)))
}

#[async_trait]
impl GigSearch for TantivySearch {
    async fn search(&self, query: &SearchQuery) -> Result<Hits, SearchError> {
        let query = query.clone();
        self.ask(move |asked| asked.page(&query)).await
    }

    async fn by_category(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let category = category.map(str::to_owned);
        self.ask(move |asked| asked.newest(category.as_deref(), limit)).await
    }

    async fn top_rated(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let category = category.map(str::to_owned);
        self.ask(move |asked| asked.top_rated(category.as_deref(), limit)).await
    }

    async fn similar(&self, gig: &SearchDocument, limit: usize) -> Result<Hits, SearchError> {
        let gig = gig.clone();
        self.ask(move |asked| asked.similar(&gig, limit)).await
    }
}

#[async_trait]
impl SearchIndex for TantivySearch {
    async fn apply(&self, changes: Vec<IndexChange>) -> Result<(), SearchError> {
        if changes.is_empty() {
            return Ok(());
        }
        let slot = self.lock().await;
        self.close_when_idle();
        self.write(slot, move |slot, shared| slot.apply(shared, changes)).await.map(drop)
    }

    async fn extent(&self) -> Result<Extent, SearchError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let live = shared.latest()?;
            shared.guarded(&live, || Asked::new(live.reader.searcher(), live.fields).extent())
        })
        .await
    }

    async fn needs_rebuild(&self) -> Result<bool, SearchError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || Ok(shared.is_damaged()? || !shared.latest()?.is_complete())).await
    }

    async fn rebuild(
        &self,
        gigs: &mut dyn EveryGig,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, SearchError> {
        // Held until the end: what is told meanwhile waits, and is then compared with what was built. The writer is held as well,
        // so that this is true of what other processes are told.
        let slot = self.lock().await;
        self.close_when_idle();
        let (mut slot, ()) = self.write(slot, Slot::begin_anew).await?;
        let mut count = 0;
        loop {
            let some = match gigs.next().await {
                Ok(some) => some,
                Err(error) => {
                    slot.abandon();
                    return Err(error.into());
                }
            };
            if some.is_empty() {
                break;
            }
            count += some.len();
            (slot, ()) = self.write(slot, move |slot, shared| slot.add(shared, &some)).await?;
            progress(count);
        }
        self.write(slot, Slot::finish).await?;
        Ok(count)
    }
}
