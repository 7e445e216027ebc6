//! The folder, the memory store and the hosts keep what every store of media promises.

mod at_cloudinary;
mod cloud;
mod in_a_bucket;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jobapp_contracts::media::{FILE_LIMIT, Shelf};
use jobapp_kernel::{FixedClock, Timestamp};
use jobapp_media::{FolderMedia, HostedMedia, MediaLimits, MediaLinks, MemoryMedia};
use tower::ServiceExt as _;

/// Where browsers reach the gateway.
const URL: &str = "http://localhost:4000";

fn limits() -> MediaLimits {
    MediaLimits { file: FILE_LIMIT, ..MediaLimits::default() }
}

fn links() -> MediaLinks {
    MediaLinks::new(b"a secret of thirty-two bytes ...", [], Arc::new(FixedClock::at(Timestamp::EPOCH)))
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
    let media = FolderMedia::open(folder.path(), URL, limits(), links()).unwrap();
    let (router, path) = (media.router(), folder.path().to_owned());
    Shelf {
        media: Arc::new(media),
        reader: Arc::new(move |address| Box::pin(read(router.clone(), address))),
        count: Arc::new(move || {
            let kept = std::fs::read_dir(&path).unwrap().count();
            Box::pin(async move { kept })
        }),
        keep: Arc::new(folder),
    }
}

/// Media at a host that counts what it keeps.
fn hosted<K: Any + Send + Sync>(
    media: HostedMedia,
    count: impl Fn() -> usize + Send + Sync + 'static,
    keep: K,
) -> Shelf {
    let router = media.router();
    Shelf {
        media: Arc::new(media),
        reader: Arc::new(move |address| Box::pin(read(router.clone(), address))),
        count: Arc::new(move || {
            let kept = count();
            Box::pin(async move { kept })
        }),
        keep: Arc::new(keep),
    }
}

/// What somebody reads who goes where he is sent.
async fn read(router: Router, address: String) -> Option<Vec<u8>> {
    let address = match address.strip_prefix(URL) {
        Some(path) => {
            let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
            match response.status() {
                StatusCode::OK => return Some(response.into_body().collect().await.unwrap().to_bytes().to_vec()),
                StatusCode::FOUND => response.headers()["location"].to_str().unwrap().to_owned(),
                _ => return None,
            }
        }
        None => address,
    };
    let response = reqwest::get(address.parse::<reqwest::Url>().ok()?).await.unwrap();
    if response.status().is_success() { Some(response.bytes().await.unwrap().to_vec()) } else { None }
}

/// How many uploads wait.
fn spooled(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is so in the end");
}

mod in_memory {
    use super::*;

    jobapp_contracts::media!(memory());
}

mod in_a_folder {
    use super::*;

    jobapp_contracts::media!(folder());
}
