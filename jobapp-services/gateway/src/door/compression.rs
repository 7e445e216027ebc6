//! Compression of answers for clients that take it.

use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures::TryFutureExt;
use futures::future::MapOk;
use http::header::{ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method};
use http_body::Body as _;
use jobapp_http::lists;
use tower::{Layer, Service};
use tower_http::CompressionLevel;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{Compression, CompressionBody, CompressionLayer};

/// Answers below this size in bytes are sent as they are.
const WORTH: u64 = 1024;

type Worth = And<And<And<SizeAbove, NotForContentType>, NotForContentType>, NotInParts>;
type Finish = fn(Response<CompressionBody<Body>>) -> Response;

/// Compresses what is worth it, and leaves out the bodies nobody asked for: `HEAD` is answered as `GET` is, but for the body.
#[derive(Debug, Clone)]
pub(crate) struct Compressing(CompressionLayer<Worth>);

impl Compressing {
    /// At the fastest level: for answers of a few KiB the others take longer and gain little.
    pub(crate) fn new() -> Self {
        let worth = SizeAbove::new(WORTH).and(NotForContentType::IMAGES).and(NotForContentType::GRPC).and(NotInParts);
        Self(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth))
    }
}

impl<S> Layer<S> for Compressing {
    type Service = Compressed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Compressed(self.0.layer(inner))
    }
}

/// A service whose answers are compressed.
#[derive(Clone)]
pub(crate) struct Compressed<S>(Compression<S, Worth>);

impl<S: Service<Request, Response = Response>> Service<Request> for Compressed<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = MapOk<<Compression<S, Worth> as Service<Request>>::Future, Finish>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let finish: Finish = if *request.method() == Method::HEAD { without_body } else { whole };
        settle(request.headers_mut());
        self.0.call(request).map_ok(finish)
    }
}

fn whole(response: Response<CompressionBody<Body>>) -> Response {
    response.map(Body::new)
}

fn without_body(mut response: Response<CompressionBody<Body>>) -> Response {
    if let Some(size) = response.body().size_hint().exact()
        && !response.headers().contains_key(CONTENT_LENGTH)
    {
        response.headers_mut().insert(CONTENT_LENGTH, size.into());
    }
    response.map(|_| Body::empty())
}

/// Leaves out of `Accept-Encoding` what would let the whole answer go out as 406: that nothing may be sent as it is. A client
/// that takes nothing of what there is gets that all the same, as RFC 9110 §12.5.3 allows: it is of more use than none. So do
/// members that cannot be read go, for the sake of their neighbours.
fn settle(headers: &mut HeaderMap) {
    let is_odd = |member: &[u8]| {
        let (name, refused) = lists::weighed(member);
        !member.is_ascii() || refused && (name == b"*" || name.eq_ignore_ascii_case(b"identity"))
    };
    if !lists::members(headers, &ACCEPT_ENCODING).any(is_odd) {
        return;
    }
    let rest: Vec<&[u8]> = lists::members(headers, &ACCEPT_ENCODING).filter(|member| !is_odd(member)).collect();
    match HeaderValue::from_bytes(&rest.join(&b", "[..])) {
        Ok(rest) => headers.insert(ACCEPT_ENCODING, rest),
        Err(_) => headers.remove(ACCEPT_ENCODING),
    };
}

/// What can be asked for in parts is sent as it is: the parts and the length are those of the file, and so is its tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotInParts;

impl Predicate for NotInParts {
    fn should_compress<B: http_body::Body>(&self, response: &Response<B>) -> bool {
        !response.headers().contains_key(ACCEPT_RANGES)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::VARY;

    use super::super::rule::testing::request;
    use super::*;

    async fn answered(size: usize, headers: &[(&str, &str)]) -> (Option<String>, Vec<String>) {
        let inner = tower::service_fn(move |_: Request| async move {
            Ok::<_, std::convert::Infallible>(Response::new(Body::from("a".repeat(size))))
        });
        let service = Compressing::new().layer(inner);
        let response = tower::ServiceExt::oneshot(service, request("GET", "/", headers)).await.unwrap();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_ascii_lowercase();
        let encoding = response.headers().get("content-encoding").map(text);
        (encoding, response.headers().get_all(VARY).iter().map(text).collect())
    }

    #[tokio::test]
    async fn large_answers_are_compressed_for_who_asks_and_say_so_to_all() {
        let varies = vec!["accept-encoding".to_owned()];
        assert_eq!(answered(5000, &[("accept-encoding", "gzip")]).await, (Some("gzip".to_owned()), varies.clone()));
        assert_eq!(answered(5000, &[]).await, (None, varies));
    }

    #[tokio::test]
    async fn who_takes_nothing_there_is_gets_the_answer_as_it_is() {
        for (size, accepted) in [
            (5000, &b"identity;q=0"[..]),
            (5000, b"*;q=0"),
            (5000, b"Identity; q=0.0, *;q=0, gzip;q=0"),
            (100, b"gzip, identity;q=0"),
            (5000, b"caf\xe9"),
        ] {
            let (status, encoding) = given(size, accepted).await;
            assert_eq!((status, encoding.as_deref()), (StatusCode::OK, None), "{accepted:?}");
        }
        for accepted in [&b"gzip, identity;q=0"[..], b"*;q=0, gzip", b"caf\xe9, gzip", b"identity;q=0, gzip;q=0.5"] {
            let (status, encoding) = given(5000, accepted).await;
            assert_eq!((status, encoding.as_deref()), (StatusCode::OK, Some("gzip")), "{accepted:?}");
        }
    }

    async fn given(size: usize, accepted: &[u8]) -> (StatusCode, Option<String>) {
        let inner = tower::service_fn(move |_: Request| async move {
            Ok::<_, std::convert::Infallible>(Response::new(Body::from("a".repeat(size))))
        });
        let mut request = request("GET", "/", &[]);
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_bytes(accepted).unwrap());
        let response = tower::ServiceExt::oneshot(Compressing::new().layer(inner), request).await.unwrap();
        let encoding = response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        (response.status(), encoding)
    }

    #[tokio::test]
    async fn head_is_answered_as_get_is_without_the_body() {
        for (size, encoded) in [(100, false), (5000, true)] {
            let inner = tower::service_fn(move |_: Request| async move {
                Ok::<_, std::convert::Infallible>(Response::new(Body::from("a".repeat(size))))
            });
            let request = request("HEAD", "/", &[("accept-encoding", "gzip")]);
            let response = tower::ServiceExt::oneshot(Compressing::new().layer(inner), request).await.unwrap();
            assert_eq!(response.body().size_hint().exact(), Some(0));
            assert_eq!(response.headers().contains_key("content-encoding"), encoded);
            let length = response.headers().get(CONTENT_LENGTH).map(|value| value.to_str().unwrap());
            assert_eq!(length, (!encoded).then_some("100"));
        }
    }

    #[tokio::test]
    async fn files_that_come_in_parts_are_sent_as_they_are() {
        let inner = tower::service_fn(|_: Request| async {
            let mut response = Response::new(Body::from("a".repeat(5000)));
            response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            Ok::<_, std::convert::Infallible>(response)
        });
        let service = Compressing::new().layer(inner);
        let asked = request("GET", "/", &[("accept-encoding", "gzip")]);
        let response = tower::ServiceExt::oneshot(service, asked).await.unwrap();
        assert!(!response.headers().contains_key("content-encoding"));
        assert_eq!(response.headers()[ACCEPT_RANGES], "bytes");
    }

    #[tokio::test]
    async fn small_answers_are_left_alone() {
        for headers in [&[][..], &[("accept-encoding", "gzip")]] {
            assert_eq!(answered(100, headers).await, (None, Vec::new()));
        }
    }

    #[tokio::test]
    async fn an_answer_that_says_itself_that_it_varies_says_so_once() {
        let inner = tower::service_fn(|_: Request| async {
            let mut response = Response::new(Body::from("a".repeat(5000)));
            response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
            Ok::<_, std::convert::Infallible>(response)
        });
        let service = Compressing::new().layer(inner);
        let response = tower::ServiceExt::oneshot(service, request("GET", "/", &[])).await.unwrap();
        assert_eq!(response.headers().get_all(VARY).iter().count(), 1);
    }
}
