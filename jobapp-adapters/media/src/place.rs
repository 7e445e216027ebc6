//! How uploads are received: the same for every place where they are kept.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{MediaError, MediaSink, StoredMedia, Upload, UploadPurpose};

use crate::intake::{Complete, Intake};
use crate::limits::MediaLimits;
use crate::spool::{Accepted, Partial, Spool, judge};

/// Characters of a source that are gathered before the disk is troubled.
const GATHER: usize = 256 * 1024;

/// Where uploads are kept once they are complete and judged.
#[async_trait]
pub(crate) trait Place: Send + Sync + 'static {
    /// Where they wait until then.
    fn spool(&self) -> &Arc<Spool>;

    /// How large they may be.
    fn limits(&self) -> MediaLimits;

    /// Keeps content, all of it or nothing.
    async fn keep(&self, content: Accepted, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError>;

    /// Takes the address of something that is stored already.
    async fn elsewhere(&self, address: String, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError>;
}

/// Stores an upload whose source is there as a whole.
pub(crate) async fn store<P: Place>(place: &P, upload: Upload) -> Result<StoredMedia, MediaError> {
    let (spool, limits) = (Arc::clone(place.spool()), place.limits());
    let Upload { source, purpose, .. } = upload;
    let judged = blocking(move || {
        let mut intake = Intake::new(Partial::new(spool), limits.of(&purpose));
        intake.push(&source)?;
        Ok((complete(intake, &purpose, &limits)?, purpose))
    });
    let (judged, purpose) = judged.await?;
    settle(place, judged, &purpose).await
}

/// Begins an upload whose source arrives in pieces.
pub(crate) fn begin<P: Place>(place: Arc<P>) -> Box<dyn MediaSink> {
    let partial = Partial::new(Arc::clone(place.spool()));
    let intake = Some(Intake::new(partial, place.limits().largest()));
    Box::new(Sink { place, intake, gathered: String::new() })
}

/// What a complete upload is.
enum Judged {
    /// The address of something that is stored already.
    Elsewhere(String),
    /// Content that may be stored.
    Accepted(Accepted),
}

fn complete(intake: Intake<Partial>, purpose: &UploadPurpose, limits: &MediaLimits) -> Result<Judged, MediaError> {
    match intake.end()? {
        Complete::Elsewhere(address) => Ok(Judged::Elsewhere(address)),
        Complete::Content(content) => judge(content, purpose, limits).map(Judged::Accepted),
    }
}

async fn settle<P: Place>(place: &P, judged: Judged, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
    match judged {
        Judged::Elsewhere(address) => place.elsewhere(address, purpose).await,
        Judged::Accepted(content) => place.keep(content, purpose).await,
    }
}

/// Does something on a thread that may wait for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
) -> Result<T, MediaError> {
    tokio::task::spawn_blocking(work).await.map_err(MediaError::unavailable)?
}

/// Takes an upload in pieces.
struct Sink<P> {
    place: Arc<P>,
    /// `None` once a write failed.
    intake: Option<Intake<Partial>>,
    gathered: String,
}

impl<P: Place> Sink<P> {
    /// Decodes and writes what was gathered.
    async fn flush(&mut self) -> Result<(), MediaError> {
        let mut intake = self.intake.take().ok_or_else(lost)?;
        let mut gathered = std::mem::take(&mut self.gathered);
        let written = blocking(move || {
            intake.push(&gathered)?;
            gathered.clear();
            Ok((intake, gathered))
        });
        let (intake, gathered) = written.await?;
        self.intake = Some(intake);
        self.gathered = gathered;
        Ok(())
    }
}

#[async_trait]
impl<P: Place> MediaSink for Sink<P> {
    async fn write(&mut self, piece: &str) -> Result<(), MediaError> {
        self.gathered.push_str(piece);
        if self.gathered.len() < GATHER { Ok(()) } else { self.flush().await }
    }

    async fn finish(mut self: Box<Self>, purpose: UploadPurpose, _: Option<String>) -> Result<StoredMedia, MediaError> {
        self.flush().await?;
        let intake = self.intake.take().ok_or_else(lost)?;
        let limits = self.place.limits();
        let judged = blocking(move || Ok((complete(intake, &purpose, &limits)?, purpose)));
        let (judged, purpose) = judged.await?;
        settle(&*self.place, judged, &purpose).await
    }
}

fn lost() -> MediaError {
    MediaError::unavailable("an earlier piece of the upload was not written")
}
