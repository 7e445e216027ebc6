//! Weak tags for answers, so that who has one already is not sent it again (RFC 9110 §8.8.3, §13.1.2).

use std::hash::{DefaultHasher, Hasher};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use jobapp_http::ApiError;
use tower::{Layer, Service};

/// The largest answer that is tagged, in bytes: larger ones are streamed.
const MOST: u64 = 1024 * 1024;

/// Tags good answers to reads, and answers 304 to who has the tag.
#[derive(Debug, Clone)]
pub(crate) struct TagLayer;

impl<S> Layer<S> for TagLayer {
    type Service = Tagging<S>;

    fn layer(&self, inner: S) -> Tagging<S> {
        Tagging(inner)
    }
}

/// A service whose answers are tagged.
#[derive(Debug, Clone)]
pub(crate) struct Tagging<S>(S);

impl<S> Service<Request> for Tagging<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let read = matches!(*request.method(), Method::GET | Method::HEAD);
        // Rarely there, and rarely more than one line.
        let known: Vec<HeaderValue> =
            if read { request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect() } else { Vec::new() };
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = answer.await?;
            Ok(if read && response.status() == StatusCode::OK { tagged(known, response).await } else { response })
        })
    }
}

/// The tag of a body.
pub(crate) fn tag_of(body: &[u8]) -> Option<HeaderValue> {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    let (mut length, mut hash) = (itoa::Buffer::new(), itoa::Buffer::new());
    let tag = ["W/\"", length.format(body.len()), "-", hash.format(hasher.finish()), "\""].concat();
    HeaderValue::try_from(tag).ok()
}

async fn tagged(known: Vec<HeaderValue>, response: Response) -> Response {
    if let Some(tag) = response.headers().get(ETAG) {
        // Whoever made the answer has tagged it.
        return if same(&known, tag) { not_modified(response.into_parts().0) } else { response };
    }
    if response.body().size_hint().exact().is_none_or(|size| size > MOST) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            tracing::warn!(%error, "an answer broke off");
            return ApiError::new(StatusCode::BAD_GATEWAY, "The answer broke off.").into_response();
        }
    };
    if let Some(tag) = tag_of(&bytes) {
        let same = same(&known, &tag);
        head.headers.insert(ETAG, tag);
        if same {
            return not_modified(head);
        }
    }
    Response::from_parts(head, Body::from(bytes))
}

fn not_modified(mut head: http::response::Parts) -> Response {
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(CONTENT_TYPE);
    Response::from_parts(head, Body::empty())
}

/// Whether the client has what this tag stands for. Tags of answers are compared weakly.
fn same(known: &[HeaderValue], tag: &HeaderValue) -> bool {
    let tag = weakly(tag.as_bytes());
    known.iter().any(|line| {
        let line = line.as_bytes().trim_ascii();
        line == b"*" || Tags(line).any(|one| weakly(one) == tag)
    })
}

/// The tags of a list. Each is looked at as bytes, and a comma within one does not end it (RFC 9110 §8.8.3).
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let ends = |byte: &u8| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        };
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        self.0 = rest.get(end + 1..).unwrap_or_default();
        Some(rest[..end].trim_ascii_end())
    }
}

/// A tag without its weakness mark.
fn weakly(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::request;
    use super::*;

    async fn answered(method: &str, known: Option<&str>, own: Option<&'static str>) -> Response {
        let headers: Vec<(&str, &str)> = known.map(|tag| ("if-none-match", tag)).into_iter().collect();
        let inner = tower::service_fn(move |_| async move {
            let mut response = Response::new(Body::from("hello"));
            if let Some(own) = own {
                response.headers_mut().insert(ETAG, HeaderValue::from_static(own));
            }
            Ok::<_, std::convert::Infallible>(response)
        });
        tower::ServiceExt::oneshot(TagLayer.layer(inner), request(method, "/", &headers)).await.unwrap()
    }

    #[tokio::test]
    async fn reads_are_tagged_and_who_has_the_tag_gets_304() {
        let tag = answered("GET", None, None).await.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\"5-"), "{tag}");
        let strong = tag.strip_prefix("W/").unwrap();
        for known in [tag.as_str(), strong, "*", &format!("\"x\", {tag}")] {
            let again = answered("GET", Some(known), None).await;
            assert_eq!((again.status(), again.headers()[ETAG].to_str().unwrap()), (StatusCode::NOT_MODIFIED, &*tag));
            assert_eq!(again.body().size_hint().exact(), Some(0));
        }
        assert_eq!(answered("GET", Some("W/\"5-0\""), None).await.status(), StatusCode::OK);
    }

    #[test]
    fn a_list_of_tags_is_read_tag_by_tag() {
        let lines =
            |lines: &[&[u8]]| lines.iter().map(|line| HeaderValue::from_bytes(line).unwrap()).collect::<Vec<_>>();
        let tag = HeaderValue::from_static("W/\"5-1\"");
        for known in [
            &[&b"\"caf\xe9\", W/\"5-1\""[..]][..],
            &[b"\"a,b\" ,\"5-1\",\"c\""],
            &[b"\"a\"", b"W/\"5-1\""],
            &[b",, \"5-1\" ,"],
            &[b" * "],
        ] {
            assert!(same(&lines(known), &tag), "{known:?}");
        }
        for known in [&[&b""[..]][..], &[b"5-1"], &[b"\"x, W/\"5-1\"\""], &[b"\"5-1"], &[b"\"*\""], &[]] {
            assert!(!same(&lines(known), &tag), "{known:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_keeps_its_own_tag() {
        assert_eq!(answered("GET", Some("W/\"own\""), Some("\"own\"")).await.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answered("GET", None, Some("\"own\"")).await.headers()[ETAG], "\"own\"");
    }

    #[tokio::test]
    async fn writes_are_not_tagged() {
        assert!(!answered("POST", Some("*"), None).await.headers().contains_key(ETAG));
    }
}
