//! Every request has an id: in the logs, in what goes on to the services, and on the answer.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderName, HeaderValue};

use super::rule::Rule;

/// The header it travels in.
pub(crate) const NAME: HeaderName = HeaderName::from_static(jobapp_http::REQUEST_ID);

/// What is logged within belongs to the request with this id.
pub(crate) fn span(id: Option<&HeaderValue>) -> tracing::Span {
    tracing::info_span!("request", request_id = id.and_then(|id| id.to_str().ok()))
}

/// Takes the id a request came with, if it is a sensible one, or gives it one.
#[derive(Debug)]
pub(crate) struct RequestIds {
    /// Differs from process to process.
    process: String,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let process = RandomState::new().hash_one(std::process::id());
        Self { process: format!("{process:016x}-"), next: AtomicU64::new(1) }
    }
}

impl RequestIds {
    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = [&self.process, itoa::Buffer::new().format(number)].concat();
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
    }
}

/// Whether an id from outside may stand in logs and headers: 8 to 128 letters, digits, `-`, `_`, `.`.
fn sensible(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (8..=128).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

impl Rule for RequestIds {
    type Memory = HeaderValue;

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, HeaderValue> {
        let known = request.headers().get(&NAME).filter(|id| sensible(id)).cloned();
        let id = known.unwrap_or_else(|| {
            let id = self.make();
            request.headers_mut().insert(NAME, id.clone());
            id
        });
        ControlFlow::Continue(id)
    }

    fn leave(&self, id: HeaderValue, response: &mut Response) {
        response.headers_mut().insert(NAME, id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::rule::testing::{request, through};
    use super::*;

    async fn id_of(given: &[(&str, &str)]) -> (String, String) {
        let seen = Arc::new(parking_lot::Mutex::new(String::new()));
        let inner = Arc::clone(&seen);
        let response = through(RequestIds::default(), request("GET", "/", given), move |request| {
            *inner.lock() = request.headers()[NAME].to_str().unwrap().to_owned();
            Response::default()
        })
        .await;
        let seen = seen.lock().clone();
        (seen, response.headers()[NAME].to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_sensible_id_is_kept_inside_and_on_the_answer() {
        let given = "7b0c-41.A_z";
        assert_eq!(id_of(&[("x-request-id", given)]).await, (given.to_owned(), given.to_owned()));
    }

    #[tokio::test]
    async fn no_id_and_an_odd_one_are_replaced() {
        let long = "a".repeat(129);
        for given in
            [&[][..], &[("x-request-id", "short")], &[("x-request-id", "a b\tc;d=e f")], &[("x-request-id", &long)]]
        {
            let (inside, outside) = id_of(given).await;
            assert_eq!(inside, outside);
            assert!(inside.len() >= 18 && given.iter().all(|(_, value)| *value != inside), "{inside}");
        }
    }

    #[test]
    fn no_two_ids_are_the_same() {
        let ids = RequestIds::default();
        let mut made: Vec<_> = (0..1000).map(|_| ids.make().to_str().unwrap().to_owned()).collect();
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 1000);
        assert_ne!(RequestIds::default().make(), RequestIds::default().make());
    }
}
