//! What all handles of an index share: the folder, and the index in it as this process knows it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jobapp_gigs::SearchError;
use parking_lot::{Mutex, RwLock};

use crate::error::panic_error;
use crate::folder::{self, Live, Look, OpenError, TRIES};

/// How long another process may take to put a new index in the place of an old one.
const REPLACING: Duration = Duration::from_millis(250);
/// How long one who waits for that looks away.
const PAUSE: Duration = Duration::from_millis(5);

/// The index in a folder.
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    live: RwLock<Arc<Live>>,
    /// Held by the one who reads what other processes did.
    reading: Mutex<()>,
    /// Whether other processes were seen to write to the folder.
    sharing: AtomicBool,
}

impl Shared {
    pub(crate) fn open(folder: PathBuf) -> Result<Self, OpenError> {
        let live = match folder::open(&folder) {
            Ok(live) => live,
            Err(reason) => {
                if folder.exists() {
                    tracing::info!(folder = %folder.display(), %reason, "the search index is made anew");
                }
                folder::make(&folder)?
            }
        };
        Ok(Self { folder, live: RwLock::new(Arc::new(live)), reading: Mutex::new(()), sharing: AtomicBool::new(false) })
    }

    /// The index that is there, whoever made it.
    pub(crate) fn attach(folder: PathBuf) -> Result<Self, OpenError> {
        let opened = folder::open(&folder);
        let live = opened.map_err(|source| OpenError::Unusable { folder: folder.clone(), source })?;
        Ok(Self { folder, live: RwLock::new(Arc::new(live)), reading: Mutex::new(()), sharing: AtomicBool::new(false) })
    }

    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read())
    }

    pub(crate) fn is_sharing(&self) -> bool {
        self.sharing.load(Ordering::Relaxed)
    }

    pub(crate) fn note_sharing(&self) {
        self.sharing.store(true, Ordering::Relaxed);
    }

    /// The index to search: as it is on disk, or as it was a moment ago while another search reads that.
    pub(crate) fn current(&self) -> Result<Arc<Live>, SearchError> {
        let live = self.live();
        if live.look(&self.folder)? == Look::Same {
            return Ok(live);
        }
        match self.reading.try_lock() {
            Some(_reading) => self.read(),
            None => Ok(live),
        }
    }

    /// The index as it is on disk.
    pub(crate) fn latest(&self) -> Result<Arc<Live>, SearchError> {
        let _reading = self.reading.lock();
        self.read()
    }

    /// Whether the index on disk has to be made anew before it can be built.
    pub(crate) fn is_damaged(&self) -> Result<bool, SearchError> {
        match self.latest() {
            Ok(live) => Ok(live.is_damaged()),
            Err(SearchError::Damaged(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Reads what other processes did, by one at a time.
    fn read(&self) -> Result<Arc<Live>, SearchError> {
        let mut tries = 1;
        loop {
            let live = self.live();
            match unless_it_panics(|| self.read_once(&live)) {
                // It was replaced once more while it was read.
                Err(SearchError::Damaged(_)) if tries < TRIES && self.has_moved_on(&live) => tries += 1,
                Err(error) => {
                    self.note_damage(&live, &error);
                    return Err(error);
                }
                read => return read,
            }
        }
    }

    fn read_once(&self, live: &Arc<Live>) -> Result<Arc<Live>, SearchError> {
        let mut look = live.look(&self.folder)?;
        if live.is_damaged() {
            return match look {
                Look::Same | Look::Gone => Ok(Arc::clone(live)),
                Look::Written if !live.is_outlived() => live.pass_over(&self.folder).map(|()| Arc::clone(live)),
                Look::Written | Look::Replaced => self.take_other(live),
            };
        }
        let until = Instant::now() + REPLACING;
        while look == Look::Gone && Instant::now() < until {
            std::thread::sleep(PAUSE);
            look = live.look(&self.folder)?;
        }
        match look {
            Look::Same => Ok(Arc::clone(live)),
            Look::Written => live.reload(&self.folder).map(|()| Arc::clone(live)),
            Look::Replaced => self.take_other(live),
            Look::Gone => Err(SearchError::Damaged("its folder was removed or replaced while it was open".into())),
        }
    }

    /// Takes the index that another process has made, if it is whole.
    fn take_other(&self, live: &Live) -> Result<Arc<Live>, SearchError> {
        live.pass_over(&self.folder)?;
        let other = Arc::new(folder::open(&self.folder).map_err(SearchError::Damaged)?);
        tracing::info!(folder = %self.folder.display(), "another process made the search index anew");
        *self.live.write() = Arc::clone(&other);
        Ok(other)
    }

    fn has_moved_on(&self, live: &Live) -> bool {
        matches!(live.look(&self.folder), Ok(Look::Written | Look::Replaced))
    }

    /// Makes an empty index in the place of a damaged one.
    pub(crate) fn replace_damaged(&self) -> Result<(), SearchError> {
        let _reading = self.reading.lock();
        if self.live().is_damaged() {
            let made = folder::make(&self.folder).map_err(SearchError::unavailable)?;
            *self.live.write() = Arc::new(made);
        }
        Ok(())
    }

    /// Works with an index, and remembers when it turns out to be damaged.
    pub(crate) fn guarded<T>(
        &self,
        live: &Live,
        work: impl FnOnce() -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        let done = unless_it_panics(work);
        if let Err(error) = &done {
            self.note_damage(live, error);
        }
        done
    }

    fn note_damage(&self, live: &Live, error: &SearchError) {
        if let SearchError::Damaged(reason) = error
            && live.note_damage()
        {
            tracing::error!(folder = %self.folder.display(), %reason, "the search index is damaged");
        }
    }
}

fn unless_it_panics<T>(work: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panic_error(panic.as_ref())))
}
