//! A breaker: calls to a service that keeps failing are refused at once, until a single trial call succeeds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use futures::future::Either;
use http::Request;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use serde::Serialize;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::error::is_nobodys;
use super::{BreakerConfig, CallError, Outcome};

/// The breaker of one service. It is shared by all calls to it, whatever their route.
#[derive(Debug)]
pub(crate) struct Breaker {
    service: &'static str,
    config: BreakerConfig,
    state: Mutex<State>,
}

/// How a breaker stands, for people and probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BreakerState {
    /// Calls go through.
    Closed,
    /// Calls are refused.
    Open,
    /// The next call is, or will be, a trial.
    HalfOpen,
}

#[derive(Debug)]
enum State {
    Closed(Counts),
    Open { until: Instant, last: Duration },
    HalfOpen { trial: bool, last: Duration },
}

/// What happened in the current and in the previous half of the window.
#[derive(Debug, Clone, Copy)]
struct Counts {
    since: Instant,
    now: (u32, u32),
    before: (u32, u32),
}

impl Counts {
    fn new(now: Instant) -> Self {
        Self { since: now, now: (0, 0), before: (0, 0) }
    }

    /// Counts a call; returns how many failed and how many did not lately.
    fn add(&mut self, failed: bool, half: Duration, now: Instant) -> (u32, u32) {
        let age = now.duration_since(self.since);
        if age >= half {
            self.before = if age < half * 2 { self.now } else { (0, 0) };
            self.now = (0, 0);
            self.since = now;
        }
        if failed {
            self.now.0 += 1;
        } else {
            self.now.1 += 1;
        }
        (self.now.0 + self.before.0, self.now.1 + self.before.1)
    }
}

/// Leave to make one call. Dropped without a verdict, the call tells nothing.
#[derive(Debug)]
pub(crate) struct Leave {
    breaker: Arc<Breaker>,
    trial: bool,
    told: bool,
}

impl Breaker {
    /// A closed one.
    pub(crate) fn new(service: &'static str, config: BreakerConfig) -> Self {
        Self { service, config, state: Mutex::new(State::Closed(Counts::new(Instant::now()))) }
    }

    /// How it stands.
    pub(crate) fn state(&self) -> BreakerState {
        match *self.state.lock() {
            State::Closed(_) => BreakerState::Closed,
            State::Open { until, .. } if until > Instant::now() => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Leave to call, or how long to wait.
    fn ask(self: &Arc<Self>) -> Result<Leave, CallError> {
        let mut state = self.state.lock();
        let trial = match &mut *state {
            State::Closed(_) => false,
            State::Open { until, last } => {
                let rest = until.saturating_duration_since(Instant::now());
                if !rest.is_zero() {
                    return Err(CallError::Open(rest));
                }
                let last = *last;
                *state = State::HalfOpen { trial: true, last };
                true
            }
            State::HalfOpen { trial: true, .. } => return Err(CallError::Open(self.config.open)),
            State::HalfOpen { trial, .. } => {
                *trial = true;
                true
            }
        };
        Ok(Leave { breaker: Arc::clone(self), trial, told: false })
    }
}

impl Leave {
    /// The call failed, or not.
    fn tell(mut self, failed: bool) {
        self.told = true;
        let Breaker { service, config, state } = &*self.breaker;
        let now = Instant::now();
        let mut state = state.lock();
        let open = match &mut *state {
            State::Closed(counts) => {
                let (failures, others) = counts.add(failed, config.window / 2, now);
                (failed && failures >= config.failures && failures >= others).then_some(config.open)
            }
            State::HalfOpen { last, .. } if self.trial && failed => Some((*last * 2).min(config.longest)),
            State::HalfOpen { .. } if self.trial => {
                tracing::info!(service, "the service answers again");
                *state = State::Closed(Counts::new(now));
                None
            }
            // Calls from before it opened are old news.
            State::HalfOpen { .. } | State::Open { .. } => None,
        };
        if let Some(last) = open {
            tracing::warn!(service, open_ms = last.as_millis(), "the service keeps failing: calls are refused for now");
            *state = State::Open { until: now + last, last };
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        // A trial whose client went away leaves the trial to the next call.
        if self.trial
            && !self.told
            && let State::HalfOpen { trial, .. } = &mut *self.breaker.state.lock()
        {
            *trial = false;
        }
    }
}

/// Puts a breaker around a service.
#[derive(Debug, Clone)]
pub(crate) struct BreakerLayer(pub(crate) Arc<Breaker>);

impl<S> Layer<S> for BreakerLayer {
    type Service = Broken<S>;

    fn layer(&self, inner: S) -> Broken<S> {
        Broken { breaker: Arc::clone(&self.0), inner }
    }
}

/// A service behind a breaker.
#[derive(Debug, Clone)]
pub(crate) struct Broken<S> {
    breaker: Arc<Breaker>,
    inner: S,
}

impl<S> Service<Request<Body>> for Broken<S>
where
    S: Service<Request<Body>, Response = http::Response<Body>, Error = CallError>,
{
    type Response = http::Response<Body>;
    type Error = CallError;
    type Future = Either<Watched<S::Future>, std::future::Ready<Outcome>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.breaker.ask() {
            Ok(leave) => Either::Left(Watched { inner: self.inner.call(request), leave: Some(leave) }),
            Err(error) => Either::Right(std::future::ready(Err(error))),
        }
    }
}

pin_project! {
    /// A call whose end the breaker learns.
    pub(crate) struct Watched<F> {
        #[pin]
        inner: F,
        leave: Option<Leave>,
    }
}

impl<F: Future<Output = Outcome>> Future for Watched<F> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = self.project();
        let outcome = ready!(this.inner.poll(cx));
        if let Some(leave) = this.leave.take() {
            match &outcome {
                Ok(response) => leave.tell(is_nobodys(response.status(), response.headers())),
                Err(CallError::TimedOut(_) | CallError::Unreachable(_)) => leave.tell(true),
                // No fault of the service, and no word from it either.
                Err(CallError::Stalled(_) | CallError::Body(_) | CallError::Full | CallError::Open(_)) => drop(leave),
            }
        }
        Poll::Ready(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new("gig", BreakerConfig::default()))
    }

    fn fail(breaker: &Arc<Breaker>, times: u32) {
        for _ in 0..times {
            breaker.ask().unwrap().tell(true);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_on_failures_and_closes_by_itself() {
        let breaker = breaker();
        fail(&breaker, 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), BreakerState::Open);
        let Err(CallError::Open(rest)) = breaker.ask() else { panic!("it is open") };
        assert!(rest <= Duration::from_secs(1));
        advance(Duration::from_secs(1)).await;
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let trial = breaker.ask().unwrap();
        assert!(breaker.ask().is_err(), "one trial at a time");
        trial.tell(false);
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker, 4);
        assert_eq!(breaker.state(), BreakerState::Closed, "what was before is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_trial_keeps_it_open_for_longer_each_time() {
        let breaker = breaker();
        fail(&breaker, 5);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let Err(CallError::Open(rest)) = breaker.ask() else { panic!("it is open") };
            waits.push(rest.as_secs());
            advance(rest).await;
            fail(&breaker, 1);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_was_given_up_is_left_to_the_next_call() {
        let breaker = breaker();
        fail(&breaker, 5);
        advance(Duration::from_secs(1)).await;
        drop(breaker.ask().unwrap());
        breaker.ask().unwrap().tell(false);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn few_failures_among_many_calls_and_old_ones_do_not_count() {
        let breaker = breaker();
        for _ in 0..20 {
            breaker.ask().unwrap().tell(false);
        }
        fail(&breaker, 19);
        assert_eq!(breaker.state(), BreakerState::Closed);
        advance(Duration::from_secs(11)).await;
        fail(&breaker, 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_it_opened_changes_nothing() {
        let breaker = breaker();
        let old = breaker.ask().unwrap();
        fail(&breaker, 5);
        old.tell(false);
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_nobody_answered_is_a_failure() {
        use tower::ServiceExt;
        let breaker = breaker();
        let answering = |make: fn() -> Outcome| {
            BreakerLayer(Arc::clone(&breaker)).layer(tower::service_fn(move |_| async move { make() }))
        };
        for make in [
            (|| Ok(http::Response::builder().status(500).body(Body::empty()).unwrap())) as fn() -> Outcome,
            || Ok(http::Response::builder().status(503).header("retry-after", 1).body(Body::empty()).unwrap()),
            || Err(CallError::Stalled(Duration::ZERO)),
            || Err(CallError::Body(jobapp_http::ApiError::bad_request("no gzip"))),
            || Err(CallError::Full),
        ] {
            for _ in 0..10 {
                drop(answering(make).oneshot(Request::default()).await);
            }
            assert_eq!(breaker.state(), BreakerState::Closed);
        }
        let nobody: fn() -> Outcome = || Err(CallError::Unreachable("no route".into()));
        for _ in 0..30 {
            drop(answering(nobody).oneshot(Request::default()).await);
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(matches!(answering(nobody).oneshot(Request::default()).await, Err(CallError::Open(_))));
    }
}
