//! The data folder: what is in it, and who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use jobapp_ctl::{SECRETS_FILE, Secrets};

use crate::private;

/// Another process holds the folder.
#[derive(Debug, thiserror::Error)]
#[error(
    "the data folder {} is in use by another jobapp{process}. Stop it, or choose another folder with --data",
    folder.display()
)]
pub(crate) struct InUse {
    folder: PathBuf,
    process: String,
}

/// The data folder, held by this process.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Locked as long as it is open; the system unlocks it however the process ends.
    _lock: File,
}

impl Folder {
    /// Creates the folder if needed and takes hold of it. What others could reach of it is for its owner only from now on.
    ///
    /// # Errors
    /// When it cannot be created or written, is for everybody, or another process holds it; the text says which and what to do.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let shown = root.display();
        private::make(root)
            .with_context(|| format!("the data folder {shown} cannot be created. Choose another with --data"))?;
        private::refuse_shared(root)?;
        let path = root.join("jobapp.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut lock = options.open(&path).with_context(|| {
            format!("the data folder {shown} cannot be written. Choose another with --data, or give your user the right to write there")
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(root, lock)),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("the data folder {shown} cannot be locked"));
            }
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()))
            .with_context(|| format!("the data folder {shown} cannot be written. Is the disk full?"))?;
        private::mend(root)?.tell(root);
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Looks whether the folder could be held and written, and changes nothing.
    ///
    /// # Errors
    /// When it could not; the text says why and what to do.
    pub(crate) fn try_hold(root: &Path) -> anyhow::Result<()> {
        let shown = root.display();
        if !root.is_dir() {
            bail!("the data folder {shown} is no folder. Choose another with --data");
        }
        rustix::fs::access(root, rustix::fs::Access::WRITE_OK).with_context(|| {
            format!("the data folder {shown} cannot be written. Choose another with --data, or give your user the right to write there")
        })?;
        let lock = match File::open(root.join("jobapp.lock")) {
            Ok(lock) => lock,
            // Nobody has used it yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| format!("the data folder {shown} cannot be read")),
        };
        match lock.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(held(root, lock)),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("the data folder {shown} cannot be locked"))
            }
        }
    }

    /// Takes hold of a folder that a marketplace has used: for commands that have nothing to do in a new one.
    ///
    /// # Errors
    /// As [`Folder::open`], and when no marketplace has used the folder.
    pub fn open_used(root: &Path) -> anyhow::Result<Self> {
        Self::require_used(root)?;
        Self::open(root)
    }

    /// Refuses a folder that no marketplace has used.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn require_used(root: &Path) -> anyhow::Result<()> {
        ensure!(
            root.join(SECRETS_FILE).exists(),
            "there is no marketplace in {}; name its folder with --data",
            root.display()
        );
        Ok(())
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The database file of a service.
    pub fn database(&self, service: &str) -> PathBuf {
        self.root.join(format!("{service}.db"))
    }

    /// A folder within.
    pub fn within(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The secrets, made on the first start.
    ///
    /// # Errors
    /// When the file cannot be read, written or understood.
    pub fn secrets(&self) -> anyhow::Result<Secrets> {
        Secrets::open(&self.root)
    }
}

/// Who holds a folder.
fn held(root: &Path, mut lock: File) -> anyhow::Error {
    let mut holder = String::new();
    let process = match lock.read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => format!(" (process {})", holder.trim()),
        _ => String::new(),
    };
    InUse { folder: root.to_owned(), process }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_folder_has_one_holder_and_keeps_its_secrets() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let secret = folder.secrets().unwrap().user_tokens.keys()[0].secret.clone();
        let refused = Folder::open(root.path()).unwrap_err().to_string();
        assert!(refused.contains("in use by another jobapp (process "), "{refused}");
        drop(folder);
        let again = Folder::open(root.path()).unwrap().secrets().unwrap().user_tokens.keys()[0].secret.clone();
        assert_eq!(secret.expose_secret(), again.expose_secret());
    }
}
