//! Cloudinary keeps what every store of media promises, and nothing is left there when it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use jobapp_contracts::media::{PICTURE, Shelf};
use jobapp_kernel::{ErrorKind, Kinded, MediaError, MediaStore, Upload};
use jobapp_media::MediaLimits;

use crate::cloud::{Cloud, Fault};
use crate::{hosted, limits, spooled, until};

async fn shelf() -> Shelf {
    let cloud = Cloud::start().await;
    let media = cloud.media(limits(), "");
    hosted(media, move || cloud.kept(), ())
}

jobapp_contracts::media!(shelf());

fn small() -> Upload {
    Upload::file("data:text/plain;base64,aGk=", None, Some("hi.txt".to_owned()))
}

#[tokio::test]
async fn pictures_are_for_everybody_and_files_for_who_has_a_signature() {
    let cloud = Cloud::start().await;
    for parameters in ["&folder=a/b", "&folder=a/b&signature=sha256"] {
        let media = cloud.media(limits(), parameters);
        let picture = media.store(Upload::picture(PICTURE)).await.unwrap().reference;
        let bare = picture.strip_suffix(".gif").unwrap();
        assert!(cloud.content(&format!("image/upload/a/b/{bare}")).is_some());
        let file = media.store(small()).await.unwrap().reference;
        assert_eq!(cloud.content(&format!("raw/authenticated/a/b/{file}")).unwrap(), b"hi");
    }
}

#[tokio::test]
async fn a_large_file_goes_in_chunks_and_comes_back_whole() {
    let cloud = Cloud::start().await;
    let media = cloud.media(MediaLimits::default(), "");
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend((0..45 * 1024 * 1024_u32).map(|n| u8::try_from(n % 251).unwrap()));
    let upload = Upload::file(format!("data:;base64,{}", STANDARD.encode(&bytes)), None, None);
    // Each chunk is tried again.
    let times = AtomicUsize::new(0);
    cloud.fail(move |_| {
        times.fetch_add(1, Ordering::SeqCst).is_multiple_of(2).then_some(Fault::Answer(StatusCode::BAD_GATEWAY))
    });
    let kept = media.store(upload).await.unwrap().reference;
    let shelf = hosted(media.clone(), || 0, ());
    assert!((shelf.reader)(media.address(&kept, "work.zip")).await.unwrap() == bytes);
}

#[tokio::test]
async fn when_an_answer_is_lost_it_is_asked_again_and_in_the_end_nothing_is_left() {
    let cloud = Cloud::start().await;
    let media = cloud.media(limits(), "");
    let times = AtomicUsize::new(0);
    cloud.fail(move |_| (times.fetch_add(1, Ordering::SeqCst) == 0).then_some(Fault::LostAnswer));
    media.store(small()).await.unwrap();
    assert_eq!(cloud.kept(), 1);
    cloud.fail(|_| Some(Fault::LostAnswer));
    let error = media.store(small()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    until(|| cloud.kept() == 1).await;
}

#[tokio::test]
async fn what_it_cannot_read_is_refused_in_words_for_people() {
    let cloud = Cloud::start().await;
    let media = cloud.media(limits(), "");
    cloud.fail(|_| Some(Fault::Answer(StatusCode::BAD_REQUEST)));
    let error = media.store(Upload::picture(PICTURE)).await.unwrap_err();
    assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
    // A file is not looked into: it is the account that takes none.
    let error = media.store(small()).await.unwrap_err();
    assert!(jobapp_kernel::error_text(&error).contains("it was told to"), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(cloud.kept(), 0);
}

#[tokio::test]
async fn a_wrong_secret_is_found_out_and_not_told() {
    let cloud = Cloud::start().await;
    let media = cloud.media_of(&cloud.url("guessed", ""), limits());
    let error = media.look().await.unwrap_err();
    assert!(jobapp_kernel::error_text(&error).contains("Invalid credentials"), "{error:?}");
    let error = media.store(small()).await.unwrap_err();
    assert!(!format!("{error:?}").contains("guessed"), "{error:?}");
    cloud.media(limits(), "").look().await.unwrap();
}

#[tokio::test]
async fn a_host_that_is_gone_is_unavailable_and_nothing_waits_on_our_disk() {
    let cloud = Cloud::start().await;
    let spool = tempfile::tempdir().unwrap();
    let media = Arc::new(cloud.media(limits(), &format!("&spool={}", spool.path().display())));
    cloud.stop();
    for upload in [small(), Upload::picture(PICTURE)] {
        let error = media.store(upload).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    }
    assert_eq!(spooled(spool.path()), 0);
    assert!(media.trouble().is_some());
}
