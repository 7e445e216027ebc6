//! Media as files in one folder.

use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::Router;
use jobapp_kernel::{MediaError, MediaSink, MediaStore, StoredMedia, Upload, UploadPurpose};
use tempfile::NamedTempFile;

use crate::intake::{BEGINNING, Complete, Intake, Keep};
use crate::limits::MediaLimits;
use crate::links::MediaLinks;
use crate::serve::{self, Shelf};
use crate::{names, picture, types};

/// What the names of files that are still being written begin with.
const PARTIAL: &str = ".partial-";

/// Characters of a source that are gathered before the disk is troubled.
const GATHER: usize = 256 * 1024;

/// No upload takes this long: a partial file that is older was left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps media as files in one folder. Pictures are served under `<public URL>/media/<name>` to everybody; files under
/// addresses that are signed for a reader and soon over.
#[derive(Debug, Clone)]
pub struct FolderMedia {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    public_url: String,
    limits: MediaLimits,
    links: MediaLinks,
}

impl FolderMedia {
    /// Media in the folder `root`, which is made if need be. `public_url` is where browsers reach [`FolderMedia::router`],
    /// such as `http://localhost:4000`; `links` signs the addresses of private files.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(
        root: impl Into<PathBuf>,
        public_url: &str,
        limits: MediaLimits,
        links: MediaLinks,
    ) -> io::Result<Self> {
        let root = root.into();
        std::fs::create_dir_all(&root)?;
        remove_abandoned(&root)?;
        let public_url = public_url.trim_end_matches('/').to_owned();
        Ok(Self { inner: Arc::new(Inner { root, public_url, limits, links }) })
    }

    /// `GET` and `HEAD` below `/media/`: pictures for everybody who knows their name, files for who was given a link.
    pub fn router(&self) -> Router {
        serve::router(Shelf { root: self.inner.root.clone(), links: self.inner.links.clone() })
    }

    /// The name of what an earlier version stored for everybody under this address; `None` for any other address.
    pub fn public_name(address: &str) -> Option<&str> {
        names::public_of_address(address)
    }

    /// From now on the file with this public name is read with a link only. Returns whether there was one.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn make_private(&self, public_name: &str) -> io::Result<bool> {
        if names::extension_of_public(public_name).is_none() {
            return Ok(false);
        }
        let root = &self.inner.root;
        match std::fs::rename(root.join(public_name), root.join(names::private_of(public_name))) {
            Ok(()) => sync_folder(root).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
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

    fn address(&self, stored: &str, name: &str) -> String {
        let inner = &self.inner;
        match inner.private_file(stored) {
            Some(file) => {
                let link = inner.links.sign(&file, name);
                format!("{}{}", inner.public_url, names::signed_path(&link, name, &file))
            }
            None => self.picture(stored),
        }
    }

    fn picture(&self, stored: &str) -> String {
        self.inner.picture_of_before(stored).unwrap_or_else(|| stored.to_owned())
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
            none => none.insert(self.inner.partial()?),
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
    let inner = Arc::clone(&intake.kept.inner);
    let (file, beginning, length) = match intake.end()? {
        Complete::Elsewhere(address) => return inner.elsewhere(address, purpose),
        Complete::Content { kept, beginning, length } => (kept.file, beginning, length),
    };
    let extension = inner.accepted(length, &beginning, purpose)?;
    let file = file.ok_or_else(|| MediaError::invalid("the data URL is empty"))?;
    let content = file.reopen().map_err(|error| inner.full_or_gone(error))?;
    let extension = picture::judged(extension, purpose, BufReader::new(content), &inner.limits)?;
    let name = name_for(purpose, &extension);
    inner.publish(file, &name).map_err(|error| inner.full_or_gone(error))?;
    tracing::debug!(name, bytes = length, "stored an upload");
    Ok(inner.stored(name, purpose))
}

fn name_for(purpose: &UploadPurpose, extension: &str) -> String {
    match purpose {
        UploadPurpose::Picture => names::public(extension),
        UploadPurpose::File { .. } => names::private(extension),
    }
}

impl Inner {
    /// The name ending of content that may be stored.
    fn accepted(&self, length: u64, beginning: &[u8], purpose: &UploadPurpose) -> Result<String, MediaError> {
        let limit = self.limits.of(purpose);
        if length > limit {
            return Err(MediaError::TooLarge { limit });
        }
        types::extension(beginning, purpose).ok_or_else(picture::none)
    }

    fn stored(&self, name: String, purpose: &UploadPurpose) -> StoredMedia {
        match purpose {
            UploadPurpose::Picture => StoredMedia { url: format!("{}/media/{name}", self.public_url) },
            UploadPurpose::File { .. } => StoredMedia { url: name },
        }
    }

    /// Takes the address of something that is stored already. One of a private file of ours is good for a copy as long as it
    /// is good at all; it is never kept, because whoever reads the record would be given new ones for ever.
    fn elsewhere(&self, address: String, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let is_here = |file: &str| self.root.join(file).exists();
        if let Some(parts) = names::signed_parts(&address).filter(|parts| is_here(parts.file)) {
            if self.links.is_good(parts.link, parts.file, &parts.shown) {
                return self.copy(parts.file, purpose);
            }
            return Err(over());
        }
        match names::public_of_address(&address) {
            Some(name) if is_here(&names::private_of(name)) => Err(over()),
            _ => Ok(StoredMedia { url: address }),
        }
    }

    /// Stores once more, for another purpose maybe, what is stored under this name.
    fn copy(&self, file: &str, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let from = self.root.join(file);
        let read = || {
            let content = std::fs::File::open(&from)?;
            let length = content.metadata()?.len();
            let mut beginning = Vec::new();
            content.take(BEGINNING as u64).read_to_end(&mut beginning)?;
            Ok((length, beginning))
        };
        let (length, beginning) = read().map_err(|error: io::Error| self.full_or_gone(error))?;
        let extension = self.accepted(length, &beginning, purpose)?;
        let content = std::fs::File::open(&from).map_err(|error| self.full_or_gone(error))?;
        let extension = picture::judged(extension, purpose, BufReader::new(content), &self.limits)?;
        let name = name_for(purpose, &extension);
        // What is stored never changes, so that two names may share it. Not every file system has that.
        let linked = std::fs::hard_link(&from, self.root.join(&name)).and_then(|()| sync_folder(&self.root));
        linked.or_else(|_| self.duplicate(&from, &name)).map_err(|error| self.full_or_gone(error))?;
        Ok(self.stored(name, purpose))
    }

    fn duplicate(&self, from: &Path, name: &str) -> io::Result<()> {
        let mut file = self.partial()?;
        io::copy(&mut std::fs::File::open(from)?, &mut file)?;
        self.publish(file, name)
    }

    fn partial(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(PARTIAL).tempfile_in(&self.root)
    }

    /// The private file that a record means.
    fn private_file(&self, stored: &str) -> Option<String> {
        if names::extension_of_private(stored).is_some() {
            return Some(stored.to_owned());
        }
        // Earlier versions kept an address for everybody; the file was made private since.
        let private = names::private_of(names::public_of_address(stored)?);
        self.root.join(&private).exists().then_some(private)
    }

    /// Where a picture is read today that was uploaded when the server had another public address.
    fn picture_of_before(&self, stored: &str) -> Option<String> {
        if stored.strip_prefix(&*self.public_url).is_some_and(|rest| rest.starts_with('/')) {
            return None;
        }
        let name = names::public_of_address(stored)?;
        self.root.join(name).exists().then(|| format!("{}/media/{name}", self.public_url))
    }

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

fn over() -> MediaError {
    MediaError::refused("This link to a file is not good any more. Choose the file itself.")
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

    use crate::links::tests::{clock, links};
    use crate::picture::tests::png;
    use axum::body::Body;
    use http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use jobapp_kernel::FixedClock;
    use tower::ServiceExt as _;

    fn data_url(bytes: &[u8]) -> String {
        format!("data:text/html;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    fn media(folder: &Path, limits: MediaLimits) -> FolderMedia {
        media_at(folder, limits, &clock())
    }

    fn media_at(folder: &Path, limits: MediaLimits, clock: &Arc<FixedClock>) -> FolderMedia {
        FolderMedia::open(folder, "http://localhost:4000/", limits, links("secret", &[], clock)).unwrap()
    }

    /// What somebody without a session reads at an address.
    async fn read(media: &FolderMedia, address: &str) -> Result<Vec<u8>, StatusCode> {
        let path = address.strip_prefix("http://localhost:4000").unwrap();
        let response = media.router().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        match response.status() {
            StatusCode::OK => Ok(response.into_body().collect().await.unwrap().to_bytes().to_vec()),
            status => Err(status),
        }
    }

    fn work() -> Upload {
        Upload::file(data_url(b"PK\x03\x04 the work"), None, Some("work.zip".into()))
    }

    fn files(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_picture_is_stored_under_a_name_nobody_can_guess() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let upload = Upload::picture(data_url(&png(2, 2))).with_public_id("marta");
        let first = media.store(upload.clone()).await.unwrap().url;
        let second = media.store(upload).await.unwrap().url;
        assert_ne!(first, second);
        let name = first.strip_prefix("http://localhost:4000/media/").unwrap();
        assert_eq!(name.len(), 32 + ".png".len());
        assert!(name.ends_with(".png") && !name.contains("marta"));
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), png(2, 2));
        assert_eq!(media.address(&first, "a.png"), first, "everybody may see it");
        assert_eq!(read(&media, &first).await.unwrap(), png(2, 2));
    }

    #[tokio::test]
    async fn a_file_is_read_with_an_address_that_was_made_for_it_and_no_other() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
        let media = media_at(folder.path(), MediaLimits::default(), &clock);
        let [first, second] = [media.store(work()).await.unwrap().url, media.store(work()).await.unwrap().url];
        assert_ne!(first, second);
        assert!(!first.contains("://"), "what is kept is no address: {first}");
        let address = media.address(&first, "my work.zip");
        assert!(address.starts_with("http://localhost:4000/media/") && address.ends_with(&first), "{address}");
        assert_eq!(read(&media, &address).await.unwrap(), b"PK\x03\x04 the work");
        let public = first.strip_prefix("private-").unwrap();
        for stolen in [
            format!("http://localhost:4000/media/{first}"),
            format!("http://localhost:4000/media/{public}"),
            address.replace(&first, &second),
            address.replace("my%20work", "other"),
        ] {
            assert!(read(&media, &stolen).await.is_err(), "{stolen}");
        }
        let restarted = media_at(folder.path(), MediaLimits::default(), &clock);
        assert_eq!(read(&restarted, &address).await.unwrap(), b"PK\x03\x04 the work");
        clock.advance(Duration::from_secs(14 * 3600));
        assert_eq!(read(&media, &address).await, Err(StatusCode::FORBIDDEN));
        assert!(read(&media, &media.address(&first, "")).await.is_ok());
    }

    #[tokio::test]
    async fn the_address_of_a_private_file_makes_a_copy_while_it_is_good_and_is_never_kept() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
        let media = media_at(folder.path(), MediaLimits::default(), &clock);
        let first = media.store(work()).await.unwrap().url;
        let address = media.address(&first, "work.zip");
        let copy = media.store(Upload::file(&address, None, None)).await.unwrap().url;
        assert!(copy != first && copy.ends_with(".zip"), "{copy}");
        assert_eq!(read(&media, &media.address(&copy, "")).await.unwrap(), b"PK\x03\x04 the work");
        // In pieces, too.
        let sink = sink(media.clone(), &address).await.unwrap();
        assert!(sink.finish(A_ZIP, None).await.unwrap().url.starts_with("private-"));
        // It is no picture, and does not become one.
        let error = media.store(Upload::picture(&address)).await.unwrap_err();
        assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
        let public = first.strip_prefix("private-").unwrap();
        let foreign = address.replace("http://localhost:4000", "https://elsewhere.example");
        assert!(media.store(Upload::file(foreign, None, None)).await.unwrap().url.starts_with("private-"));
        clock.advance(Duration::from_secs(14 * 3600));
        for stolen in [
            address.clone(),
            address.replace("http://localhost:4000", "https://elsewhere.example"),
            format!("{address}?x=y"),
            format!("http://localhost:4000/media/{public}"),
            format!("https://elsewhere.example/media/{public}"),
        ] {
            let error = media.store(Upload::file(&stolen, None, None)).await.unwrap_err();
            assert!(matches!(error, MediaError::Refused { .. }), "{stolen}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_copy_needs_no_links_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let first = media.store(work()).await.unwrap().url;
        media.inner.duplicate(&folder.path().join(&first), "copy").unwrap();
        assert_eq!(std::fs::read(folder.path().join("copy")).unwrap(), b"PK\x03\x04 the work");
        assert_eq!(files(folder.path()).len(), 2);
    }

    #[tokio::test]
    async fn a_private_picture_becomes_a_public_one_if_its_reader_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let sent = media.store(Upload::file(data_url(&png(3, 3)), None, None)).await.unwrap().url;
        let address = media.address(&sent, "me.png");
        let portrait = media.store(Upload::picture(address)).await.unwrap().url;
        assert_eq!(read(&media, &portrait).await.unwrap(), png(3, 3));
    }

    #[tokio::test]
    async fn what_an_earlier_version_kept_for_everybody_becomes_private() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let name = "0123456789abcdef0123456789abcdef.png";
        std::fs::write(folder.path().join(name), png(2, 2)).unwrap();
        // Written when the server had another port.
        let kept = format!("http://localhost:4999/media/{name}");
        let now = format!("http://localhost:4000/media/{name}");
        assert_eq!(media.address(&kept, "a.png"), now, "until it is made private");
        assert_eq!((media.picture(&kept), media.picture(&now)), (now.clone(), now.clone()));
        for elsewhere in ["https://img.example.org/media/x.png", &kept.replace('0', "1"), "me.png", ""] {
            assert_eq!(
                (media.address(elsewhere, ""), media.picture(elsewhere)),
                (elsewhere.to_owned(), elsewhere.to_owned())
            );
        }
        assert!(media.make_private(FolderMedia::public_name(&kept).unwrap()).unwrap());
        assert!(!media.make_private(name).unwrap(), "once is enough");
        assert_eq!(read(&media, &format!("http://localhost:4000/media/{name}")).await, Err(StatusCode::NOT_FOUND));
        assert_eq!(read(&media, &media.address(&kept, "a.png")).await.unwrap(), png(2, 2));
        assert!(!media.make_private("../secrets.toml").unwrap());
    }

    #[tokio::test]
    async fn a_picture_without_end_is_refused_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        for bytes in [png(50_000, 50_000), png(0, 0), b"\x89PNG\r\n\x1a\n".to_vec()] {
            let error = media.store(Upload::picture(data_url(&bytes))).await.unwrap_err();
            assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
            let stored = media.store(Upload::file(data_url(&bytes), None, None)).await;
            assert!(stored.is_ok(), "as a file it may be anything");
        }
        assert!(files(folder.path()).iter().all(|name| name.starts_with("private-")));
    }

    #[tokio::test]
    async fn a_large_file_is_stored_whole() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend((0..3_000_001_u32).map(|n| u8::try_from(n % 251).unwrap()));
        let upload = Upload::file(data_url(&bytes), Some("zip".into()), Some("work.zip".into()));
        let name = media.store(upload).await.unwrap().url;
        assert!(name.ends_with(".zip"), "{name}");
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), bytes);
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
        let media = media(folder.path(), MediaLimits { picture: 40, file: 10, ..MediaLimits::default() });
        let wrong_in_the_second_piece = format!("data:;base64,{}!!!!", "A".repeat(128 * 1024));
        let lenient = super::tests::media(folder.path(), MediaLimits::default());

        let error = media.store(Upload::picture(data_url(b"<svg/>"))).await.unwrap_err();
        assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
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
        assert_eq!(files(folder.path()), [&*url]);
        assert!(url.ends_with(".zip"), "{url}");
        assert_eq!(std::fs::read(folder.path().join(url)).unwrap(), bytes);
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
        let small = media(folder.path(), MediaLimits { picture: 10, file: 1000, ..MediaLimits::default() });
        assert!(matches!(sink(small, &source).await, Err(MediaError::TooLarge { limit: 1000 })));
        let large = media(folder.path(), MediaLimits::default());
        let wrong = sink(large.clone(), &format!("{source}!!!!")).await.unwrap();
        assert!(matches!(wrong.finish(A_ZIP, None).await, Err(MediaError::Invalid { .. })));
        let archive = sink(large.clone(), &source).await.unwrap();
        let error = archive.finish(UploadPurpose::Picture, None).await.unwrap_err();
        assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
        let picture = media(folder.path(), MediaLimits { picture: 1000, ..MediaLimits::default() });
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
        let error = media.store(Upload::picture(data_url(&png(2, 2)))).await.unwrap_err();
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
