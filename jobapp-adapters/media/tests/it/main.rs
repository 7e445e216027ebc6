//! The folder and the memory store keep what every store of media promises.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jobapp_contracts::media::{FILE_LIMIT, Shelf};
use jobapp_kernel::{FixedClock, Timestamp};
use jobapp_media::{FolderMedia, MediaLimits, MediaLinks, MemoryMedia};
use tower::ServiceExt as _;

const URL: &str = "http://localhost:4000";

fn limits() -> MediaLimits {
    MediaLimits { file: FILE_LIMIT, ..MediaLimits::default() }
}

async fn memory() -> Shelf {
    let media = Arc::new(MemoryMedia::with_limits(limits()));
    let (read, counted) = (Arc::clone(&media), Arc::clone(&media));
    Shelf {
        media,
        reader: Arc::new(move |address| {
            let found = read.get(&address);
            Box::pin(async move { found })
        }),
        count: Arc::new(move || {
            let kept = counted.len();
            Box::pin(async move { kept })
        }),
        keep: Arc::new(()),
    }
}

async fn folder() -> Shelf {
    let folder = tempfile::tempdir().unwrap();
    let links = MediaLinks::new(b"a secret of thirty-two bytes ...", [], Arc::new(FixedClock::at(Timestamp::EPOCH)));
    let media = FolderMedia::open(folder.path(), URL, limits(), links).unwrap();
    let (router, path) = (media.router(), folder.path().to_owned());
    Shelf {
        media: Arc::new(media),
        reader: Arc::new(move |address| {
            let router = router.clone();
            Box::pin(async move {
                let path = address.strip_prefix(URL)?;
                let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
                let is_there = response.status() == StatusCode::OK;
                let body = response.into_body().collect().await.unwrap().to_bytes();
                is_there.then(|| body.to_vec())
            })
        }),
        count: Arc::new(move || {
            let kept = std::fs::read_dir(&path).unwrap().count();
            Box::pin(async move { kept })
        }),
        keep: Arc::new(folder),
    }
}

mod in_memory {
    use super::*;

    jobapp_contracts::media!(memory());
}

mod in_a_folder {
    use super::*;

    jobapp_contracts::media!(folder());
}
