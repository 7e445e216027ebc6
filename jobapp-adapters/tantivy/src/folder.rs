//! The folder of the index: opened, or set aside and made anew. Other processes may do the same at the same time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jobapp_gigs::SearchError;
use parking_lot::RwLock;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, META_LOCK, MmapDirectory};
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy};

use crate::error::{file_error, search_error};
use crate::schema::{FORM, Fields, register_words, schema};
use crate::turn::{NEXT, PATIENCE, Turn};

/// How often a folder is looked at again that others change meanwhile.
pub(crate) const TRIES: usize = 10;

/// Why a folder could not be used for an index at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be read or written.
    #[error("the folder {} of the search index cannot be used", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no index in it that can be used as it is.
    #[error("there is no search index of this version in {}", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The index cannot be made.
    #[error("the search index in {} cannot be made", folder.display())]
    Index {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An index that is open.
pub(crate) struct Live {
    index: Index,
    pub(crate) reader: IndexReader,
    pub(crate) fields: Fields,
    /// Somebody may remove or replace the folder: files that are mapped are read nevertheless, and what is written is lost.
    place: Held,
    /// The meta file that the reader has read, or one before it.
    seen: RwLock<Held>,
    /// Whether it knows every gig.
    complete: AtomicBool,
    /// Whether it has to be made anew before it can be built.
    damaged: AtomicBool,
}

/// What has become of an index since it was looked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing.
    Same,
    /// Somebody wrote to it.
    Written,
    /// Somebody put another in its place.
    Replaced,
    /// There is none.
    Gone,
}

/// What is wrong with the index in a folder, which may be in use meanwhile; `None` when it is whole. Nothing is changed.
pub fn examine(folder: &Path) -> Option<String> {
    match open(folder) {
        Ok(live) if live.is_complete() => None,
        Ok(_) => Some("it was never complete".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// A file or folder that is recognised again.
struct Held {
    /// Stays open: otherwise another could get its number once it is removed.
    _file: Option<File>,
    number: Number,
}

impl Held {
    fn open(path: &Path) -> io::Result<Self> {
        if cfg!(unix) {
            let file = File::open(path)?;
            Ok(Self { number: number(&file.metadata()?), _file: Some(file) })
        } else {
            Ok(Self { number: number(&fs::metadata(path)?), _file: None })
        }
    }

    /// Whether it is what has this name now.
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        is_at(self.number, path)
    }
}

/// Whether an open file is the one that has this name now.
pub(crate) fn is_file_at(file: &File, path: &Path) -> io::Result<bool> {
    is_at(number(&file.metadata()?), path)
}

fn is_at(held: Number, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(number(&found) == held),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The device of a file and its number there.
#[cfg(unix)]
type Number = (u64, u64);

#[cfg(unix)]
fn number(of: &fs::Metadata) -> Number {
    use std::os::unix::fs::MetadataExt;
    (of.dev(), of.ino())
}

/// When a file was written and how long it is. Other systems do not remove folders that are in use.
#[cfg(not(unix))]
type Number = Option<(Option<std::time::SystemTime>, u64)>;

#[cfg(not(unix))]
fn number(of: &fs::Metadata) -> Number {
    of.is_file().then(|| (of.modified().ok(), of.len()))
}

impl Live {
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::SeqCst)
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::SeqCst)
    }

    /// Remembers that it is damaged. Returns whether that is news.
    pub(crate) fn note_damage(&self) -> bool {
        !self.damaged.swap(true, Ordering::SeqCst)
    }

    /// Sees what has become of it.
    pub(crate) fn look(&self, folder: &Path) -> Result<Look, SearchError> {
        let meta = folder.join(META);
        match self.seen.read().is_at(&meta) {
            Ok(true) => return Ok(Look::Same),
            Ok(false) => {}
            Err(error) => return Err(SearchError::unavailable(error)),
        }
        let is_there = |path: &Path| path.try_exists().map_err(SearchError::unavailable);
        if !is_there(&meta)? {
            return Ok(Look::Gone);
        }
        match self.place.is_at(folder) {
            Ok(true) => Ok(Look::Written),
            Ok(false) => Ok(Look::Replaced),
            Err(error) => Err(SearchError::unavailable(error)),
        }
    }

    /// Reads what others wrote to it.
    pub(crate) fn reload(&self, folder: &Path) -> Result<(), SearchError> {
        // Before the reader: when somebody writes in between, the next look finds that out.
        let seen = Held::open(&folder.join(META)).map_err(file_error)?;
        let read = self.read();
        if !matches!(read, Err(SearchError::Unavailable(_))) {
            *self.seen.write() = seen;
        }
        read
    }

    fn read(&self) -> Result<(), SearchError> {
        let complete = self.is_complete() || {
            let mark = self.index.load_metas().map_err(search_error)?.payload;
            is_complete(mark.as_deref()).map_err(|form| SearchError::Damaged(form.into()))?
        };
        self.reader.reload().map_err(search_error)?;
        self.complete.store(complete, Ordering::SeqCst);
        Ok(())
    }

    /// Takes what is there now for seen without reading it.
    pub(crate) fn pass_over(&self, folder: &Path) -> Result<(), SearchError> {
        *self.seen.write() = Held::open(&folder.join(META)).map_err(file_error)?;
        Ok(())
    }

    /// Whether nothing of what this process has read is part of the index any more, as after a rebuild.
    pub(crate) fn is_outlived(&self) -> bool {
        let Ok(now) = self.index.searchable_segment_ids() else { return false };
        self.reader.searcher().segment_readers().iter().all(|segment| !now.contains(&segment.segment_id()))
    }
}

/// Made with every index, and replaced with every change.
const META: &str = "meta.json";

/// Whether an index with this mark knows every gig, or of which other form it is.
fn is_complete(mark: Option<&str>) -> Result<bool, String> {
    match mark {
        Some(FORM) => Ok(true),
        None => Ok(false),
        Some(other) => Err(format!("it is of another form: {other:?}")),
    }
}

/// Opens the index in a folder, if it is there, whole and of our form.
pub(crate) fn open(folder: &Path) -> Result<Live, Box<dyn std::error::Error + Send + Sync>> {
    let (wanted, fields) = schema();
    let place = Held::open(folder)?;
    let seen = Held::open(&folder.join(META))?;
    let directory = MmapDirectory::open(folder)?;
    // While it is held no writer removes the files of older segments, which would look like damage here.
    let lock = directory.acquire_lock(&META_LOCK)?;
    let index = Index::open(directory)?;
    if index.schema() != wanted {
        return Err("it has other fields".into());
    }
    let complete = is_complete(index.load_metas()?.payload.as_deref())?;
    let damaged = index.validate_checksum()?;
    if !damaged.is_empty() {
        return Err(format!("these files are damaged: {damaged:?}").into());
    }
    // The reader takes it as well.
    drop(lock);
    register_words(&index);
    Ok(Live {
        reader: reader(&index)?,
        index,
        fields,
        place,
        seen: RwLock::new(seen),
        complete: AtomicBool::new(complete),
        damaged: AtomicBool::new(false),
    })
}

/// Makes an empty index where there is none, and sets aside what is there instead. Takes what another process has made meanwhile.
pub(crate) fn make(folder: &Path) -> Result<Live, OpenError> {
    let unusable = |source: io::Error| OpenError::Folder { folder: folder.to_owned(), source };
    let useless = |source| OpenError::Index { folder: folder.to_owned(), source };
    for _ in 0..TRIES {
        fs::create_dir_all(folder).map_err(unusable)?;
        let _turn = match Turn::take(folder, PATIENCE) {
            Ok(turn) => turn,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unusable(error)),
        };
        if let Ok(live) = open(folder) {
            return Ok(live);
        }
        if has_content(folder).map_err(unusable)? {
            // The lock went with the folder: others may already be at it where it was.
            set_aside(folder).map_err(unusable)?;
            continue;
        }
        return create(folder).map_err(useless);
    }
    Err(useless("it is replaced again and again".into()))
}

fn create(folder: &Path) -> Result<Live, Box<dyn std::error::Error + Send + Sync>> {
    let (schema, _) = schema();
    let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
    Index::create(MmapDirectory::open(folder)?, schema, settings)?;
    open(folder)
}

/// Whether there is more in a folder than what every process makes to lock it.
fn has_content(folder: &Path) -> io::Result<bool> {
    let locks = [Path::new(NEXT), &INDEX_WRITER_LOCK.filepath, &META_LOCK.filepath];
    for entry in fs::read_dir(folder)? {
        if !locks.contains(&Path::new(&entry?.file_name())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves a folder to `<folder>.set-aside`, in the place of what was set aside before.
fn set_aside(folder: &Path) -> io::Result<()> {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".set-aside");
    let aside = folder.with_file_name(name);
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    fs::rename(folder, &aside)
}

/// A reader that is told when there is something new: it needs no thread that watches the folder.
fn reader(index: &Index) -> tantivy::Result<IndexReader> {
    index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(1).try_into()
}
