//! How a database is: what its last failures said, and whether that is over.

use std::fmt;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::database::{Database, Verdict};
use crate::{Location, SqliteError};

/// How long a trial may wait for the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last trial holds: many may ask, and a trial writes much.
const FRESH: Duration = Duration::from_secs(1);

/// What is wrong with a database, as far as its failures tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What is stored cannot be read, or is no database at all.
    Damaged,
    /// There is no room left.
    Full,
    /// It, or its folder, cannot be written.
    ReadOnly,
    /// It cannot be opened.
    Unopenable,
    /// The disk fails; some systems say so of one without room, too.
    Disk,
    /// Its file was removed or replaced while it was open.
    Gone,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "it is damaged",
            Self::Full => "the disk is full",
            Self::ReadOnly => "it or its folder is read-only",
            Self::Unopenable => "it cannot be opened",
            Self::Disk => "the disk fails, or is full",
            Self::Gone => "its file was removed or replaced",
        })
    }
}

impl Fault {
    /// What a failure says about the database; `None` when it says nothing.
    pub(crate) fn of(error: &SqliteError) -> Option<Self> {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly, SystemIoFailure};
        let SqliteError::Failed(error) = error else { return None };
        match error.sqlite_error_code()? {
            DatabaseCorrupt | NotADatabase => Some(Self::Damaged),
            DiskFull => Some(Self::Full),
            ReadOnly => Some(Self::ReadOnly),
            CannotOpen => Some(Self::Unopenable),
            SystemIoFailure => Some(Self::Disk),
            _ => None,
        }
    }
}

/// Which file is at a place: another one has another identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileIdentity(u64, u64);

impl FileIdentity {
    /// The file at a location; `None` when there is none, or nobody can tell.
    #[cfg(unix)]
    fn of(location: &Location) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let Location::File(path) = location else { return None };
        std::fs::metadata(path).ok().map(|file| Self(file.dev(), file.ino()))
    }

    /// Other systems do not let go of an open file.
    #[cfg(not(unix))]
    fn of(_: &Location) -> Option<Self> {
        None
    }
}

/// The condition of one database. Failures are noted where they happen, so that knowing it costs nothing while all is well.
#[derive(Debug)]
pub(crate) struct Condition {
    location: Location,
    file: Option<FileIdentity>,
    noted: Mutex<Noted>,
}

/// What is known.
#[derive(Debug, Default)]
struct Noted {
    fault: Option<Fault>,
    tried: Option<Instant>,
}

impl Condition {
    /// Of a database that has just been opened.
    pub(crate) fn of(location: &Location) -> Self {
        Self { location: location.clone(), file: FileIdentity::of(location), noted: Mutex::default() }
    }

    /// Notes what a failure says about the database, if it says anything.
    pub(crate) fn note(&self, error: &SqliteError) {
        let Some(fault) = Fault::of(error) else { return };
        let before = self.noted.lock().fault.replace(fault);
        if before != Some(fault) {
            tracing::error!(database = %self.location, %error, "a database is in trouble: {fault}");
        }
    }

    /// What is wrong now. After a failure that may pass, as that of a full disk, it is tried whether a larger write succeeds.
    pub(crate) async fn fault(&self, database: &Database) -> Option<Fault> {
        if self.file != FileIdentity::of(&self.location) {
            return Some(Fault::Gone);
        }
        let fault = {
            let mut noted = self.noted.lock();
            let fault = noted.fault?;
            // Only a restart, with another file, is the end of damage.
            if fault == Fault::Damaged || noted.tried.is_some_and(|at| at.elapsed() < FRESH) {
                return Some(fault);
            }
            noted.tried = Some(Instant::now());
            fault
        };
        match tokio::time::timeout(PATIENCE, try_a_large_write(database)).await {
            Ok(Ok(())) => {
                tracing::info!(database = %self.location, "a database can be written again");
                // What came to light meanwhile stays.
                let mut noted = self.noted.lock();
                noted.fault = noted.fault.filter(|newer| *newer != fault);
            }
            // The failure was noted where it happened.
            Ok(Err(_)) => {}
            Err(_) => return Some(fault),
        }
        self.noted.lock().fault
    }
}

/// Writes more than the cache holds, and takes it back: fails where an ordinary large write would.
async fn try_a_large_write(database: &Database) -> Result<(), SqliteError> {
    database
        .write(|connection| {
            connection.execute_batch(
                "CREATE TABLE jobapp_trial (filling BLOB); INSERT INTO jobapp_trial VALUES (zeroblob(2097152))",
            )?;
            Ok(Verdict::Undo(()))
        })
        .await
}
