//! Media as files in one folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::Router;
use jobapp_kernel::{MediaError, MediaStore, StoredMedia, Upload};

use crate::limits::MediaLimits;
use crate::source::{self, Source};
use crate::{serve, types};

/// What the names of files that are still being written begin with.
const PARTIAL: &str = ".partial-";

/// No upload takes this long: a partial file that is older was left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps media as files in one folder and serves them under `<public URL>/media/<name>`.
#[derive(Debug, Clone)]
pub struct FolderMedia {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    public_url: String,
    limits: MediaLimits,
}

impl FolderMedia {
    /// Media in the folder `root`, which is made if need be. `public_url` is where browsers reach [`FolderMedia::router`],
    /// such as `http://localhost:4000`.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(root: impl Into<PathBuf>, public_url: &str, limits: MediaLimits) -> io::Result<Self> {
        let root = root.into();
        std::fs::create_dir_all(&root)?;
        remove_abandoned(&root)?;
        let public_url = public_url.trim_end_matches('/').to_owned();
        Ok(Self { inner: Arc::new(Inner { root, public_url, limits }) })
    }

    /// `GET` and `HEAD` of `/media/{name}`, for everybody who knows a name.
    pub fn router(&self) -> Router {
        serve::router(self.inner.root.clone())
    }
}

#[async_trait]
impl MediaStore for FolderMedia {
    async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError> {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || inner.store(&upload)).await.map_err(MediaError::unavailable)?
    }
}

impl Inner {
    fn store(&self, upload: &Upload) -> Result<StoredMedia, MediaError> {
        let content = match source::parse(&upload.source)? {
            Source::Elsewhere(url) => return Ok(StoredMedia { url: url.to_owned() }),
            Source::Content(content) => content,
        };
        let limit = self.limits.of(&upload.purpose);
        if content.len() > limit {
            return Err(MediaError::TooLarge { limit });
        }
        let mut pieces = content.pieces();
        let first = pieces.next().transpose()?.unwrap_or_default();
        let extension =
            types::extension(&first, &upload.purpose).ok_or_else(|| MediaError::invalid("it is no picture"))?;

        // The temporary file removes itself unless it is persisted, whichever step fails.
        let mut file = tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempfile_in(&self.root)
            .map_err(|error| self.full_or_gone(error))?;
        file.write_all(&first).map_err(|error| self.full_or_gone(error))?;
        for piece in pieces {
            file.write_all(&piece?).map_err(|error| self.full_or_gone(error))?;
        }
        file.as_file().sync_all().map_err(|error| self.full_or_gone(error))?;
        let name = format!("{:032x}.{extension}", rand::random::<u128>());
        file.persist_noclobber(self.root.join(&name)).map_err(|error| self.full_or_gone(error.error))?;
        sync_folder(&self.root).map_err(|error| self.full_or_gone(error))?;
        tracing::debug!(name, bytes = content.len(), "stored an upload");
        Ok(StoredMedia { url: format!("{}/media/{name}", self.public_url) })
    }

    fn full_or_gone(&self, error: io::Error) -> MediaError {
        tracing::warn!(folder = %self.root.display(), %error, "an upload could not be written");
        MediaError::unavailable(error)
    }
}

/// Makes the renaming of a file survive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

fn remove_abandoned(root: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            continue;
        }
        let age = entry.metadata()?.modified().map(|at| SystemTime::now().duration_since(at).unwrap_or_default())?;
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
    use base64::Engine as _;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

    fn data_url(bytes: &[u8]) -> String {
        format!("data:text/html;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    fn media(folder: &Path, limits: MediaLimits) -> FolderMedia {
        FolderMedia::open(folder, "http://localhost:4000/", limits).unwrap()
    }

    fn files(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_picture_is_stored_under_a_name_nobody_can_guess() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let upload = Upload::picture(data_url(PNG)).with_public_id("marta");
        let first = media.store(upload.clone()).await.unwrap().url;
        let second = media.store(upload).await.unwrap().url;
        assert_ne!(first, second);
        let name = first.strip_prefix("http://localhost:4000/media/").unwrap();
        assert_eq!(name.len(), 32 + ".png".len());
        assert!(name.ends_with(".png") && !name.contains("marta"));
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), PNG);
    }

    #[tokio::test]
    async fn a_large_file_is_stored_whole() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend((0..3_000_001_u32).map(|n| u8::try_from(n % 251).unwrap()));
        let upload = Upload::file(data_url(&bytes), Some("zip".into()), Some("work.zip".into()));
        let url = media.store(upload).await.unwrap().url;
        assert!(url.ends_with(".zip"), "{url}");
        assert_eq!(std::fs::read(folder.path().join(url.rsplit('/').next().unwrap())).unwrap(), bytes);
    }

    #[tokio::test]
    async fn an_address_is_kept_and_nothing_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let url = "https://pictures.example/marta.png";
        let stored = media(folder.path(), MediaLimits::default()).store(Upload::picture(url)).await.unwrap();
        assert_eq!(stored.url, url);
        assert!(files(folder.path()).is_empty());
    }

    #[tokio::test]
    async fn refused_uploads_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits { picture: 40, file: 10 });
        let wrong_in_the_second_piece = format!("data:;base64,{}!!!!", "A".repeat(128 * 1024));
        let large = MediaLimits::default();
        let lenient = FolderMedia::open(folder.path(), "http://localhost", large).unwrap();

        let error = media.store(Upload::picture(data_url(b"<svg/>"))).await.unwrap_err();
        assert!(matches!(error, MediaError::Invalid { .. }), "{error:?}");
        let error = media.store(Upload::file(data_url(&[0; 11]), None, None)).await.unwrap_err();
        assert!(matches!(error, MediaError::TooLarge { limit: 10 }), "{error:?}");
        let error = lenient.store(Upload::file(wrong_in_the_second_piece, None, None)).await.unwrap_err();
        assert!(matches!(error, MediaError::Invalid { .. }), "{error:?}");
        assert!(files(folder.path()).is_empty());
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(&folder.path().join("media"), MediaLimits::default());
        std::fs::remove_dir(folder.path().join("media")).unwrap();
        let error = media.store(Upload::picture(data_url(PNG))).await.unwrap_err();
        assert!(matches!(error, MediaError::Unavailable(_)), "{error:?}");
    }

    #[test]
    fn opening_removes_what_a_killed_process_left() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join(".partial-old");
        let recent = folder.path().join(".partial-recent");
        std::fs::write(&recent, "").unwrap();
        let file = std::fs::File::create(&old).unwrap();
        file.set_modified(SystemTime::now() - ABANDONED - Duration::from_secs(60)).unwrap();
        media(folder.path(), MediaLimits::default());
        assert_eq!(files(folder.path()), [".partial-recent"]);
    }
}
