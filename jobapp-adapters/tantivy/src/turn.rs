//! Whose turn it is to write, of all processes that have the folder open.
//!
//! The engine lets one writer at a time in, and who comes second fails at once. Here he waits, and while he does he holds a second
//! lock: who writes sees by it that somebody waits and gives way, and cannot come back before the other had his turn, as he needs
//! that lock as well. Both go with the process that holds them, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tantivy::directory::error::{LockError, OpenDirectoryError};
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};

use crate::folder::is_file_at;

/// How long a write waits for those of other processes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long one who waits looks away.
const PAUSE: Duration = Duration::from_millis(5);
/// Held by the one who is next. The engine leaves files alone whose names begin with a dot.
pub(crate) const NEXT: &str = ".jobapp-next.lock";

/// The right to open a writer, or to make the index anew: nobody else has a writer or gets one.
pub(crate) struct Turn {
    next: File,
    /// Whether somebody else was writing.
    pub(crate) waited: bool,
}

impl Turn {
    /// Waits until nobody writes to the folder.
    ///
    /// # Errors
    /// Of the kind `TimedOut` after so much patience, `NotFound` when there is no such folder.
    pub(crate) fn take(folder: &Path, patience: Duration) -> io::Result<Self> {
        Self::take_telling(folder, patience, || {})
    }

    /// The same; `waits` is called each time somebody else was found writing.
    fn take_telling(folder: &Path, patience: Duration, waits: impl Fn()) -> io::Result<Self> {
        let until = Instant::now() + patience;
        let mut waited = false;
        let mut pause = || {
            waited = true;
            waits();
            if Instant::now() >= until {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another process keeps writing to the search index",
                ));
            }
            std::thread::sleep(PAUSE);
            Ok(())
        };
        let path = folder.join(NEXT);
        let next = loop {
            let next = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            match next.try_lock() {
                // Somebody may have set the folder aside meanwhile, with the file in it.
                Ok(()) if is_file_at(&next, &path)? => break next,
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => pause()?,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        };
        let directory = MmapDirectory::open(folder).map_err(|error| match error {
            OpenDirectoryError::DoesNotExist(_) => io::Error::new(io::ErrorKind::NotFound, error),
            error => io::Error::other(error),
        })?;
        loop {
            match directory.acquire_lock(&INDEX_WRITER_LOCK) {
                Ok(free) => {
                    drop(free);
                    return Ok(Self { next, waited });
                }
                Err(LockError::LockBusy) => pause()?,
                Err(LockError::IoError(error)) => return Err(io::Error::new(error.kind(), error)),
            }
        }
    }

    /// Lets others be next, once the writer is open.
    pub(crate) fn pass_on(self) -> io::Result<Next> {
        self.next.unlock()?;
        Ok(Next(self.next))
    }
}

/// Tells whether somebody is next.
pub(crate) struct Next(File);

impl Next {
    /// Whether another process, or another index in this one, waits for the writer.
    pub(crate) fn is_waiting(&self) -> bool {
        match self.0.try_lock() {
            Ok(()) => self.0.unlock().is_err(),
            Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_his_turn_keeps_others_waiting_and_no_longer_than_they_are_patient() {
        let folder = tempfile::tempdir().unwrap();
        let turn = Turn::take(folder.path(), PATIENCE).unwrap();
        assert!(!turn.waited);
        let second = Turn::take(folder.path(), Duration::ZERO);
        assert_eq!(second.err().map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
        let next = turn.pass_on().unwrap();
        assert!(!next.is_waiting());
        let turn = Turn::take(folder.path(), Duration::ZERO).unwrap();
        assert!(next.is_waiting());
        drop(turn);
        assert!(!next.is_waiting());
    }

    #[test]
    fn who_waits_for_a_writer_is_seen_waiting_and_gives_up_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let next = Turn::take(folder.path(), PATIENCE).unwrap().pass_on().unwrap();
        let writer = MmapDirectory::open(folder.path()).unwrap().acquire_lock(&INDEX_WRITER_LOCK).unwrap();
        let (waits, waited) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            // He is told of before it is looked, as looking takes the lock for a moment: it would keep him waiting for the wrong one.
            let waiting = scope.spawn(|| {
                let told = waits;
                Turn::take_telling(folder.path(), PATIENCE, || told.send(()).unwrap()).unwrap().waited
            });
            waited.recv().unwrap();
            assert!(next.is_waiting());
            drop(writer);
            assert!(waiting.join().unwrap());
        });
        let _writer = MmapDirectory::open(folder.path()).unwrap().acquire_lock(&INDEX_WRITER_LOCK).unwrap();
        let late = Turn::take(folder.path(), Duration::ZERO);
        assert_eq!(late.err().map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let turn = Turn::take(&place.path().join("none"), PATIENCE);
        assert_eq!(turn.err().map(|error| error.kind()), Some(io::ErrorKind::NotFound));
    }
}
