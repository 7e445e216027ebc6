//! What stands between the gateway and each service: retries within a budget, a limit of calls in flight, a breaker and a
//! time-out, one layer a file. They wrap the service's client once, so that all routes to it share them.

mod breaker;
mod bulkhead;
mod error;
mod patience;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response};
use jobapp_http::Upstream;
use tower::ServiceBuilder;
use tower::retry::{Retry, RetryLayer};

pub(crate) use breaker::{Breaker, BreakerState};
pub(crate) use bulkhead::Bulkhead;
pub(crate) use error::CallError;
use retry::SafeRetries;

/// How a service is guarded.
#[derive(Debug, Clone)]
pub struct GuardConfig {
    /// How long a service may take to start its answer once it has the whole request, and how long a client may pause
    /// while it sends a body.
    pub patience: Duration,
    /// How many calls to one service may be under way. Half of them, at most, have a body: a body takes as long as its sender likes.
    pub in_flight: usize,
    /// When calls to a service that keeps failing are not even tried.
    pub breaker: BreakerConfig,
    /// How many retries a service may get, as a share of the calls that need none, from 0 to 1.
    pub retry_share: f32,
}

/// When a breaker opens and closes.
#[derive(Debug, Clone)]
pub struct BreakerConfig {
    /// Over how much of the past failures are counted.
    pub window: Duration,
    /// How many failures in this time there must be.
    pub failures: u32,
    /// How long it stays open at first; twice as long each time the trial call fails as well.
    pub open: Duration,
    /// The longest it stays open.
    pub longest: Duration,
    /// How long a call with a body is tried alone. Calls without one do not wait for it at all.
    pub upload_trial: Duration,
}

impl Default for GuardConfig {
    fn default() -> Self {
        // Shorter than clients wait, usually 30 s: they should hear who does not answer.
        Self { patience: Duration::from_secs(20), in_flight: 2000, breaker: BreakerConfig::default(), retry_share: 0.1 }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            failures: 5,
            open: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            upload_trial: Duration::from_secs(5),
        }
    }
}

/// A service's client behind its guards.
pub(crate) type Guarded = Retry<SafeRetries, bulkhead::Bulkheaded<breaker::Broken<patience::Patient<Upstream>>>>;

/// What a call to a service needs to be retried: an answer, or why there was none.
pub(crate) type Outcome = Result<Response<Body>, CallError>;

/// The guards of one service, and what they know of it.
#[derive(Clone)]
pub(crate) struct Guards {
    pub(crate) name: &'static str,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) bulkhead: Arc<Bulkhead>,
    retries: SafeRetries,
    patience: Duration,
}

impl Guards {
    /// Guards for the service of this name.
    pub(crate) fn new(name: &'static str, config: &GuardConfig) -> Self {
        Self {
            name,
            breaker: Arc::new(Breaker::new(name, config.breaker.clone())),
            bulkhead: Arc::new(Bulkhead::new(config.in_flight)),
            retries: SafeRetries::new(config.retry_share),
            patience: config.patience,
        }
    }

    /// Puts the guards around a client of the service. All its clients share them.
    pub(crate) fn around(&self, upstream: Upstream) -> Guarded {
        ServiceBuilder::new()
            .layer(RetryLayer::new(self.retries.clone()))
            .layer(bulkhead::BulkheadLayer(Arc::clone(&self.bulkhead)))
            .layer(breaker::BreakerLayer(Arc::clone(&self.breaker)))
            .layer(patience::PatienceLayer(self.patience))
            .service(upstream)
    }
}

/// Calls a service through its guards.
pub(crate) fn call(service: &Guarded, request: Request<Body>) -> BoxFuture<'static, Outcome> {
    Box::pin(tower::ServiceExt::oneshot(service.clone(), request))
}
