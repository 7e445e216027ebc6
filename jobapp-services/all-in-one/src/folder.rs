//! The data folder: what is in it, who holds it, and the secrets it keeps.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The data folder, held by this process.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Locked as long as it is open; the system unlocks it however the process ends.
    _lock: File,
}

impl Folder {
    /// Creates the folder if needed and takes hold of it.
    ///
    /// # Errors
    /// When it cannot be created or written, or another process holds it; the text says which and what to do.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let shown = root.display();
        fs::create_dir_all(root)
            .with_context(|| format!("the data folder {shown} cannot be created. Choose another with --data"))?;
        let path = root.join("jobapp.lock");
        let mut lock = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).with_context(|| {
            format!("the data folder {shown} cannot be written. Choose another with --data, or give your user the right to write there")
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let process = match lock.read_to_string(&mut holder) {
                    Ok(_) if !holder.trim().is_empty() => format!(" (process {})", holder.trim()),
                    _ => String::new(),
                };
                bail!(
                    "the data folder {shown} is in use by another jobapp{process}. Stop it, or choose another folder with --data"
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("the data folder {shown} cannot be locked"));
            }
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()))
            .with_context(|| format!("the data folder {shown} cannot be written. Is the disk full?"))?;
        Ok(Self { root: root.to_owned(), _lock: lock })
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
        let path = self.root.join("secrets.toml");
        let shown = path.display();
        match fs::read_to_string(&path) {
            Ok(text) => {
                let stored: StoredSecrets = toml::from_str(&text).map_err(|error| {
                    // The parser quotes the line it stumbled over: never print that of a file of secrets.
                    anyhow::anyhow!("{shown} cannot be understood: {}", error.message())
                })?;
                Ok(stored.into())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = StoredSecrets::random();
                write_private(&path, &toml::to_string(&made)?).with_context(|| format!("{shown} cannot be written"))?;
                Ok(made.into())
            }
            Err(error) => Err(error).with_context(|| format!("{shown} cannot be read")),
        }
    }
}

/// The secrets of one marketplace.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Signs users' access tokens.
    pub user_tokens: SecretString,
    /// Signs the gateway's tokens.
    pub gateway_tokens: SecretString,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSecrets {
    user_tokens: String,
    gateway_tokens: String,
}

impl StoredSecrets {
    fn random() -> Self {
        let secret = || hex::encode(rand::random::<[u8; 32]>());
        Self { user_tokens: secret(), gateway_tokens: secret() }
    }
}

impl From<StoredSecrets> for Secrets {
    fn from(stored: StoredSecrets) -> Self {
        Self { user_tokens: stored.user_tokens.into(), gateway_tokens: stored.gateway_tokens.into() }
    }
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_folder_has_one_holder_and_keeps_its_secrets() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let secret = folder.secrets().unwrap().user_tokens;
        let refused = Folder::open(root.path()).unwrap_err().to_string();
        assert!(refused.contains("in use by another jobapp (process "), "{refused}");
        drop(folder);
        let again = Folder::open(root.path()).unwrap().secrets().unwrap().user_tokens;
        assert_eq!(secret.expose_secret(), again.expose_secret());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_secrets() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        Folder::open(root.path()).unwrap().secrets().unwrap();
        let mode = fs::metadata(root.path().join("secrets.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_secrets_file_is_not_printed() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("secrets.toml"), "user_tokens = hush").unwrap();
        let text = format!("{:#}", Folder::open(root.path()).unwrap().secrets().unwrap_err());
        assert!(text.contains("secrets.toml") && !text.contains("hush"), "{text}");
    }
}
