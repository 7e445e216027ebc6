//! What still works while the host of media is away, and what is left of what does not.

use std::sync::Arc;

use http::StatusCode;
use jobapp_kernel::{FixedClock, Timestamp};
use jobapp_media::{HostedConfig, HostedMedia, MediaLimits, MediaLinks, S3Config};
use jobapp_test_servers::Bucket;
use serde_json::json;

use crate::world::{PIXEL, World, a_gig, an_update};

/// Pictures in this bucket, on their way there by this folder.
fn media_in(bucket: &Bucket, spool: &std::path::Path) -> HostedMedia {
    let parameters = format!("&public=https://cdn.example.org/pictures&spool={}", spool.display());
    let keys = Bucket::KEYS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let links = MediaLinks::new(b"a secret", [], Arc::new(FixedClock::at(Timestamp::EPOCH)));
    let public_url = "http://localhost:4000".to_owned();
    let config = HostedConfig { public_url, limits: MediaLimits::default(), links };
    HostedMedia::in_bucket(S3Config::from_url(&bucket.url(&parameters), keys).unwrap(), config).unwrap()
}

#[tokio::test]
async fn without_the_host_of_media_everything_but_uploads_works_and_nothing_is_half_stored() {
    let (bucket, spool) = (Bucket::start().await, tempfile::tempdir().unwrap());
    let world = World::with_pictures_in(Arc::new(media_in(&bucket, spool.path()))).await;
    let gig = world.offers(json!({})).await;
    let path = format!("/api/v1/gig/{}", gig["id"].as_str().unwrap());
    let shown = gig["coverImage"].as_str().unwrap();
    assert!(shown.starts_with("https://cdn.example.org/pictures/") && shown.ends_with(".png"), "{shown}");
    assert_eq!(bucket.kept(), 1);

    bucket.stop().await;
    let mut with_a_new_picture = an_update();
    with_a_new_picture["coverImage"] = json!(PIXEL);
    for (method, path, body) in [("POST", "/api/v1/gig/create", a_gig()), ("PUT", &*path, with_a_new_picture)] {
        let answer = world.call("Iria", method, path, &body).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert!(!answer.message().is_empty() && !answer.message().contains("a-secret"), "{answer:?}");
    }
    assert!(world.settle().await.is_empty(), "nothing was stored, so nothing is told");
    assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0, "nothing of it waits here");

    assert_eq!(world.get("Iria", &path).await.body["gig"], gig);
    let mut words_only = an_update();
    (words_only["title"], words_only["coverImage"]) = (json!("I will draw two logos"), json!(shown));
    let answer = world.call("Iria", "PUT", &path, &words_only).await;
    assert_eq!((answer.status, &answer.body["gig"]["coverImage"]), (StatusCode::OK, &gig["coverImage"]), "{answer:?}");

    bucket.start_again().await;
    assert_eq!(bucket.kept(), 1, "nothing of it is there");
    assert_eq!(world.call("Iria", "POST", "/api/v1/gig/create", &a_gig()).await.status, StatusCode::CREATED);
    assert_eq!(bucket.kept(), 2);
}
