//! A bucket keeps what every store of media promises, and loses nothing when it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode};
use jobapp_contracts::media::{PICTURE, Shelf};
use jobapp_kernel::{ErrorKind, Kinded, MediaError, MediaStore, Upload};
use jobapp_media::{HostedConfig, HostedMedia, MediaLimits, S3Config};
use jobapp_test_servers::{Bucket, Fault};
use tower::ServiceExt as _;

use crate::{URL, hosted, limits, links, spooled, until};

/// Media in this bucket.
fn media_in(bucket: &Bucket, limits: MediaLimits, parameters: &str) -> HostedMedia {
    let keys = Bucket::KEYS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = S3Config::from_url(&bucket.url(parameters), keys).unwrap();
    let hosted = HostedConfig { public_url: URL.to_owned(), limits, links: links() };
    HostedMedia::in_bucket(config, hosted).unwrap()
}

async fn shelf() -> Shelf {
    let bucket = Arc::new(Bucket::start().await);
    let media = media_in(&bucket, limits(), "");
    let counted = Arc::clone(&bucket);
    hosted(media, move || counted.kept(), bucket)
}

jobapp_contracts::media!(shelf());

/// An archive that takes three parts.
fn an_archive() -> (Vec<u8>, Upload) {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend((0..17 * 1024 * 1024_u32).map(|n| u8::try_from(n % 251).unwrap()));
    let source = format!("data:;base64,{}", STANDARD.encode(&bytes));
    (bytes, Upload::file(source, None, Some("work.zip".to_owned())))
}

fn small() -> Upload {
    Upload::file("data:text/plain;base64,aGk=", None, Some("hi.txt".to_owned()))
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_comes_back_whole() {
    let bucket = Arc::new(Bucket::start().await);
    let media = media_in(&bucket, MediaLimits::default(), "");
    let (bytes, upload) = an_archive();
    let kept = media.store(upload).await.unwrap().reference;
    let parts = bucket.asked().iter().filter(|asked| asked.contains("partNumber=")).count();
    assert_eq!(parts, 3);
    let shelf = hosted(media.clone(), || 0, ());
    assert!((shelf.reader)(media.address(&kept, "work.zip")).await.unwrap() == bytes);
    assert_eq!(bucket.kept(), 1);
}

#[tokio::test]
async fn when_a_part_fails_nothing_is_left() {
    let bucket = Bucket::start().await;
    let media = media_in(&bucket, MediaLimits::default(), "");
    for fault in [Fault::Answer(StatusCode::SERVICE_UNAVAILABLE), Fault::Answer(StatusCode::FORBIDDEN), Fault::Cut] {
        bucket.fail(move |head| head.uri.query()?.contains("partNumber=2").then_some(fault));
        let (_, upload) = an_archive();
        let error = media.store(upload).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{fault:?}: {error:?}");
        until(|| bucket.kept() == 0).await;
        assert!(media.trouble().is_some());
    }
    bucket.fail(|_| None);
    media.store(small()).await.unwrap();
    assert_eq!(media.trouble(), None);
}

#[tokio::test]
async fn what_is_cut_once_is_sent_again() {
    let bucket = Bucket::start().await;
    let media = media_in(&bucket, limits(), "");
    for fault in [Fault::Cut, Fault::LostAnswer, Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR)] {
        let times = AtomicUsize::new(0);
        bucket.fail(move |_| (times.fetch_add(1, Ordering::SeqCst) == 0).then_some(fault));
        media.store(small()).await.unwrap();
    }
    assert_eq!(bucket.kept(), 3);
}

#[tokio::test]
async fn when_all_answers_are_lost_what_was_stored_is_removed() {
    let bucket = Bucket::start().await;
    let media = media_in(&bucket, limits(), "");
    bucket.fail(|head| (head.method == Method::PUT).then_some(Fault::LostAnswer));
    let error = media.store(small()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    until(|| bucket.kept() == 0).await;
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_removed() {
    let bucket = Bucket::start().await;
    let media = media_in(&bucket, MediaLimits::default(), "");
    // All parts are there by then: one that is on its way while the upload is given up may arrive afterwards, at S3 as here.
    bucket.fail(|head| (head.method == "POST" && head.uri.query()?.contains("uploadId=")).then_some(Fault::Silence));
    let storing = tokio::spawn({
        let media = media.clone();
        async move { media.store(an_archive().1).await }
    });
    until(|| bucket.asked().iter().any(|asked| asked.starts_with("POST") && asked.contains("uploadId="))).await;
    assert!(bucket.kept() > 0);
    storing.abort();
    until(|| bucket.kept() == 0).await;
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_unavailable_and_nothing_waits_on_our_disk() {
    let bucket = Bucket::start().await;
    let spool = tempfile::tempdir().unwrap();
    let media = media_in(&bucket, limits(), &format!("&spool={}", spool.path().display()));
    let kept = media.store(Upload::picture(PICTURE)).await.unwrap().reference;
    media.look().await.unwrap();
    bucket.stop().await;
    let error = media.store(small()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(!format!("{error:?}").contains("a-secret"));
    assert_eq!(spooled(spool.path()), 0);
    assert!(media.look().await.is_err());
    // What is stored is still shown: nobody is asked for its address.
    assert_eq!(media.picture(&kept), format!("{URL}/media/{kept}"));
}

#[tokio::test]
async fn what_is_refused_never_gets_there() {
    let bucket = Bucket::start().await;
    let spool = tempfile::tempdir().unwrap();
    let media = Arc::new(media_in(&bucket, limits(), &format!("&spool={}", spool.path().display())));
    let mut sink = Arc::clone(&media).begin().await.unwrap();
    sink.write(&"A".repeat(300_000)).await.unwrap_err();
    let error = media.store(Upload::picture("data:image/png;base64,aGk=")).await.unwrap_err();
    assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
    assert_eq!((bucket.asked().len(), spooled(spool.path())), (0, 0));
}

#[tokio::test]
async fn pictures_are_read_at_the_public_address_of_today() {
    let bucket = Bucket::start().await;
    let media = media_in(&bucket, limits(), "");
    let kept = media.store(Upload::picture(PICTURE)).await.unwrap().reference;
    let own = media.picture(&kept);
    assert_eq!(own, format!("{URL}/media/{kept}"));
    let public = media_in(&bucket, limits(), "&public=https://cdn.example.org/pictures");
    let shown = public.picture(&kept);
    assert_eq!(shown, format!("https://cdn.example.org/pictures/{kept}"));
    let moved =
        media_in(&bucket, limits(), "&public=https://new.example.org/p/&earlier=https://cdn.example.org/pictures");
    // Records of earlier times may have an address.
    for stored in [&kept, &own, &shown] {
        assert_eq!(moved.picture(stored), format!("https://new.example.org/p/{kept}"));
        assert_eq!(moved.reference(stored), kept);
    }
    let foreign = format!("https://other.example.org/media/{kept}");
    assert_eq!(moved.picture(&foreign), foreign, "it is another marketplace's");
}

#[tokio::test]
async fn readers_are_sent_on_to_the_bucket_for_a_while() {
    let bucket = Bucket::start().await;
    let media = media_in(&bucket, limits(), "");
    let picture = media.store(Upload::picture(PICTURE)).await.unwrap().reference;
    let file = media.store(small()).await.unwrap().reference;
    let ask = async |method: &str, address: &str| {
        let path = address.strip_prefix(URL).unwrap();
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        media.router().oneshot(request).await.unwrap()
    };
    let shown = ask("GET", &media.picture(&picture)).await;
    assert_eq!(shown.status(), StatusCode::FOUND);
    assert_eq!(shown.headers()["cache-control"], "public, max-age=3600");
    let address = media.address(&file, "my work.txt");
    let sent = ask("GET", &address).await;
    assert_eq!(sent.status(), StatusCode::FOUND);
    assert_eq!(sent.headers()["cache-control"], "private, no-store");
    let location = sent.headers()["location"].to_str().unwrap();
    let place = format!("/files/{file}?");
    for part in [&*place, "X-Amz-Expires=900", "response-content-disposition=attachment%3B%20filename"] {
        assert!(location.contains(part), "{location}");
    }
    let head = ask("HEAD", &address).await.headers()["location"].to_str().unwrap().to_owned();
    let answer = reqwest::Client::new().head(head).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["content-length"], "2");
    for (method, address, status) in [
        ("GET", address.replace("my%20work", "other"), StatusCode::FORBIDDEN),
        ("GET", format!("{URL}/media/{file}"), StatusCode::NOT_FOUND),
        ("GET", format!("{URL}/media/x.png"), StatusCode::NOT_FOUND),
        ("POST", address.clone(), StatusCode::METHOD_NOT_ALLOWED),
    ] {
        assert_eq!(ask(method, &address).await.status(), status, "{method} {address}");
    }
}

#[tokio::test]
async fn the_address_of_a_private_file_makes_a_copy_and_is_never_kept() {
    let bucket = Arc::new(Bucket::start().await);
    let media = media_in(&bucket, limits(), "");
    let kept = media.store(small()).await.unwrap().reference;
    let address = media.address(&kept, "hi.txt");
    let copy = media.store(Upload::file(&address, None, Some("hi.txt".to_owned()))).await.unwrap().reference;
    assert!(copy != kept && copy.starts_with("private-") && copy.ends_with(".txt"), "{copy}");
    assert_eq!(bucket.kept(), 2);
    // It is no picture, and does not become one; and nobody gets another file by it, or one by its name alone.
    let unsigned = format!("{URL}/media/{}", kept.trim_start_matches("private-"));
    let stolen = [address.replace(&kept, &copy), unsigned];
    for upload in stolen.iter().map(|address| Upload::file(address, None, None)).chain([Upload::picture(&address)]) {
        let error = media.store(upload).await.unwrap_err();
        assert!(matches!(error, MediaError::Refused { .. }), "{error:?}");
    }
    assert_eq!(bucket.kept(), 2);
}

#[test]
fn uploads_need_a_place_to_wait() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let url = format!("s3://market?region=eu-west-1&spool={}/x", file.path().display());
    let config = S3Config::from_url(&url, []).unwrap();
    let hosted = HostedConfig { public_url: URL.to_owned(), limits: limits(), links: links() };
    let error = HostedMedia::in_bucket(config, hosted).unwrap_err().to_string();
    assert!(error.contains("uploads cannot wait in") && error.contains("spool="), "{error}");
}
