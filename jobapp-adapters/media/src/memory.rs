//! Media in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jobapp_kernel::{MediaError, MediaStore, StoredMedia, Upload};
use parking_lot::Mutex;

use crate::limits::MediaLimits;
use crate::source::{self, Source};
use crate::types;

/// Takes and refuses the same uploads as [`crate::FolderMedia`] and keeps them in memory, for tests.
///
/// The URLs count up: `http://media.test/media/1.png`, `http://media.test/media/2.zip`…
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

    /// What was stored under this URL.
    pub fn get(&self, url: &str) -> Option<Vec<u8>> {
        self.stored.lock().get(url).cloned()
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
        if self.away.load(Ordering::SeqCst) {
            return Err(MediaError::unavailable("the media store was told to be away"));
        }
        let content = match source::parse(&upload.source)? {
            Source::Elsewhere(url) => return Ok(StoredMedia { url: url.to_owned() }),
            Source::Content(content) => content,
        };
        let limit = self.limits.of(&upload.purpose);
        if content.len() > limit {
            return Err(MediaError::TooLarge { limit });
        }
        let bytes = content.pieces().collect::<Result<Vec<_>, _>>()?.concat();
        let extension =
            types::extension(&bytes, &upload.purpose).ok_or_else(|| MediaError::invalid("it is no picture"))?;
        let mut stored = self.stored.lock();
        let url = format!("http://media.test/media/{}.{extension}", stored.len() + 1);
        stored.insert(url.clone(), bytes);
        Ok(StoredMedia { url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn uploads_can_be_read_back() {
        let media = MemoryMedia::default();
        let upload = Upload::file("data:text/plain;base64,aGk=", None, Some("hi.txt".into()));
        let url = media.store(upload).await.unwrap().url;
        assert_eq!(url, "http://media.test/media/1.txt");
        assert_eq!(media.get(&url).unwrap(), b"hi");
    }

    #[tokio::test]
    async fn it_refuses_what_the_folder_refuses() {
        let media = MemoryMedia::with_limits(MediaLimits { picture: 1, file: 1 });
        let picture = media.store(Upload::picture("data:image/png;base64,aA==")).await.unwrap_err();
        assert!(matches!(picture, MediaError::Invalid { .. }));
        let file = media.store(Upload::file("data:;base64,aGk=", None, None)).await.unwrap_err();
        assert!(matches!(file, MediaError::TooLarge { limit: 1 }));
        media.set_away(true);
        let away = media.store(Upload::file("data:;base64,aA==", None, None)).await.unwrap_err();
        assert!(matches!(away, MediaError::Unavailable(_)));
        assert!(media.is_empty());
    }
}
