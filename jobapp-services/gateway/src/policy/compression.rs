//! Compression of answers for clients that take it.

use axum::body::Body;
use axum::response::Response;
use tower::Layer;
use tower::util::MapResponse;
use tower_http::CompressionLevel;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{Compression, CompressionBody, CompressionLayer};

/// Answers below this size in bytes are sent as they are.
const WORTH: u64 = 1024;

type Worth = And<And<SizeAbove, NotForContentType>, NotForContentType>;
type Whole = fn(Response<CompressionBody<Body>>) -> Response;

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

impl<S> Layer<S> for Compressing {
    type Service = MapResponse<Compression<S, Worth>, Whole>;

    fn layer(&self, inner: S) -> Self::Service {
        MapResponse::new(self.0.layer(inner), |response| response.map(Body::new))
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use http::HeaderValue;
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
