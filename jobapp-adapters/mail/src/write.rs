//! Writing so that it is there after a power cut.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What the names of files that are still being written begin with.
const PARTIAL: &str = ".partial-";

/// A folder whose files are written whole or not at all.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    names: Names,
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
        let names = Names::of(&path)?;
        Ok(Self { path, names })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes files, replacing what has their names, and tells what became of each. All of them share two waits for the disk.
    /// A reader sees the old content of a file or the new one, also after a power cut: it gets its name when its content is on the disk.
    pub(crate) fn write(&self, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<io::Result<()>> {
        let made: Vec<io::Result<(String, NamedTempFile)>> =
            files.into_iter().map(|(name, content)| Ok((name, self.partial(&content)?))).collect();
        let contents = self.sync_contents(made.iter().flatten().map(|(_, file)| file.as_file()));
        let named: Vec<io::Result<()>> = made
            .into_iter()
            .map(|made| {
                let (name, file) = made?;
                shared(&contents)?;
                file.persist(self.path.join(name)).map_err(|error| error.error).map(drop)
            })
            .collect();
        let names = if named.iter().any(Result::is_ok) { self.names.sync() } else { Ok(()) };
        named.into_iter().map(|named| named.and_then(|()| shared(&names))).collect()
    }

    fn partial(&self, content: &[u8]) -> io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(&self.path)?;
        file.write_all(content)?;
        Ok(file)
    }

    /// One wait for several files, where the system has one for all of a file system.
    fn sync_contents<'a>(&self, mut files: impl Iterator<Item = &'a File>) -> io::Result<()> {
        let Some(first) = files.next() else { return Ok(()) };
        let Some(second) = files.next() else { return first.sync_data() };
        #[cfg(target_os = "linux")]
        if let Some(folder) = &self.names.folder {
            return Ok(rustix::fs::syncfs(folder)?);
        }
        [first, second].into_iter().chain(files).try_for_each(File::sync_data)
    }
}

/// The names in a folder.
#[derive(Debug)]
pub(crate) struct Names {
    /// Elsewhere than on Unix they cannot be waited for, and need not.
    folder: Option<File>,
}

impl Names {
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: if cfg!(unix) { Some(File::open(folder)?) } else { None } })
    }

    /// Returns once all that were changed before are on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.folder.as_ref().map_or(Ok(()), File::sync_data)
    }
}

/// What came of something that several have a share in, for one of them.
pub(crate) fn shared(outcome: &io::Result<()>) -> io::Result<()> {
    outcome.as_ref().copied().map_err(|error| io::Error::new(error.kind(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_written_together_is_all_there_and_whole() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(".partial-x"), "half").unwrap();
        let folder = Folder::open(place.path().to_owned()).unwrap();
        for count in [0, 1, 2, 32] {
            let written = folder.write((0..count).map(|number| (format!("{number:02}"), vec![b'x'; number])));
            assert_eq!(written.into_iter().map(Result::unwrap).count(), count);
        }
        assert_eq!(names(place.path()), (0..32).map(|number| format!("{number:02}")).collect::<Vec<_>>());
        assert_eq!(std::fs::read_to_string(place.path().join("07")).unwrap(), "xxxxxxx");
    }

    #[test]
    fn one_that_cannot_be_written_harms_no_other() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path().to_owned()).unwrap();
        std::fs::create_dir(place.path().join("taken")).unwrap();
        let written = folder.write(["a", "taken", "b"].map(|name| (name.to_owned(), b"content".to_vec())));
        assert_eq!(written.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(names(place.path()), ["a", "b", "taken"], "nothing half written stays");
    }

    #[test]
    fn a_folder_that_is_gone_fails_each() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path().to_owned()).unwrap();
        drop(place);
        let written = folder.write(["a", "b"].map(|name| (name.to_owned(), Vec::new())));
        assert_eq!(written.iter().map(Result::is_err).collect::<Vec<_>>(), [true, true]);
    }

    #[test]
    fn a_wait_that_fails_is_told_to_everybody() {
        let failed = Err(io::Error::new(io::ErrorKind::StorageFull, "no space"));
        let told = shared(&failed).unwrap_err();
        assert_eq!((told.kind(), told.to_string()), (io::ErrorKind::StorageFull, "no space".to_owned()));
        assert!(shared(&Ok(())).is_ok());
    }
}
