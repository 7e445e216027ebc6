//! Embedded gig search: the index of the one binary, on tantivy, in one folder.
//!
//! [`TantivySearch::open`] takes whatever it finds in the folder. An index that is whole, complete and of the current form is
//! used at once; anything else is set aside and an empty one made, which says that it
//! [needs to be built](jobapp_gigs::SearchIndex::needs_rebuild) and answers searches with
//! [`SearchError::Incomplete`] until it is. The same happens when it turns out to be damaged later, or when its folder is removed
//! while it is open. So nobody ever has to repair
//! it: the store has the gigs, `jobapp_gigs::Indexer::heal` builds the index from them.
//!
//! It is made to cost little. The index holds words and numbers, no texts: gigs are read from the store. It is mapped, not
//! loaded. There is one writer with one thread and the smallest heap, and it is given up when there was nothing to write for
//! half a minute.

mod error;
mod folder;
mod queries;
mod schema;
mod writer;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_gigs::{EveryGig, GigSearch, Hits, IndexChange, SearchDocument, SearchError, SearchIndex, SearchQuery};
use parking_lot::RwLock;
use tokio::sync::{Mutex, OwnedMutexGuard};

use folder::Live;
pub use folder::{OpenError, examine};
use queries::Asked;
use writer::Slot;

/// How long the writer is kept when there is nothing to write.
const IDLE: Duration = Duration::from_secs(30);

/// The gig index in a folder. A clone is another handle. One process at a time may have it open.
#[derive(Clone)]
pub struct TantivySearch {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    live: RwLock<Arc<Live>>,
    slot: Arc<Mutex<Slot>>,
    /// Whether it knows every gig.
    complete: AtomicBool,
    /// Whether it has to be made anew before it can be built.
    damaged: AtomicBool,
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
        let folder = folder.into();
        let (live, complete) = match folder::open(&folder) {
            Ok(live) => (live, true),
            Err(_) if !folder.exists() => (folder::create(&folder)?, false),
            Err(reason) => {
                tracing::info!(folder = %folder.display(), %reason, "the search index is made anew");
                (folder::create(&folder)?, false)
            }
        };
        let shared = Shared {
            folder,
            live: RwLock::new(Arc::new(live)),
            slot: Arc::default(),
            complete: AtomicBool::new(complete),
            damaged: AtomicBool::new(false),
            idle,
            closing: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether there is a writer with its memory right now.
    pub async fn has_writer(&self) -> bool {
        self.shared.slot.lock().await.is_open()
    }

    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.shared.live.read())
    }

    /// Answers from the index, off the threads that serve requests.
    async fn ask(
        &self,
        question: impl FnOnce(&Asked) -> Result<Hits, SearchError> + Send + 'static,
    ) -> Result<Hits, SearchError> {
        if !self.shared.complete.load(Ordering::SeqCst) || self.shared.damaged.load(Ordering::SeqCst) {
            return Err(SearchError::Incomplete);
        }
        let (live, shared) = (self.live(), Arc::clone(&self.shared));
        let answer = blocking(move || {
            live.check(&shared.folder)?;
            question(&Asked::new(live.reader.searcher(), live.fields))
        });
        self.watched(answer.await)
    }

    /// Works with the writer, off the threads that serve requests.
    async fn write<T: Send + 'static>(
        &self,
        slot: OwnedMutexGuard<Slot>,
        work: impl FnOnce(&mut Slot, &Live) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<(OwnedMutexGuard<Slot>, T), SearchError> {
        let (live, shared) = (self.live(), Arc::clone(&self.shared));
        let written = blocking(move || {
            let mut slot = slot;
            live.check(&shared.folder)?;
            let done = work(&mut slot, &live)?;
            Ok((slot, done))
        });
        self.watched(written.await)
    }

    /// Looks whether the index is still where it was.
    async fn look(&self) -> Result<(), SearchError> {
        if self.shared.damaged.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (live, shared) = (self.live(), Arc::clone(&self.shared));
        match self.watched(blocking(move || live.check(&shared.folder)).await) {
            // That is remembered now.
            Err(SearchError::Damaged(_)) => Ok(()),
            other => other,
        }
    }

    /// Remembers that the index is damaged.
    fn watched<T>(&self, result: Result<T, SearchError>) -> Result<T, SearchError> {
        if let Err(SearchError::Damaged(reason)) = &result
            && !self.shared.damaged.swap(true, Ordering::SeqCst)
        {
            tracing::error!(folder = %self.shared.folder.display(), %reason, "the search index is damaged");
        }
        result
    }

    async fn lock(&self) -> OwnedMutexGuard<Slot> {
        Arc::clone(&self.shared.slot).lock_owned().await
    }

    /// Makes an empty index in the place of a damaged one.
    async fn replace_damaged(&self, slot: OwnedMutexGuard<Slot>) -> Result<OwnedMutexGuard<Slot>, SearchError> {
        if !self.shared.damaged.load(Ordering::SeqCst) {
            return Ok(slot);
        }
        let shared = Arc::clone(&self.shared);
        let slot = blocking(move || {
            let mut slot = slot;
            slot.abandon();
            shared.complete.store(false, Ordering::SeqCst);
            *shared.live.write() = Arc::new(folder::create(&shared.folder).map_err(SearchError::unavailable)?);
            Ok(slot)
        });
        let slot = slot.await?;
        self.shared.damaged.store(false, Ordering::SeqCst);
        Ok(slot)
    }

    /// Gives up the writer once it has been idle; one task at a time sees to that.
    fn close_when_idle(&self) {
        if self.shared.closing.swap(true, Ordering::SeqCst) {
            return;
        }
        let this = Arc::downgrade(&self.shared);
        let idle = self.shared.idle;
        tokio::spawn(async move {
            let mut uses = None;
            loop {
                tokio::time::sleep(idle).await;
                let Some(shared) = this.upgrade() else { return };
                let this = Self { shared };
                let slot = this.lock().await;
                if uses.replace(slot.uses) != Some(slot.uses) {
                    continue;
                }
                this.shared.closing.store(false, Ordering::SeqCst);
                if let Err(error) = this.write(slot, Slot::close).await {
                    tracing::warn!(%error, "the writer of the search index did not end well");
                }
                return;
            }
        });
    }
}

/// Runs what may read or write files where it holds up nobody. A panic of the engine means that it read what it cannot read.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
) -> Result<T, SearchError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(SearchError::Damaged(Box::new(error))),
        Err(error) => Err(SearchError::unavailable(error)),
    }
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
        let complete = self.shared.complete.load(Ordering::SeqCst);
        self.close_when_idle();
        self.write(slot, move |slot, live| slot.apply(live, complete, changes)).await.map(drop)
    }

    async fn needs_rebuild(&self) -> Result<bool, SearchError> {
        self.look().await?;
        Ok(!self.shared.complete.load(Ordering::SeqCst) || self.shared.damaged.load(Ordering::SeqCst))
    }

    async fn rebuild(
        &self,
        gigs: &mut dyn EveryGig,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, SearchError> {
        // Held until the end: what is told meanwhile waits, and is then compared with what was built.
        let slot = self.lock().await;
        self.look().await?;
        let slot = self.replace_damaged(slot).await?;
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
            (slot, ()) = self.write(slot, move |slot, live| slot.add(live, &some)).await?;
            progress(count);
        }
        let (slot, ()) = self.write(slot, Slot::finish).await?;
        self.shared.complete.store(true, Ordering::SeqCst);
        drop(slot);
        Ok(count)
    }
}
