//! Media as files in one folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::Router;
use jobapp_kernel::{MediaError, MediaSink, MediaStore, StoredMedia, Upload, UploadPurpose};
use tempfile::NamedTempFile;

use crate::intake::{Complete, Intake, Keep};
use crate::limits::MediaLimits;
use crate::{serve, types};

/// What the names of files that are still being written begin with.
const PARTIAL: &str = ".partial-";

/// Characters of a source that are gathered before the disk is troubled.
const GATHER: usize = 256 * 1024;

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
        let stored = tokio::task::spawn_blocking(move || {
            let limit = inner.limits.of(&upload.purpose);
            let mut intake = Intake::new(Partial::new(inner), limit);
            intake.push(&upload.source)?;
            publish(intake, &upload.purpose)
        });
        stored.await.map_err(MediaError::unavailable)?
    }

    async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
        let inner = self.inner.clone();
        let limit = inner.limits.largest();
        Ok(Box::new(FolderSink { intake: Some(Intake::new(Partial::new(inner), limit)), gathered: String::new() }))
    }
}

/// Takes an upload in pieces.
struct FolderSink {
    /// `None` once a write failed.
    intake: Option<Intake<Partial>>,
    gathered: String,
}

impl FolderSink {
    /// Decodes and writes what was gathered, on a thread that may wait for the disk.
    async fn flush(&mut self) -> Result<(), MediaError> {
        let mut intake = self.intake.take().ok_or_else(lost)?;
        let mut gathered = std::mem::take(&mut self.gathered);
        let written = tokio::task::spawn_blocking(move || {
            intake.push(&gathered)?;
            gathered.clear();
            Ok::<_, MediaError>((intake, gathered))
        });
        let (intake, gathered) = written.await.map_err(MediaError::unavailable)??;
        self.intake = Some(intake);
        self.gathered = gathered;
        Ok(())
    }
}

#[async_trait]
impl MediaSink for FolderSink {
    async fn write(&mut self, piece: &str) -> Result<(), MediaError> {
        self.gathered.push_str(piece);
        if self.gathered.len() < GATHER { Ok(()) } else { self.flush().await }
    }

    async fn finish(mut self: Box<Self>, purpose: UploadPurpose, _: Option<String>) -> Result<StoredMedia, MediaError> {
        self.flush().await?;
        let intake = self.intake.take().ok_or_else(lost)?;
        let stored = tokio::task::spawn_blocking(move || publish(intake, &purpose));
        stored.await.map_err(MediaError::unavailable)?
    }
}

fn lost() -> MediaError {
    MediaError::unavailable("an earlier piece of the upload was not written")
}

/// A file that is still being written. It removes itself unless it is published, whatever happens.
struct Partial {
    inner: Arc<Inner>,
    file: Option<NamedTempFile>,
}

impl Partial {
    const fn new(inner: Arc<Inner>) -> Self {
        Self { inner, file: None }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::Builder::new().prefix(PARTIAL).tempfile_in(&self.inner.root)?),
        };
        file.write_all(bytes)
    }
}

impl Keep for Partial {
    fn keep(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.write(bytes).map_err(|error| self.inner.full_or_gone(error))
    }
}

/// Gives a complete upload its name.
fn publish(intake: Intake<Partial>, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
    let (Partial { inner, file }, beginning, length) = match intake.end()? {
        Complete::Elsewhere(url) => return Ok(StoredMedia { url }),
        Complete::Content { kept, beginning, length } => (kept, beginning, length),
    };
    let limit = inner.limits.of(purpose);
    if length > limit {
        return Err(MediaError::TooLarge { limit });
    }
    let extension = types::extension(&beginning, purpose).ok_or_else(|| MediaError::invalid("it is no picture"))?;
    let file = file.ok_or_else(|| MediaError::invalid("the data URL is empty"))?;
    let name = format!("{:032x}.{extension}", rand::random::<u128>());
    inner.publish(file, &name).map_err(|error| inner.full_or_gone(error))?;
    tracing::debug!(name, bytes = length, "stored an upload");
    Ok(StoredMedia { url: format!("{}/media/{name}", inner.public_url) })
}

impl Inner {
    /// The only step after which the file can be read.
    fn publish(&self, file: NamedTempFile, name: &str) -> io::Result<()> {
        file.as_file().sync_all()?;
        file.persist_noclobber(self.root.join(name)).map_err(|error| error.error)?;
        sync_folder(&self.root)
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

    /// The bytes of a large archive, as a data URL.
    fn an_archive() -> (Vec<u8>, String) {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend((0..3_000_001_u32).map(|n| u8::try_from(n % 251).unwrap()));
        let source = data_url(&bytes);
        (bytes, source)
    }

    async fn sink(media: FolderMedia, source: &str) -> Result<Box<dyn MediaSink>, MediaError> {
        let mut sink = Arc::new(media).begin().await?;
        for piece in source.as_bytes().chunks(70_001) {
            sink.write(std::str::from_utf8(piece).unwrap()).await?;
        }
        Ok(sink)
    }

    const A_ZIP: UploadPurpose = UploadPurpose::File { file_type: None, name: None };

    #[tokio::test]
    async fn a_file_in_pieces_can_be_read_once_it_is_finished_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, source) = an_archive();
        let sink = sink(media(folder.path(), MediaLimits::default()), &source).await.unwrap();
        assert!(files(folder.path()).iter().all(|name| name.starts_with(PARTIAL)), "{:?}", files(folder.path()));
        let url = sink.finish(A_ZIP, None).await.unwrap().url;
        let name = url.rsplit('/').next().unwrap();
        assert_eq!(files(folder.path()), [name]);
        assert!(name.ends_with(".zip"), "{url}");
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), bytes);
    }

    #[tokio::test]
    async fn a_file_in_pieces_that_is_not_finished_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (_, source) = an_archive();
        let unwanted = sink(media(folder.path(), MediaLimits::default()), &source).await.unwrap();
        assert_eq!(files(folder.path()).len(), 1);
        drop(unwanted);
        assert!(files(folder.path()).is_empty());
    }

    #[tokio::test]
    async fn a_file_in_pieces_is_refused_as_a_whole_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let (_, source) = an_archive();
        let small = media(folder.path(), MediaLimits { picture: 10, file: 1000 });
        assert!(matches!(sink(small, &source).await, Err(MediaError::TooLarge { limit: 1000 })));
        let large = media(folder.path(), MediaLimits::default());
        let wrong = sink(large.clone(), &format!("{source}!!!!")).await.unwrap();
        assert!(matches!(wrong.finish(A_ZIP, None).await, Err(MediaError::Invalid { .. })));
        let archive = sink(large.clone(), &source).await.unwrap();
        let error = archive.finish(UploadPurpose::Picture, None).await.unwrap_err();
        assert!(matches!(error, MediaError::Invalid { .. }), "{error:?}");
        let picture = media(folder.path(), MediaLimits { picture: 1000, file: 100 << 20 });
        let error = sink(picture, &source).await.unwrap().finish(UploadPurpose::Picture, None).await.unwrap_err();
        assert!(matches!(error, MediaError::TooLarge { limit: 1000 }), "{error:?}");
        let address = sink(large, "https://files.example/a.zip").await.unwrap().finish(A_ZIP, None).await.unwrap();
        assert_eq!(address.url, "https://files.example/a.zip");
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
