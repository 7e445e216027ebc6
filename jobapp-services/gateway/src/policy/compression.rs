//! Compression of answers for clients that take it.

use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures::TryFutureExt;
use futures::future::{Either, MapOk};
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, VARY};
use tower::{Layer, Service};
use tower_http::CompressionLevel;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{Compression, CompressionBody, CompressionLayer};

/// Answers below this size in bytes are sent as they are.
const WORTH: u64 = 1024;

type Worth = And<And<SizeAbove, NotForContentType>, NotForContentType>;

fn worth() -> Worth {
    SizeAbove::new(WORTH).and(NotForContentType::IMAGES).and(NotForContentType::GRPC)
}

/// Compresses what is worth it.
#[derive(Debug, Clone)]
pub(crate) struct Compressing(CompressionLayer<Worth>);

impl Compressing {
    /// At the fastest level: for answers of a few KiB the others take longer and gain little.
    pub(crate) fn new() -> Self {
        Self(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth()))
    }
}

impl<S: Clone> Layer<S> for Compressing {
    type Service = Compressed<S>;

    fn layer(&self, inner: S) -> Compressed<S> {
        Compressed { plain: inner.clone(), compressed: self.0.layer(inner) }
    }
}

/// A service whose answers are compressed for who asks for it. For others hardly anything is done.
#[derive(Clone)]
pub(crate) struct Compressed<S> {
    plain: S,
    compressed: Compression<S, Worth>,
}

type Whole = fn(Response<CompressionBody<Body>>) -> Response;
type Marked = fn(Response) -> Response;

/// What others would be sent compressed says so, for caches on the way (RFC 9110 §12.5.5).
fn marked(mut response: Response) -> Response {
    if worth().should_compress(&response) {
        response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

impl<S> Service<Request> for Compressed<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<MapOk<S::Future, Marked>, MapOk<<Compression<S, Worth> as Service<Request>>::Future, Whole>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.plain.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.headers().contains_key(ACCEPT_ENCODING) {
            let whole: Whole = |response| response.map(Body::new);
            Either::Right(self.compressed.call(request).map_ok(whole))
        } else {
            Either::Left(self.plain.call(request).map_ok(marked as Marked))
        }
    }
}

#[cfg(test)]
mod tests {
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
    async fn small_answers_are_left_alone() {
        for headers in [&[][..], &[("accept-encoding", "gzip")]] {
            assert_eq!(answered(100, headers).await, (None, Vec::new()));
        }
    }
}
