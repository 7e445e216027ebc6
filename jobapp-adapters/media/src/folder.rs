//! Media as files in one folder.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use jobapp_kernel::{MediaError, MediaSink, MediaStore, StoredMedia, Upload, UploadPurpose};
use tempfile::NamedTempFile;

use crate::intake::{BEGINNING, judged};
use crate::limits::MediaLimits;
use crate::links::{MediaLinks, over};
use crate::names;
use crate::place::{self, Place, blocking};
use crate::serve::{self, Shelf};
use crate::spool::{Accepted, Spool};

/// Keeps media as files in one folder. Pictures are served under `<public URL>/media/<name>` to everybody; files under
/// addresses that are signed for a reader and soon over.
#[derive(Debug, Clone)]
pub struct FolderMedia {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    spool: Arc<Spool>,
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
        let spool = Arc::new(Spool::open(root.clone())?);
        let public_url = public_url.trim_end_matches('/').to_owned();
        Ok(Self { inner: Arc::new(Inner { root, spool, public_url, limits, links }) })
    }

    /// `GET` and `HEAD` below `/media/`: pictures for everybody who knows their name, files for who was given a link.
    pub fn router(&self) -> Router {
        serve::router(Shelf { root: self.inner.root.clone(), links: self.inner.links.clone() })
    }

    /// The name of what is stored for everybody and kept as this, or under this address by earlier versions; `None` for anything else.
    pub fn public_name(kept: &str) -> Option<&str> {
        names::extension_of_public(kept).map(|_| kept).or_else(|| names::public_of_address(kept))
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
        place::store(self, upload).await
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
        match self.inner.picture_of(stored) {
            Some(name) => format!("{}/media/{name}", self.inner.public_url),
            None => stored.to_owned(),
        }
    }

    fn reference(&self, address: &str) -> String {
        self.inner.picture_of(address).unwrap_or(address).to_owned()
    }

    async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
        Ok(place::begin(self))
    }
}

#[async_trait]
impl Place for FolderMedia {
    fn spool(&self) -> &Arc<Spool> {
        &self.inner.spool
    }

    fn limits(&self) -> MediaLimits {
        self.inner.limits
    }

    async fn keep(&self, content: Accepted, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let (inner, name) = (Arc::clone(&self.inner), names::for_purpose(purpose, &content.extension));
        blocking(move || {
            inner.publish(content.file, &name).map_err(|error| inner.spool.full_or_gone(error))?;
            tracing::debug!(name, bytes = content.length, "stored an upload");
            Ok(StoredMedia { reference: name })
        })
        .await
    }

    async fn elsewhere(&self, address: String, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let (inner, purpose) = (Arc::clone(&self.inner), purpose.clone());
        blocking(move || inner.elsewhere(address, &purpose)).await
    }
}

impl Inner {
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
        if let Some(name) = self.picture_of(&address) {
            return Ok(StoredMedia { reference: name.to_owned() });
        }
        match names::public_of_address(&address) {
            Some(name) if is_here(&names::private_of(name)) => Err(over()),
            _ => Ok(StoredMedia { reference: address }),
        }
    }

    /// Stores once more, for another purpose maybe, what is stored under this name.
    fn copy(&self, file: &str, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let from = self.root.join(file);
        let read = || {
            let mut content = std::fs::File::open(&from)?;
            let length = content.metadata()?.len();
            let mut beginning = Vec::new();
            content.by_ref().take(BEGINNING as u64).read_to_end(&mut beginning)?;
            Ok((std::fs::File::open(&from)?, length, beginning))
        };
        let failed = |error: io::Error| self.spool.full_or_gone(error);
        let (content, length, beginning) = read().map_err(failed)?;
        let extension = judged(length, &beginning, BufReader::new(content), purpose, &self.limits)?;
        let name = names::for_purpose(purpose, &extension);
        // What is stored never changes, so that two names may share it. Not every file system has that.
        let linked = std::fs::hard_link(&from, self.root.join(&name)).and_then(|()| sync_folder(&self.root));
        linked.or_else(|_| self.duplicate(&from, &name)).map_err(failed)?;
        Ok(StoredMedia { reference: name })
    }

    fn duplicate(&self, from: &Path, name: &str) -> io::Result<()> {
        let mut file = self.spool.file()?;
        io::copy(&mut std::fs::File::open(from)?, &mut file)?;
        self.publish(file, name)
    }

    /// The private file that a record means.
    fn private_file(&self, stored: &str) -> Option<String> {
        if names::extension_of_private(stored).is_some() {
            return Some(stored.to_owned());
        }
        // Earlier versions kept what everybody may read; the file was made private since.
        let private = names::private_of(FolderMedia::public_name(stored)?);
        self.root.join(&private).exists().then_some(private)
    }

    /// The picture of ours that a record means, or an address. Earlier versions kept addresses, with the server's public address of that time.
    fn picture_of<'a>(&self, stored: &'a str) -> Option<&'a str> {
        if names::extension_of_public(stored).is_some() {
            return Some(stored);
        }
        names::public_of_address(stored).filter(|name| self.root.join(name).exists())
    }

    /// The only step after which the file can be read.
    fn publish(&self, file: NamedTempFile, name: &str) -> io::Result<()> {
        file.as_file().sync_all()?;
        file.persist_noclobber(self.root.join(name)).map_err(|error| error.error)?;
        sync_folder(&self.root)
    }
}

/// Makes the renaming of a file survive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use std::time::Duration;

    use crate::links::tests::{clock, links};
    use crate::picture::tests::png;
    use crate::spool::PARTIAL;
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
        let first = media.store(upload.clone()).await.unwrap().reference;
        let second = media.store(upload).await.unwrap().reference;
        assert_ne!(first, second);
        assert_eq!(first.len(), 32 + ".png".len());
        assert!(first.ends_with(".png") && !first.contains("marta"));
        assert_eq!(std::fs::read(folder.path().join(&first)).unwrap(), png(2, 2));
        let address = media.picture(&first);
        assert_eq!(address, format!("http://localhost:4000/media/{first}"));
        assert_eq!(media.address(&first, "a.png"), address, "everybody may see it");
        assert_eq!(read(&media, &address).await.unwrap(), png(2, 2));
    }

    #[tokio::test]
    async fn a_file_is_read_with_an_address_that_was_made_for_it_and_no_other() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
        let media = media_at(folder.path(), MediaLimits::default(), &clock);
        let [first, second] =
            [media.store(work()).await.unwrap().reference, media.store(work()).await.unwrap().reference];
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
        let first = media.store(work()).await.unwrap().reference;
        let address = media.address(&first, "work.zip");
        let copy = media.store(Upload::file(&address, None, None)).await.unwrap().reference;
        assert!(copy != first && copy.ends_with(".zip"), "{copy}");
        assert_eq!(read(&media, &media.address(&copy, "")).await.unwrap(), b"PK\x03\x04 the work");
        // In pieces, too.
        let sink = sink(media.clone(), &address).await.unwrap();
        assert!(sink.finish(A_ZIP, None).await.unwrap().reference.starts_with("private-"));
        // It is no picture, and does not become one.
        let error = media.store(Upload::picture(&address)).await.unwrap_err();
        assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
        let public = first.strip_prefix("private-").unwrap();
        let foreign = address.replace("http://localhost:4000", "https://elsewhere.example");
        assert!(media.store(Upload::file(foreign, None, None)).await.unwrap().reference.starts_with("private-"));
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
        let first = media.store(work()).await.unwrap().reference;
        media.inner.duplicate(&folder.path().join(&first), "copy").unwrap();
        assert_eq!(std::fs::read(folder.path().join("copy")).unwrap(), b"PK\x03\x04 the work");
        assert_eq!(files(folder.path()).len(), 2);
    }

    #[tokio::test]
    async fn a_private_picture_becomes_a_public_one_if_its_reader_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let media = media(folder.path(), MediaLimits::default());
        let sent = media.store(Upload::file(data_url(&png(3, 3)), None, None)).await.unwrap().reference;
        let address = media.address(&sent, "me.png");
        let portrait = media.store(Upload::picture(address)).await.unwrap().reference;
        assert_eq!(read(&media, &media.picture(&portrait)).await.unwrap(), png(3, 3));
    }

    #[tokio::test]
    async fn where_a_picture_is_read_is_not_kept() {
        let (folder, limits) = (tempfile::tempdir().unwrap(), MediaLimits::default());
        let before = media(folder.path(), limits);
        let kept = before.store(Upload::picture(data_url(&png(2, 2)))).await.unwrap().reference;
        let shown = before.picture(&kept);
        let moved =
            FolderMedia::open(folder.path(), "https://new.example", limits, links("secret", &[], &clock())).unwrap();
        assert_eq!(moved.picture(&kept), format!("https://new.example/media/{kept}"));
        // Whoever sends back what was shown to him means the picture.
        for address in [&shown, &moved.picture(&kept), &kept] {
            assert_eq!(moved.reference(address), kept);
        }
        for address in [&shown, &moved.picture(&kept)] {
            assert_eq!(moved.store(Upload::picture(address)).await.unwrap().reference, kept);
        }
        assert_eq!(moved.reference("https://img.example.org/a.png"), "https://img.example.org/a.png");
        assert_eq!(files(folder.path()).len(), 1);
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
        let name = media.store(upload).await.unwrap().reference;
        assert!(name.ends_with(".zip"), "{name}");
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), bytes);
    }

    #[tokio::test]
    async fn an_address_is_kept_and_nothing_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let url = "https://pictures.example/marta.png";
        let stored = media(folder.path(), MediaLimits::default()).store(Upload::picture(url)).await.unwrap();
        assert_eq!(stored.reference, url);
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
        let url = sink.finish(A_ZIP, None).await.unwrap().reference;
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
        assert_eq!(address.reference, "https://files.example/a.zip");
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
}
