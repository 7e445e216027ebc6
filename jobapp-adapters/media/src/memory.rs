//! Media in memory.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jobapp_kernel::{MediaError, MediaSink, MediaStore, StoredMedia, Upload, UploadPurpose};
use parking_lot::Mutex;

use crate::intake::{Complete, Content, Intake, Keep, judged};
use crate::limits::MediaLimits;

/// What stands before the names of pictures.
const PUBLIC: &str = "http://media.test/media/";

/// What stands before the names of files in the addresses that are made for readers.
const SIGNED: &str = "http://media.test/media/signed/";

/// What the names of files begin with.
const PRIVATE: &str = "private-";

/// Takes and refuses the same uploads as [`crate::FolderMedia`] and keeps them in memory, for tests.
///
/// The names count up: a picture is kept as `1.png` and shown at `http://media.test/media/1.png`, a file is kept as `private-2.zip`
/// and read at `http://media.test/media/signed/private-2.zip`.
#[derive(Debug, Default)]
pub struct MemoryMedia {
    stored: Mutex<BTreeMap<String, Vec<u8>>>,
    limits: MediaLimits,
    away: AtomicBool,
}

impl MemoryMedia {
    /// An empty store with these limits.
    pub fn with_limits(limits: MediaLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// From now on every upload fails as [`MediaError::Unavailable`], or none does.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// What somebody reads at this URL. A file is read at an address that [`MediaStore::address`] made, and nowhere else.
    pub fn get(&self, url: &str) -> Option<Vec<u8>> {
        let signed = url.strip_prefix(SIGNED).filter(|name| name.starts_with(PRIVATE));
        let name = signed.or_else(|| url.strip_prefix(PUBLIC).filter(|name| !name.starts_with(PRIVATE)))?;
        self.stored.lock().get(name).cloned()
    }

    /// How many uploads were stored.
    pub fn len(&self) -> usize {
        self.stored.lock().len()
    }

    /// Whether nothing was stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl MediaStore for MemoryMedia {
    async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError> {
        let mut intake = Intake::new(Vec::new(), self.limits.of(&upload.purpose));
        intake.push(&upload.source)?;
        self.publish(intake, &upload.purpose)
    }

    fn address(&self, stored: &str, _: &str) -> String {
        if stored.starts_with(PRIVATE) { format!("{SIGNED}{stored}") } else { self.picture(stored) }
    }

    fn picture(&self, stored: &str) -> String {
        if is_picture(stored) { format!("{PUBLIC}{stored}") } else { stored.to_owned() }
    }

    fn reference(&self, address: &str) -> String {
        address.strip_prefix(PUBLIC).filter(|name| is_picture(name)).unwrap_or(address).to_owned()
    }

    async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
        self.must_be_here()?;
        let intake = Intake::new(Vec::new(), self.limits.largest());
        Ok(Box::new(MemorySink { intake, media: self }))
    }
}

impl MemoryMedia {
    fn must_be_here(&self) -> Result<(), MediaError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(MediaError::unavailable("the media store was told to be away"));
        }
        Ok(())
    }

    fn publish(&self, intake: Intake<Vec<u8>>, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let Content { kept: bytes, beginning, length, .. } = match intake.end()? {
            Complete::Elsewhere(address) => return Ok(StoredMedia { reference: self.reference(&address) }),
            Complete::Content(content) => content,
        };
        self.must_be_here()?;
        let extension = judged(length, &beginning, Cursor::new(&bytes), purpose, &self.limits)?;
        let mut stored = self.stored.lock();
        let number = stored.len() + 1;
        let name = match purpose {
            UploadPurpose::Picture => format!("{number}.{extension}"),
            UploadPurpose::File { .. } => format!("{PRIVATE}{number}.{extension}"),
        };
        stored.insert(name.clone(), bytes);
        Ok(StoredMedia { reference: name })
    }
}

/// Whether this is the name of a picture.
fn is_picture(name: &str) -> bool {
    name.split_once('.')
        .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

struct MemorySink {
    intake: Intake<Vec<u8>>,
    media: Arc<MemoryMedia>,
}

#[async_trait]
impl MediaSink for MemorySink {
    async fn write(&mut self, piece: &str) -> Result<(), MediaError> {
        self.intake.push(piece)
    }

    async fn finish(self: Box<Self>, purpose: UploadPurpose, _: Option<String>) -> Result<StoredMedia, MediaError> {
        self.media.publish(self.intake, &purpose)
    }
}

impl Keep for Vec<u8> {
    fn keep(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::png;

    #[tokio::test]
    async fn uploads_can_be_read_back() {
        let media = MemoryMedia::default();
        let upload = Upload::file("data:text/plain;base64,aGk=", None, Some("hi.txt".into()));
        let kept = media.store(upload).await.unwrap().reference;
        assert_eq!(media.get(&kept), None);
        assert_eq!(media.get(&format!("{PUBLIC}{kept}")), None);
        let url = media.address(&kept, "hi.txt");
        assert!(url.ends_with("1.txt"), "{url}");
        assert_eq!(media.get(&url).unwrap(), b"hi");
        let picture = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, png(1, 1));
        let kept = media.store(Upload::picture(format!("data:image/png;base64,{picture}"))).await.unwrap().reference;
        assert_eq!(media.picture(&kept), "http://media.test/media/2.png");
        assert_eq!(media.get(&media.address(&kept, "")).unwrap(), png(1, 1));
    }

    #[tokio::test]
    async fn pieces_are_stored_when_they_are_complete() {
        let media = Arc::new(MemoryMedia::default());
        let mut sink = media.clone().begin().await.unwrap();
        for piece in ["data:text/plain;ba", "se64,a", "Gk="] {
            sink.write(piece).await.unwrap();
        }
        assert!(media.is_empty());
        let purpose = UploadPurpose::File { file_type: None, name: Some("hi.txt".into()) };
        let kept = sink.finish(purpose, None).await.unwrap().reference;
        assert_eq!(media.get(&media.address(&kept, "")).unwrap(), b"hi");
    }

    #[tokio::test]
    async fn it_refuses_what_the_folder_refuses() {
        let media = MemoryMedia::with_limits(MediaLimits { picture: 1, file: 1, ..MediaLimits::default() });
        let picture = media.store(Upload::picture("data:image/png;base64,aA==")).await.unwrap_err();
        assert!(matches!(picture, MediaError::Refused { .. }));
        let file = media.store(Upload::file("data:;base64,aGk=", None, None)).await.unwrap_err();
        assert!(matches!(file, MediaError::TooLarge { limit: 1 }));
        media.set_away(true);
        let away = media.store(Upload::file("data:;base64,aA==", None, None)).await.unwrap_err();
        assert!(matches!(away, MediaError::Unavailable(_)));
        assert!(media.is_empty());
    }
}
