//! Serving the folder.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as Segments, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::conditions::{Verdict, Version};
use crate::links::MediaLinks;
use crate::range::{Wanted, wanted};
use crate::{names, types};

/// Bytes that are read from disk at a time.
const CHUNK: usize = 64 * 1024;

/// What every answer carries. Whatever a file holds, a browser neither guesses its type nor runs it. Clients on other
/// origins may read it: it has no cookie and nobody knows its address who was not told.
pub(crate) const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// What other origins' scripts may read of an answer.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("accept-ranges, content-disposition, content-length, content-range, etag, last-modified");

/// What is served, and who may read it.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) root: PathBuf,
    pub(crate) links: MediaLinks,
}

/// `/media/<picture>` for everybody, `/media/<link>/<file>` and `/media/<link>/<saved as>/<file>` for who was given a link.
pub(crate) fn router(shelf: Shelf) -> Router {
    Router::new()
        .route("/media/{picture}", get(picture).options(preflight))
        .route("/media/{link}/{file}", get(unnamed).options(preflight))
        .route("/media/{link}/{name}/{file}", get(named).options(preflight))
        .method_not_allowed_fallback(not_allowed)
        .with_state(shelf)
}

/// Answers a browser that asks before it sends a `Range` header from another origin.
pub(crate) async fn preflight() -> Response {
    let mut headers = HeaderMap::from_iter(ALWAYS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    let conditions = "range, if-range, if-match, if-none-match, if-modified-since, if-unmodified-since";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(conditions));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn picture(State(shelf): State<Shelf>, Segments(name): Segments<String>, request: Request) -> Response {
    // Only pictures were ever for everybody. What else lies here under a public name was put here by an earlier version.
    let extension = names::extension_of_public(&name).filter(|extension| types::served(extension).inline);
    let Some(extension) = extension else { return not_found() };
    let stored = Stored {
        path: shelf.root.join(&name),
        extension,
        tag: &name,
        shown: "",
        // A name is given once, so what is behind it never changes.
        keeping: "public, max-age=31536000, immutable",
    };
    stored.answer(&request.into_parts().0).await
}

async fn unnamed(
    shelf: State<Shelf>,
    Segments((link, file)): Segments<(String, String)>,
    request: Request,
) -> Response {
    private(shelf, &link, "", &file, &request.into_parts().0).await
}

async fn named(
    shelf: State<Shelf>,
    Segments((link, shown, file)): Segments<(String, String, String)>,
    request: Request,
) -> Response {
    private(shelf, &link, &shown, &file, &request.into_parts().0).await
}

async fn private(State(shelf): State<Shelf>, link: &str, shown: &str, file: &str, asked: &Parts) -> Response {
    let Some(extension) = names::extension_of_private(file) else { return not_found() };
    if !shelf.links.is_good(link, file, shown) {
        return bad_link();
    }
    let stored = Stored { path: shelf.root.join(file), extension, tag: file, shown, keeping: "private, no-store" };
    stored.answer(asked).await
}

/// A file that a request may read.
struct Stored<'a> {
    path: PathBuf,
    extension: &'a str,
    /// What tells it from every other.
    tag: &'a str,
    /// What it is saved as; may be empty.
    shown: &'a str,
    /// Whether and how long caches may keep it.
    keeping: &'static str,
}

impl Stored<'_> {
    async fn answer(self, asked: &Parts) -> Response {
        let (file, length, version) = match opened(&self.path, self.tag).await {
            Ok(Some(opened)) => opened,
            Ok(None) => return not_found(),
            Err(error) => return unreadable(&error),
        };
        match version.judge(&asked.headers) {
            Verdict::Failed => {
                return refusal(StatusCode::PRECONDITION_FAILED, "The file is not the one that was asked for.");
            }
            Verdict::NotModified => return (StatusCode::NOT_MODIFIED, self.headers(&version)).into_response(),
            Verdict::Answer => {}
        }
        // Only GET has parts: HEAD tells what all of it is like.
        let is_partial = asked.method == Method::GET && version.fits(&asked.headers);
        let wanted = if is_partial { wanted(&asked.headers, length) } else { Wanted::Whole };
        let mut headers = self.headers(&version);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(types::served(self.extension).content_type));
        let (status, first, count) = match wanted {
            Wanted::Whole => (StatusCode::OK, 0, length),
            Wanted::Part(part) => {
                let range = format!("bytes {}-{}/{length}", part.start(), part.end());
                insert(&mut headers, header::CONTENT_RANGE, &range);
                (StatusCode::PARTIAL_CONTENT, *part.start(), part.end() - part.start() + 1)
            }
            Wanted::Nothing => {
                let mut response = refusal(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "The file does not have the part of it that was asked for.",
                );
                insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
                return response;
            }
        };
        headers.insert(header::CONTENT_LENGTH, count.into());
        match content(file, first, count, &asked.method).await {
            Ok(body) => (status, headers, body).into_response(),
            Err(error) => unreadable(&error),
        }
    }

    fn headers(&self, version: &Version) -> HeaderMap {
        let mut headers = HeaderMap::from_iter(ALWAYS);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.keeping));
        insert(&mut headers, header::ETAG, &format!("\"{}\"", version.tag));
        insert(&mut headers, header::LAST_MODIFIED, &httpdate::fmt_http_date(version.written));
        let inline = types::served(self.extension).inline;
        insert(&mut headers, header::CONTENT_DISPOSITION, &names::disposition(inline, self.shown));
        headers
    }
}

/// Sets a header to a text of visible letters.
fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    match HeaderValue::from_str(text) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(error) => tracing::error!(%name, %error, "a header was left out"),
    }
}

/// The file, its length and its version; `None` where there is none.
async fn opened(path: &Path, tag: &str) -> io::Result<Option<(File, u64, Version)>> {
    let file = match File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let version = Version { tag: tag.to_owned(), written: whole_seconds(metadata.modified()?) };
    Ok(Some((file, metadata.len(), version)))
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

/// `count` bytes from the byte `first` on, read as they are sent.
async fn content(mut file: File, first: u64, count: u64, method: &Method) -> io::Result<Body> {
    if method == Method::HEAD {
        return Ok(Body::empty());
    }
    file.seek(SeekFrom::Start(first)).await?;
    Ok(Body::from_stream(ReaderStream::with_capacity(file.take(count), CHUNK)))
}

pub(crate) async fn not_allowed() -> Response {
    refusal(StatusCode::METHOD_NOT_ALLOWED, "Files can only be read.")
}

pub(crate) fn bad_link() -> Response {
    refusal(
        StatusCode::FORBIDDEN,
        "This link is not good, or not any more. Open the conversation or the order again: it has a new one.",
    )
}

pub(crate) fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "There is no such file.")
}

pub(crate) fn unreadable(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error = jobapp_kernel::error_text(error), "a stored file could not be read");
    refusal(StatusCode::SERVICE_UNAVAILABLE, "The file cannot be read at the moment. Please try again later.")
}

/// An answer without a file, as every error of the marketplace is.
fn refusal(status: StatusCode, message: &str) -> Response {
    let body = json!({ "message": message, "statusCode": status.as_u16(), "status": "error", "comingFrom": "" });
    let mut response = (status, axum::Json(body)).into_response();
    response.headers_mut().extend(ALWAYS);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;
    use jobapp_kernel::FixedClock;
    use tower::ServiceExt as _;

    use super::*;
    use crate::links::tests::{clock, links};

    const PICTURE: &str = "0123456789abcdef0123456789abcdef.png";
    const ARCHIVE: &str = "private-0123456789abcdef0123456789abcdef.zip";
    const PAGE: &str = "private-0123456789abcdef0123456789abcdef.html";
    const PORTRAIT: &str = "private-0123456789abcdef0123456789abcdef.png";

    /// A folder that is served, and its clock.
    struct Served {
        folder: tempfile::TempDir,
        links: MediaLinks,
        clock: Arc<FixedClock>,
    }

    impl Served {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let content: Vec<u8> = (0..1024_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
            for name in [PICTURE, ARCHIVE, PAGE, PORTRAIT] {
                std::fs::write(folder.path().join(name), &content).unwrap();
            }
            std::fs::write(folder.path().join("secret.txt"), b"secret").unwrap();
            std::fs::write(folder.path().join("0123456789abcdef0123456789abcdef.zip"), b"of an earlier version")
                .unwrap();
            let clock = clock();
            Self { folder, links: links("secret", &[], &clock), clock }
        }

        async fn ask(&self, request: http::request::Builder) -> Response {
            let shelf = Shelf { root: self.folder.path().to_owned(), links: self.links.clone() };
            router(shelf).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
        }

        async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
            let request =
                headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
            self.ask(request).await
        }

        fn signed(&self, file: &str, shown: &str) -> String {
            names::signed_path(&self.links.sign(file, shown), shown, file)
        }
    }

    fn picture() -> String {
        format!("/media/{PICTURE}")
    }

    async fn body(response: Response) -> Vec<u8> {
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    /// Status, `Content-Range` and the number of bytes that arrive and were announced.
    async fn part(response: Response) -> (u16, Option<String>, usize) {
        let status = response.status().as_u16();
        let range = response.headers().get("content-range").map(|range| range.to_str().unwrap().to_owned());
        let announced =
            response.headers().get("content-length").map(|length| length.to_str().unwrap().parse().unwrap());
        let length = body(response).await.len();
        assert!(announced.is_none_or(|announced: usize| announced == length));
        (status, range, length)
    }

    #[tokio::test]
    async fn a_picture_is_shown_inline_and_kept_for_ever() {
        let response = Served::new().get(&picture(), &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        for (name, value) in [
            ("content-type", "image/png"),
            ("content-disposition", "inline"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("access-control-allow-origin", "*"),
            ("content-length", "1024"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(response.headers()[name], value, "{name}");
        }
        assert!(!response.headers()["etag"].to_str().unwrap().starts_with("W/"));
        assert!(response.headers().contains_key("last-modified"));
        assert_eq!(body(response).await.len(), 1024);
    }

    #[tokio::test]
    async fn a_private_file_is_read_with_its_link_and_kept_by_nobody() {
        let served = Served::new();
        let response = served.get(&served.signed(ARCHIVE, "naïve work.zip"), &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        for (name, value) in [
            ("content-type", "application/zip"),
            ("cache-control", "private, no-store"),
            ("x-content-type-options", "nosniff"),
            ("access-control-allow-origin", "*"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("referrer-policy", "no-referrer"),
            ("content-disposition", "attachment; filename=\"na_ve work.zip\"; filename*=UTF-8''na%C3%AFve%20work.zip"),
        ] {
            assert_eq!(response.headers()[name], value, "{name}");
        }
        assert_eq!(body(response).await.len(), 1024);
        let unnamed = served.get(&served.signed(ARCHIVE, ""), &[]).await;
        assert_eq!(unnamed.headers()["content-disposition"], "attachment");
    }

    #[tokio::test]
    async fn without_a_good_link_a_private_file_is_not_there() {
        let served = Served::new();
        let good = served.signed(ARCHIVE, "work.zip");
        let link = good.split('/').nth(2).unwrap();
        let other = links("other", &[], &served.clock).sign(ARCHIVE, "");
        let archive = ARCHIVE.trim_start_matches("private-");
        for (path, status) in [
            (format!("/media/{ARCHIVE}"), StatusCode::NOT_FOUND),
            (format!("/media/{archive}"), StatusCode::NOT_FOUND),
            (format!("/media/{link}/{archive}"), StatusCode::NOT_FOUND),
            (format!("/media/{link}/{ARCHIVE}"), StatusCode::FORBIDDEN),
            (format!("/media/{link}/work.exe/{ARCHIVE}"), StatusCode::FORBIDDEN),
            (format!("/media/{link}/work.zip/{PAGE}"), StatusCode::FORBIDDEN),
            (format!("/media/{link}0/work.zip/{ARCHIVE}"), StatusCode::FORBIDDEN),
            (format!("/media/9{link}/work.zip/{ARCHIVE}"), StatusCode::FORBIDDEN),
            (format!("/media/x/{ARCHIVE}"), StatusCode::FORBIDDEN),
            (format!("/media/{other}/{ARCHIVE}"), StatusCode::FORBIDDEN),
        ] {
            let response = served.get(&path, &[]).await;
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()["cache-control"], "no-store");
            let answer: serde_json::Value = serde_json::from_slice(&body(response).await).unwrap();
            assert_eq!((&answer["statusCode"], &answer["status"]), (&json!(status.as_u16()), &json!("error")));
        }
        assert_eq!(served.get(&good, &[]).await.status(), StatusCode::OK);
        served.clock.advance(Duration::from_secs(14 * 3600));
        assert_eq!(served.get(&good, &[]).await.status(), StatusCode::FORBIDDEN, "its time is over");
        assert_eq!(served.get(&served.signed(ARCHIVE, "work.zip"), &[]).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn html_is_a_download_of_unknown_bytes_and_a_private_picture_is_shown() {
        let served = Served::new();
        let page = served.get(&served.signed(PAGE, "a.html"), &[]).await;
        assert_eq!(page.headers()["content-type"], "application/octet-stream");
        assert!(page.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(page.headers()["content-security-policy"], "default-src 'none'; sandbox");
        let portrait = served.get(&served.signed(PORTRAIT, ""), &[]).await;
        assert_eq!(
            (&portrait.headers()["content-type"], &portrait.headers()["content-disposition"]),
            (&HeaderValue::from_static("image/png"), &HeaderValue::from_static("inline"))
        );
    }

    #[tokio::test]
    async fn a_part_of_a_file_can_be_asked_for() {
        let served = Served::new();
        for path in [picture(), served.signed(ARCHIVE, "work.zip")] {
            for (range, expected) in [
                ("bytes=2-4", (206, Some("bytes 2-4/1024"), 3)),
                ("Bytes=1000-", (206, Some("bytes 1000-1023/1024"), 24)),
                ("bytes=-5000", (206, Some("bytes 0-1023/1024"), 1024)),
                ("bytes=0-1,5-6", (200, None, 1024)),
                ("items=0-1", (200, None, 1024)),
                ("bytes=4-2", (200, None, 1024)),
            ] {
                let (status, content_range, length) = part(served.get(&path, &[("range", range)]).await).await;
                assert_eq!((status, content_range.as_deref(), length), expected, "{range}");
            }
            let some = served.get(&path, &[("range", "bytes=2-4")]).await;
            assert_eq!(some.headers()["content-type"], served.get(&path, &[]).await.headers()["content-type"]);
            assert_eq!(body(some).await, [2, 3, 4]);
            let beyond = served.get(&path, &[("range", "bytes=5000-")]).await;
            assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
            assert_eq!(beyond.headers()["content-range"], "bytes */1024");
        }
    }

    #[tokio::test]
    async fn a_part_is_sent_only_if_it_fits_to_what_the_client_has() {
        let served = Served::new();
        let first = served.get(&picture(), &[]).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let date = first.headers()["last-modified"].to_str().unwrap().to_owned();
        for (condition, status) in [
            (tag.as_str(), 206),
            (&date, 206),
            ("\"other\"", 200),
            (&format!("W/{tag}"), 200),
            ("Tue, 24 Nov 2020 09:00:00 GMT", 200),
            ("nonsense", 200),
        ] {
            let response = served.get(&picture(), &[("range", "bytes=2-4"), ("if-range", condition)]).await;
            assert_eq!(response.status().as_u16(), status, "{condition}");
        }
        let beyond = served.get(&picture(), &[("range", "bytes=5000-"), ("if-range", "\"other\"")]).await;
        assert_eq!(beyond.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_copy_that_is_still_right_is_not_sent_again() {
        let served = Served::new();
        let first = served.get(&picture(), &[]).await;
        let date = first.headers()["last-modified"].to_str().unwrap();
        let tag = first.headers()["etag"].to_str().unwrap();
        for condition in [("if-none-match", tag), ("if-none-match", "*"), ("if-modified-since", date)] {
            let again = served.get(&picture(), &[condition]).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{condition:?}");
            assert_eq!(
                (&again.headers()["etag"], again.headers().contains_key("cache-control")),
                (&first.headers()["etag"], true)
            );
            assert!(body(again).await.is_empty());
        }
        for (condition, status) in [
            (("if-match", tag), StatusCode::OK),
            (("if-match", "\"other\""), StatusCode::PRECONDITION_FAILED),
            (("if-unmodified-since", date), StatusCode::OK),
            (("if-unmodified-since", "Tue, 24 Nov 2020 09:00:00 GMT"), StatusCode::PRECONDITION_FAILED),
            (("if-none-match", "\"other\""), StatusCode::OK),
        ] {
            assert_eq!(served.get(&picture(), &[condition]).await.status(), status, "{condition:?}");
        }
        let part = served.get(&picture(), &[("if-none-match", tag), ("range", "bytes=0-1")]).await;
        assert_eq!(part.status(), StatusCode::NOT_MODIFIED, "conditions come before parts");
        let missing = served.get("/media/ffffffffffffffffffffffffffffffff.png", &[("if-match", "\"a\"")]).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn head_tells_the_size_of_the_whole_file_without_its_content() {
        let served = Served::new();
        for path in [picture(), served.signed(ARCHIVE, "work.zip")] {
            let response = served.ask(Request::head(&path).header("range", "bytes=0-1")).await;
            assert_eq!(
                (response.status(), &response.headers()["content-length"]),
                (StatusCode::OK, &HeaderValue::from_static("1024"))
            );
            assert!(body(response).await.is_empty());
        }
    }

    #[tokio::test]
    async fn nothing_but_our_names_is_looked_for() {
        let served = Served::new();
        for path in [
            "/media/secret.txt",
            "/media/..%2fsecret.txt",
            "/media/%2e%2e%2f0123456789abcdef0123456789abcdef.txt",
            "/media/0123456789abcdef0123456789abcdef",
            "/media/0123456789ABCDEF0123456789ABCDEF.png",
            "/media/0123456789abcdef0123456789abcde0.png",
            "/media/0123456789abcdef0123456789abcdef.png%00",
            "/media/0123456789abcdef0123456789abcdef.p%2fg",
            "/media/",
            "/media/x/secret.txt",
            "/media/x/y/..%2fsecret.txt",
        ] {
            assert_eq!(served.get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn other_methods_are_refused_in_words() {
        let served = Served::new();
        for path in [picture(), served.signed(ARCHIVE, "work.zip")] {
            let response = served.ask(Request::delete(path)).await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert!(response.headers()["allow"].to_str().unwrap().contains("GET"));
            assert!(String::from_utf8(body(response).await).unwrap().contains("Files can only be read."));
        }
    }
}
