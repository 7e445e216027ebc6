//! Which file a database is in.

use crate::Location;

/// Which file is at a place: another one has another identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity(u64, u64);

impl FileIdentity {
    /// The file at a location; `None` when there is none, or nobody can tell.
    #[cfg(unix)]
    pub(crate) fn of(location: &Location) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let Location::File(path) = location else { return None };
        std::fs::metadata(path).ok().map(|file| Self(file.dev(), file.ino()))
    }

    /// Other systems do not let go of an open file.
    #[cfg(not(unix))]
    pub(crate) fn of(_: &Location) -> Option<Self> {
        None
    }
}
