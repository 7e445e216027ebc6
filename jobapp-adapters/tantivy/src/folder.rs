//! The folder of the index: opened, or set aside and made anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jobapp_gigs::SearchError;
use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy};

use crate::schema::{FORM, Fields, register_words, schema};

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
    pub(crate) index: Index,
    pub(crate) reader: IndexReader,
    pub(crate) fields: Fields,
    place: Place,
}

/// What is wrong with the index in a folder, which may be in use meanwhile; `None` when it is whole. Nothing is changed.
pub fn examine(folder: &Path) -> Option<String> {
    open(folder).err().map(|error| error.to_string())
}

/// The folder of an open index. Somebody may remove it: files that are mapped are read nevertheless, and what is written is lost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place(u64, u64);

impl Place {
    #[cfg(unix)]
    fn of(folder: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(folder)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }

    /// Other systems do not remove what is open.
    #[cfg(not(unix))]
    fn of(folder: &Path) -> io::Result<Self> {
        fs::metadata(folder).map(|_| Self(0, 0))
    }
}

impl Live {
    /// Sees to it that the folder is still the one that was opened, with an index in it.
    pub(crate) fn check(&self, folder: &Path) -> Result<(), SearchError> {
        let is_gone = match (Place::of(folder), fs::metadata(folder.join(META))) {
            (Ok(place), Ok(_)) => place != self.place,
            (Err(error), _) | (_, Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SearchError::unavailable(error));
            }
            _ => true,
        };
        if is_gone {
            Err(SearchError::Damaged("its folder was removed or replaced while it was open".into()))
        } else {
            Ok(())
        }
    }
}

/// Made with every index, and replaced with every change.
const META: &str = "meta.json";

/// Opens the index in a folder, if it is there, whole, complete and of our form.
pub(crate) fn open(folder: &Path) -> Result<Live, Box<dyn std::error::Error + Send + Sync>> {
    let (wanted, fields) = schema();
    let index = Index::open_in_dir(folder)?;
    if index.schema() != wanted {
        return Err("it has other fields".into());
    }
    let payload = index.load_metas()?.payload;
    if payload.as_deref() != Some(FORM) {
        return Err(format!("it is of another form or was never complete: {payload:?}").into());
    }
    let damaged = index.validate_checksum()?;
    if !damaged.is_empty() {
        return Err(format!("these files are damaged: {damaged:?}").into());
    }
    register_words(&index);
    Ok(Live { reader: reader(&index)?, index, fields, place: Place::of(folder)? })
}

/// Sets whatever is in the folder aside and makes an empty index there.
pub(crate) fn create(folder: &Path) -> Result<Live, OpenError> {
    let unusable = |source: io::Error| OpenError::Folder { folder: folder.to_owned(), source };
    set_aside(folder).map_err(unusable)?;
    fs::create_dir_all(folder).map_err(unusable)?;
    let create = || {
        let (schema, fields) = schema();
        let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let index = Index::create(MmapDirectory::open(folder)?, schema, settings)?;
        register_words(&index);
        Ok(Live { reader: reader(&index)?, index, fields, place: Place::of(folder)? })
    };
    create()
        .map_err(|source: tantivy::TantivyError| OpenError::Index { folder: folder.to_owned(), source: source.into() })
}

/// Moves a folder with anything in it to `<folder>.set-aside`, in the place of what was set aside before.
fn set_aside(folder: &Path) -> io::Result<()> {
    let has_content = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if !has_content {
        return Ok(());
    }
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
