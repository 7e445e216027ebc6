//! Where uploads wait until they are complete and judged: files of a folder, which remove themselves.

use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jobapp_kernel::{MediaError, UploadPurpose};
use tempfile::NamedTempFile;

use crate::intake::{Content, Keep, judged};
use crate::limits::MediaLimits;

/// What the names of files that are still being written begin with.
pub(crate) const PARTIAL: &str = ".partial-";

/// No upload takes this long: a partial file that is older was left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder for files that are still being written.
#[derive(Debug)]
pub(crate) struct Spool {
    root: PathBuf,
}

impl Spool {
    /// The folder `root`, which is made if need be. What killed processes left there is removed.
    pub(crate) fn open(root: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&root)?;
        remove_abandoned(&root)?;
        Ok(Self { root })
    }

    /// A new file.
    pub(crate) fn file(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(PARTIAL).tempfile_in(&self.root)
    }

    /// A failure of the folder.
    pub(crate) fn full_or_gone(&self, error: io::Error) -> MediaError {
        tracing::warn!(folder = %self.root.display(), %error, "an upload could not be written");
        MediaError::unavailable(error)
    }
}

/// Content that is still being written. It removes itself unless it is stored, whatever happens.
pub(crate) struct Partial {
    spool: Arc<Spool>,
    file: Option<NamedTempFile>,
}

impl Partial {
    pub(crate) const fn new(spool: Arc<Spool>) -> Self {
        Self { spool, file: None }
    }
}

impl Keep for Partial {
    fn keep(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut write = || {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(self.spool.file()?),
            };
            file.write_all(bytes)
        };
        write().map_err(|error| self.spool.full_or_gone(error))
    }
}

/// Content that may be stored.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) file: NamedTempFile,
    /// The ending of the name under which it is stored.
    pub(crate) extension: String,
    pub(crate) length: u64,
}

/// Judges content. What is refused is removed.
pub(crate) fn judge(
    content: Content<Partial>,
    purpose: &UploadPurpose,
    limits: &MediaLimits,
) -> Result<Accepted, MediaError> {
    let Content { kept: Partial { spool, file }, beginning, length, .. } = content;
    let file = file.ok_or_else(|| MediaError::invalid("the data URL is empty"))?;
    let reopened = file.reopen().map_err(|error| spool.full_or_gone(error))?;
    let extension = judged(length, &beginning, BufReader::new(reopened), purpose, limits)?;
    Ok(Accepted { file, extension, length })
}

fn remove_abandoned(root: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            continue;
        }
        // Another process may have finished it meanwhile.
        let Ok(written) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        if age > ABANDONED
            && let Err(error) = std::fs::remove_file(entry.path())
        {
            tracing::warn!(file = %entry.path().display(), %error, "an abandoned upload could not be removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_removes_what_a_killed_process_left() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join(".partial-old");
        std::fs::write(folder.path().join(".partial-recent"), "").unwrap();
        let file = std::fs::File::create(&old).unwrap();
        file.set_modified(SystemTime::now() - ABANDONED - Duration::from_secs(60)).unwrap();
        Spool::open(folder.path().to_owned()).unwrap();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [".partial-recent"]);
    }
}
