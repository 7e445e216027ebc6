//! Serving the folder.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use crate::types;

/// What every answer carries. Whatever a file holds, a browser neither guesses its type nor runs it. Clients on other
/// origins may read it: it has no cookie and nobody knows its name who was not told.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

pub(crate) fn router(root: PathBuf) -> Router {
    Router::new().route("/media/{name}", get(media).options(preflight)).with_state(Arc::new(root))
}

/// Answers a browser that asks before it sends a `Range` header from another origin.
async fn preflight() -> Response {
    let mut headers = HeaderMap::from_iter(ALWAYS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("range, if-none-match"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn media(State(root): State<Arc<PathBuf>>, Path(name): Path<String>, request: Request) -> Response {
    let mut response = match extension_of(&name) {
        Some(extension) => file(root.join(&name), extension, request).await,
        None => not_found(),
    };
    for (header, value) in ALWAYS {
        response.headers_mut().insert(header, value);
    }
    response
}

/// The ending of a name that we gave: 32 hexadecimal digits, a dot and the ending. Nothing else is ever looked for on disk.
fn extension_of(name: &str) -> Option<&str> {
    let (random, extension) = name.split_once('.')?;
    let is_random = random.len() == 32 && random.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_random && types::is_extension(extension)).then_some(extension)
}

async fn file(path: PathBuf, extension: &str, mut request: Request) -> Response {
    let served = types::served(extension);
    let content_type = served.content_type.parse().unwrap_or(mime::APPLICATION_OCTET_STREAM);
    if request.headers().contains_key(header::IF_RANGE) {
        // The file service does not compare it; the whole file is always a right answer.
        request.headers_mut().remove(header::RANGE);
    }
    let answer = ServeFile::new_with_mime(&path, &content_type).oneshot(request).await;
    let mut response = answer.map_or_else(|never| match never {}, |response| response.map(Body::new));
    match response.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => {}
        StatusCode::NOT_FOUND => return not_found(),
        _ => return response,
    }
    let disposition = if served.inline { "inline" } else { "attachment" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    // A name is given once, so what is behind it never changes.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("content-length, content-range, accept-ranges, etag"),
    );
    response
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "There is no such file.").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    const PICTURE: &str = "0123456789abcdef0123456789abcdef.png";
    const PAGE: &str = "0123456789abcdef0123456789abcdef.html";

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(PICTURE), b"0123456789").unwrap();
        std::fs::write(folder.path().join(PAGE), b"<script>alert(1)</script>").unwrap();
        std::fs::write(folder.path().join("secret.txt"), b"secret").unwrap();
        folder
    }

    async fn ask(folder: &tempfile::TempDir, request: http::request::Builder) -> Response {
        router(folder.path().to_owned()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn body(response: Response) -> Vec<u8> {
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_picture_is_shown_inline_and_kept_for_ever() {
        let response = ask(&folder(), Request::get(format!("/media/{PICTURE}"))).await;
        assert_eq!(response.status(), StatusCode::OK);
        for (name, value) in [
            ("content-type", "image/png"),
            ("content-disposition", "inline"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("access-control-allow-origin", "*"),
            ("content-length", "10"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(response.headers()[name], value, "{name}");
        }
        assert_eq!(body(response).await, b"0123456789");
    }

    #[tokio::test]
    async fn html_is_a_download_of_unknown_bytes() {
        let response = ask(&folder(), Request::get(format!("/media/{PAGE}"))).await;
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        assert_eq!(response.headers()["content-disposition"], "attachment");
        assert_eq!(response.headers()["content-security-policy"], "default-src 'none'; sandbox");
    }

    #[tokio::test]
    async fn a_part_of_a_file_can_be_asked_for() {
        let folder = folder();
        let path = format!("/media/{PICTURE}");
        let part = ask(&folder, Request::get(&path).header("range", "bytes=2-4")).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()["content-range"], "bytes 2-4/10");
        assert_eq!(body(part).await, b"234");
        let beyond = ask(&folder, Request::get(&path).header("range", "bytes=20-")).await;
        assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        let conditional = Request::get(&path).header("range", "bytes=2-4").header("if-range", "\"other\"");
        assert_eq!(body(ask(&folder, conditional).await).await, b"0123456789");
    }

    #[tokio::test]
    async fn a_copy_that_is_still_right_is_not_sent_again() {
        let folder = folder();
        let path = format!("/media/{PICTURE}");
        let first = ask(&folder, Request::get(&path)).await;
        let etag = first.headers()["etag"].clone();
        let again = ask(&folder, Request::get(&path).header("if-none-match", etag)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(body(again).await.is_empty());
    }

    #[tokio::test]
    async fn head_tells_the_size_without_the_content() {
        let response = ask(&folder(), Request::head(format!("/media/{PICTURE}"))).await;
        assert_eq!(response.headers()["content-length"], "10");
        assert!(body(response).await.is_empty());
    }

    #[tokio::test]
    async fn nothing_but_our_names_is_looked_for() {
        let folder = folder();
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
        ] {
            assert_eq!(ask(&folder, Request::get(path)).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn other_methods_are_refused() {
        let response = ask(&folder(), Request::delete(format!("/media/{PICTURE}"))).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
