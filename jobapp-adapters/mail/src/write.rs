//! Writing so that it is there after a power cut.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

/// What the names of files that are still being written begin with.
const PARTIAL: &str = ".partial-";

/// A folder whose files are written whole or not at all.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    names: Option<Synced>,
    /// Held by who changes a name: those who come at the same time would spin in the system, which lets one at a time do so.
    naming: Mutex<()>,
}

impl Folder {
    /// A folder that is there, without what a killed process left half written in it. It must have no other writer.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        for entry in std::fs::read_dir(&path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                std::fs::remove_file(entry.path())?;
            }
        }
        let names = Synced::names(&path)?;
        Ok(Self { path, names, naming: Mutex::new(()) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of this name, replacing what is there. A reader sees the old content or the new one, also after a power cut.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let making = self.naming.lock();
        let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(&self.path)?;
        drop(making);
        file.write_all(content)?;
        file.as_file().sync_data()?;
        let naming = self.naming.lock();
        file.persist(self.path.join(name)).map_err(|error| error.error)?;
        drop(naming);
        self.names.as_ref().map_or(Ok(()), Synced::sync)
    }
}

/// A file, or a folder with its names, for whose way to the disk several wait together: those who come while somebody waits
/// share the next wait.
#[derive(Debug)]
pub(crate) struct Synced {
    file: File,
    /// Held by the one who waits for all of a round.
    disk: Mutex<()>,
    /// Those who wait for the wait after that.
    next: Mutex<Option<Arc<Round>>>,
}

/// Why it failed, once it is over.
type Round = OnceLock<Option<(io::ErrorKind, String)>>;

impl Synced {
    pub(crate) const fn new(file: File) -> Self {
        Self { file, disk: Mutex::new(()), next: Mutex::new(None) }
    }

    /// The names in a folder. Elsewhere than on Unix they cannot be waited for, and need not.
    pub(crate) fn names(folder: &Path) -> io::Result<Option<Self>> {
        if cfg!(unix) { File::open(folder).map(Self::new).map(Some) } else { Ok(None) }
    }

    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// Returns once everything that was written before is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let round = Arc::clone(self.next.lock().get_or_insert_default());
        let _disk = self.disk.lock();
        let outcome = round.get_or_init(|| {
            // Who comes from now on has written too late.
            self.next.lock().take();
            self.file.sync_data().err().map(|error| (error.kind(), error.to_string()))
        });
        match outcome {
            None => Ok(()),
            Some((kind, text)) => Err(io::Error::new(*kind, text.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_write_at_once_is_all_there_and_whole() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(".partial-x"), "half").unwrap();
        let folder = Folder::open(place.path().to_owned()).unwrap();
        std::thread::scope(|scope| {
            for number in 0..32 {
                let folder = &folder;
                scope.spawn(move || folder.write(&format!("{number}"), number.to_string().as_bytes()).unwrap());
            }
        });
        let mut names: Vec<u32> = std::fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, (0..32).collect::<Vec<_>>());
        assert_eq!(std::fs::read_to_string(place.path().join("7")).unwrap(), "7");
    }

    #[test]
    fn a_wait_that_fails_is_told_to_everybody_of_it_and_the_next_is_another() {
        // A pipe has no disk.
        let (reader, _writer) = std::io::pipe().unwrap();
        let synced = Synced::new(std::os::fd::OwnedFd::from(reader).into());
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| synced.sync())).collect();
            for one in waiting {
                assert_eq!(one.join().unwrap().unwrap_err().kind(), io::ErrorKind::InvalidInput);
            }
        });
        assert!(synced.next.lock().is_none());
    }
}
