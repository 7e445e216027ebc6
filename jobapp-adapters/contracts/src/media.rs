//! What every store of media promises.
//!
//! ```ignore
//! jobapp_contracts::media!(super::a_fresh_one()); // a future of `jobapp_contracts::media::Shelf`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use jobapp_kernel::{MediaError, MediaStore, Received, Upload, UploadPurpose};

/// The most bytes of a file that a [`Shelf`] must take, and not one more.
pub const FILE_LIMIT: u64 = 1024;

/// The smallest picture there is: a GIF of one pixel.
pub const PICTURE: &str = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// Reads an address as somebody without a session does; `None` when there is nothing to be read.
pub type Reader = Arc<dyn Fn(String) -> BoxFuture<'static, Option<Vec<u8>>> + Send + Sync>;
/// Counts everything that is kept, half uploads too.
pub type Count = Arc<dyn Fn() -> BoxFuture<'static, usize> + Send + Sync>;

/// A store that keeps nothing yet and takes files of [`FILE_LIMIT`] bytes.
#[derive(Clone)]
pub struct Shelf {
    /// What is promised about.
    pub media: Arc<dyn MediaStore>,
    /// Reads what it keeps.
    pub reader: Reader,
    /// Counts what it keeps.
    pub count: Count,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
    async fn read(&self, address: &str) -> Option<Vec<u8>> {
        (self.reader)(address.to_owned()).await
    }

    async fn kept(&self) -> usize {
        (self.count)().await
    }
}

fn text() -> UploadPurpose {
    UploadPurpose::File { file_type: None, name: Some("hi.txt".to_owned()) }
}

fn hi() -> Upload {
    Upload { source: "data:text/plain;base64,aGk=".to_owned(), purpose: text(), public_id: None }
}

/// A file of so many bytes, all of them zero; a multiple of three.
fn zeros(bytes: u64) -> String {
    assert!(bytes.is_multiple_of(3));
    format!("data:application/octet-stream;base64,{}", "A".repeat(usize::try_from(bytes / 3 * 4).unwrap()))
}

async fn in_pieces(of: &Shelf, source: &str) -> Received {
    let mut received = Received::begin(Arc::clone(&of.media)).await;
    for piece in source.as_bytes().chunks(7) {
        received.write(std::str::from_utf8(piece).unwrap()).await;
    }
    received
}

/// A picture is for everybody, at an address that is made of what is kept whenever it is shown.
pub async fn a_picture_is_for_everybody(of: &Shelf) {
    let kept = of.media.store(Upload::picture(PICTURE).with_public_id("marta")).await.unwrap().reference;
    assert!(!kept.contains("://"), "{kept} is an address of today");
    let address = of.media.picture(&kept);
    assert!(address.starts_with("http"), "{address}");
    let picture = of.read(&address).await.unwrap();
    assert!(picture.starts_with(b"GIF89a"));
    assert_eq!(of.read(&of.media.address(&kept, "a.gif")).await.unwrap(), picture);
}

/// Who sends back the address at which a picture was shown to him means the picture, and stores nothing.
pub async fn a_picture_is_known_by_its_address(of: &Shelf) {
    let kept = of.media.store(Upload::picture(PICTURE)).await.unwrap().reference;
    let address = of.media.picture(&kept);
    assert_eq!(of.media.reference(&address), kept);
    assert_eq!(of.media.reference(&kept), kept);
    assert_eq!(of.media.store(Upload::picture(&address)).await.unwrap().reference, kept);
    assert_eq!(in_pieces(of, &address).await.keep(UploadPurpose::Picture, None).await.unwrap().reference, kept);
    assert_eq!(of.kept().await, 1);
}

/// A file is read at an address that was made for a reader. What is kept of it opens nothing.
pub async fn a_file_is_read_where_somebody_was_sent(of: &Shelf) {
    let kept = of.media.store(hi()).await.unwrap().reference;
    assert_eq!(of.read(&of.media.address(&kept, "hi.txt")).await.unwrap(), b"hi");
    assert_eq!(of.read(&kept).await, None, "{kept} opens nothing");
}

/// The same content twice has two addresses, so that nobody finds one from the other.
pub async fn equal_uploads_are_two(of: &Shelf) {
    let [first, second] =
        [of.media.store(hi()).await.unwrap().reference, of.media.store(hi()).await.unwrap().reference];
    assert_ne!(first, second);
}

/// A source in pieces is the same as a whole one, whatever pieces they are, and counts once it is complete.
pub async fn pieces_are_the_same_as_a_whole(of: &Shelf) {
    let received = in_pieces(of, "data:text/plain;base64,aGk=").await;
    let kept = received.keep(text(), None).await.unwrap().reference;
    assert_eq!(of.read(&of.media.address(&kept, "")).await.unwrap(), b"hi");
    let received = in_pieces(of, PICTURE).await;
    let kept = received.keep(UploadPurpose::Picture, None).await.unwrap().reference;
    assert!(of.read(&of.media.picture(&kept)).await.is_some());
    assert_eq!(of.kept().await, 2);
}

/// An upload whose sender went away leaves nothing behind.
pub async fn half_an_upload_leaves_nothing(of: &Shelf) {
    let source = zeros(900);
    drop(in_pieces(of, &source[..source.len() / 2]).await);
    drop(in_pieces(of, &source).await);
    assert_eq!(of.kept().await, 0);
}

/// As much as is allowed is taken, and not a byte more: a larger one leaves nothing behind.
pub async fn the_limit_is_exact(of: &Shelf) {
    let (allowed, more) = (zeros(FILE_LIMIT / 3 * 3), zeros(FILE_LIMIT / 3 * 3 + 3));
    of.media.store(Upload { source: allowed.clone(), ..hi() }).await.unwrap();
    in_pieces(of, &allowed).await.keep(text(), None).await.unwrap();
    let whole = of.media.store(Upload { source: more.clone(), ..hi() }).await.unwrap_err();
    let pieces = in_pieces(of, &more).await.keep(text(), None).await.unwrap_err();
    for error in [whole, pieces] {
        assert!(matches!(error, MediaError::TooLarge { limit: FILE_LIMIT }), "{error:?}");
    }
    assert_eq!(of.kept().await, 2);
}

/// A picture that is none is refused in words for people, whatever it calls itself.
pub async fn a_picture_must_be_one(of: &Shelf) {
    for source in ["data:image/png;base64,aGk=", "data:image/gif;base64,R0lGODlh", "data:text/html;base64,PGI+"] {
        let whole = of.media.store(Upload::picture(source)).await.unwrap_err();
        let pieces = in_pieces(of, source).await.keep(UploadPurpose::Picture, None).await.unwrap_err();
        for error in [whole, pieces] {
            assert!(matches!(error, MediaError::Refused { .. }), "{source}: {error:?}");
        }
    }
    assert_eq!(of.kept().await, 0);
}

/// What is no source is invalid.
pub async fn a_source_that_is_none_is_invalid(of: &Shelf) {
    for source in ["", "hello", "data:text/plain;base64,a!b", "ftp://example.org/a.png", "/etc/passwd"] {
        let whole = of.media.store(Upload { source: source.to_owned(), ..hi() }).await.unwrap_err();
        let pieces = in_pieces(of, source).await.keep(text(), None).await.unwrap_err();
        for error in [whole, pieces] {
            assert!(matches!(error, MediaError::Invalid { .. }), "{source}: {error:?}");
        }
    }
    assert_eq!(of.kept().await, 0);
}

/// The address of something elsewhere is kept as it is, and never fetched.
pub async fn an_address_elsewhere_is_kept(of: &Shelf) {
    // Nobody listens there; whoever fetched it would fail or wait.
    for address in ["https://img.example.org/a%20b.png?x=1", "http://127.0.0.1:9/a.png"] {
        assert_eq!(of.media.store(Upload::picture(address)).await.unwrap().reference, address);
        let received = in_pieces(of, address).await;
        assert_eq!(received.keep(UploadPurpose::Picture, None).await.unwrap().reference, address);
        assert_eq!((of.media.picture(address), of.media.reference(address)), (address.to_owned(), address.to_owned()));
    }
    assert_eq!(of.kept().await, 0);
}

/// Uploads at once do not meet.
pub async fn uploads_at_once_are_all_kept(of: &Shelf) {
    let storing = (0..16).map(|_| {
        let media = Arc::clone(&of.media);
        tokio::spawn(async move { media.store(hi()).await })
    });
    for stored in join_all(storing).await {
        let kept = stored.unwrap().unwrap().reference;
        assert_eq!(of.read(&of.media.address(&kept, "")).await.unwrap(), b"hi");
    }
    assert_eq!(of.kept().await, 16);
}

/// Makes one test of each promise of `MediaStore`. The argument makes a future of a fresh [`Shelf`](crate::media::Shelf).
#[macro_export]
macro_rules! media {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::media::Shelf, [$crate::media], media:
            a_picture_is_for_everybody
            a_picture_is_known_by_its_address
            a_file_is_read_where_somebody_was_sent
            equal_uploads_are_two
            pieces_are_the_same_as_a_whole
            half_an_upload_leaves_nothing
            the_limit_is_exact
            a_picture_must_be_one
            a_source_that_is_none_is_invalid
            an_address_elsewhere_is_kept
            uploads_at_once_are_all_kept
        }
    };
}
