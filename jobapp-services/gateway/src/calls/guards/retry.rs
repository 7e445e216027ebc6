//! Second tries for calls that change nothing, within a budget: when everything fails, tries double nobody's load.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, Response};
use http_body::Body as _;
use tokio::time::Sleep;
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

use super::error::is_nobodys;
use super::{CallError, Outcome};

/// Over how long the budget is reckoned.
const MEMORY: Duration = Duration::from_secs(10);
/// Retries every second that need no calls to earn them.
const ALWAYS: u32 = 2;
/// The pause before a second try.
const PAUSE: Duration = Duration::from_millis(25);

/// Decides about second tries. Clones share the budget; each call has its own clone.
#[derive(Clone)]
pub(crate) struct SafeRetries {
    budget: Arc<TpsBudget>,
    tried: bool,
}

impl SafeRetries {
    /// Retries for this share of the calls.
    pub(crate) fn new(share: f32) -> Self {
        Self { budget: Arc::new(TpsBudget::new(MEMORY, ALWAYS, share.clamp(0.0, 1.0))), tried: false }
    }
}

impl Policy<Request<Body>, Response<Body>, CallError> for SafeRetries {
    type Future = Sleep;

    fn retry(&mut self, _: &mut Request<Body>, outcome: &mut Outcome) -> Option<Sleep> {
        let again = match outcome {
            Ok(response) => is_nobodys(response.status(), response.headers()),
            // A call that timed out took its time already; one that was refused here would be again.
            Err(error) => matches!(error, CallError::Unreachable(_)),
        };
        if !again {
            self.budget.deposit();
            return None;
        }
        (!self.tried && self.budget.withdraw()).then(|| {
            self.tried = true;
            tokio::time::sleep(PAUSE)
        })
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let safe = matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream();
        safe.then(|| {
            let mut copy = Request::new(Body::empty());
            *copy.method_mut() = request.method().clone();
            *copy.uri_mut() = request.uri().clone();
            *copy.headers_mut() = request.headers().clone();
            copy
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use tower::retry::RetryLayer;
    use tower::{Layer, ServiceExt};

    /// How often a service was called in `calls` calls whose every try ends like this.
    async fn tries(calls: u32, method: Method, body: &'static str, make: fn(u32) -> Outcome) -> u32 {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let service = RetryLayer::new(SafeRetries::new(0.1)).layer(tower::service_fn(move |_| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            async move { make(number) }
        }));
        for _ in 0..calls {
            let mut request = Request::new(if body.is_empty() { Body::empty() } else { Body::from(body) });
            *request.method_mut() = method.clone();
            drop(service.clone().oneshot(request).await);
        }
        count.load(Ordering::Relaxed)
    }

    fn with(status: u16) -> Outcome {
        Ok(Response::builder().status(status).body(Body::empty()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_reached_nobody_is_tried_once_more() {
        assert_eq!(tries(1, Method::GET, "", |_| Err(CallError::Unreachable("gone".into()))).await, 2);
        assert_eq!(tries(1, Method::GET, "", |_| with(502)).await, 2);
        assert_eq!(tries(1, Method::GET, "", |number| with(if number == 0 { 504 } else { 200 })).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_and_an_answer_are_never_repeated() {
        let gone: fn(u32) -> Outcome = |_| Err(CallError::Unreachable("gone".into()));
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(tries(1, method, "", gone).await, 1);
        }
        assert_eq!(tries(1, Method::GET, "body", gone).await, 1);
        assert_eq!(tries(1, Method::GET, "", |_| with(500)).await, 1);
        assert_eq!(tries(1, Method::GET, "", |_| Err(CallError::Full)).await, 1);
        assert_eq!(tries(1, Method::GET, "", |_| Err(CallError::TimedOut(PAUSE))).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn when_everything_fails_the_budget_ends() {
        let count = tries(200, Method::GET, "", |_| Err(CallError::Unreachable("gone".into()))).await;
        assert!((201..=240).contains(&count), "{count}");
    }
}
