//! Compression of answers for clients that take it.

use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures::TryFutureExt;
use futures::future::{Either, MapOk};
use http::header::ACCEPT_ENCODING;
use tower::{Layer, Service};
use tower_http::CompressionLevel;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{Compression, CompressionBody, CompressionLayer};

/// Answers below this size in bytes are sent as they are.
const WORTH: u64 = 1024;

type Worth = And<And<SizeAbove, NotForContentType>, NotForContentType>;

/// Compresses what is worth it.
#[derive(Debug, Clone)]
pub(crate) struct Compressing(CompressionLayer<Worth>);

impl Compressing {
    /// At the fastest level: for answers of a few KiB the others take longer and gain little.
    pub(crate) fn new() -> Self {
        let worth = SizeAbove::new(WORTH).and(NotForContentType::IMAGES).and(NotForContentType::GRPC);
        Self(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth))
    }
}

impl<S: Clone> Layer<S> for Compressing {
    type Service = Compressed<S>;

    fn layer(&self, inner: S) -> Compressed<S> {
        Compressed { plain: inner.clone(), compressed: self.0.layer(inner) }
    }
}

/// A service whose answers are compressed for who asks for it. For others there is nothing to do, and nothing is done.
#[derive(Clone)]
pub(crate) struct Compressed<S> {
    plain: S,
    compressed: Compression<S, Worth>,
}

type Whole = fn(Response<CompressionBody<Body>>) -> Response;

impl<S> Service<Request> for Compressed<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, MapOk<<Compression<S, Worth> as Service<Request>>::Future, Whole>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.plain.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.headers().contains_key(ACCEPT_ENCODING) {
            let whole: Whole = |response| response.map(Body::new);
            Either::Right(self.compressed.call(request).map_ok(whole))
        } else {
            Either::Left(self.plain.call(request))
        }
    }
}
