//! A breaker: calls to a service that keeps failing are refused at once, until a single trial call succeeds.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use futures::future::Either;
use http::Request;
use http_body::Body as _;
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
    /// The number of the next trial.
    trials: AtomicU64,
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
    HalfOpen(Trials),
}

/// The trials since a breaker was open.
#[derive(Debug)]
struct Trials {
    /// The number of the first of them; those of earlier times have smaller ones.
    first: u64,
    /// The one whose word is waited for, if any.
    waited_for: Option<Trial>,
    /// How long it was open.
    last: Duration,
}

/// A call that shows whether the service answers again.
#[derive(Debug, Clone, Copy)]
struct Trial {
    number: u64,
    /// From when on somebody else may try as well. A body takes as long as its sender likes, so only a call without one is waited
    /// for until it has ended: the time-out sees to that.
    until: Option<Instant>,
}

impl Trial {
    /// Whether it stands in the way of a call.
    fn excludes(self, has_body: bool, now: Instant) -> bool {
        self.until.is_none_or(|until| has_body && now < until)
    }
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
    trial: Option<u64>,
    told: bool,
}

impl Breaker {
    /// A closed one.
    pub(crate) fn new(service: &'static str, config: BreakerConfig) -> Self {
        let state = Mutex::new(State::Closed(Counts::new(Instant::now())));
        Self { service, config, state, trials: AtomicU64::new(0) }
    }

    /// How it stands.
    pub(crate) fn state(&self) -> BreakerState {
        match *self.state.lock() {
            State::Closed(_) => BreakerState::Closed,
            State::Open { until, .. } if until > Instant::now() => BreakerState::Open,
            State::Open { .. } | State::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    /// Leave to call, or how long to wait.
    fn ask(self: &Arc<Self>, has_body: bool) -> Result<Leave, CallError> {
        let mut state = self.state.lock();
        let leave = |trial| Leave { breaker: Arc::clone(self), trial, told: false };
        if let State::Closed(_) = &*state {
            return Ok(leave(None));
        }
        let now = Instant::now();
        if let State::Open { until, last } = *state {
            let rest = until.saturating_duration_since(now);
            if !rest.is_zero() {
                return Err(CallError::Open(rest));
            }
            *state = State::HalfOpen(Trials { first: self.trials.load(Ordering::Relaxed), waited_for: None, last });
        }
        let State::HalfOpen(Trials { waited_for, .. }) = &mut *state else { return Ok(leave(None)) };
        if waited_for.is_some_and(|trial| trial.excludes(has_body, now)) {
            return Err(CallError::Open(self.config.open));
        }
        let number = self.trials.fetch_add(1, Ordering::Relaxed);
        *waited_for = Some(Trial { number, until: has_body.then(|| now + self.config.upload_trial) });
        Ok(leave(Some(number)))
    }
}

impl Leave {
    /// The call failed, or not.
    fn tell(mut self, failed: bool) {
        self.told = true;
        let Breaker { service, config, state, .. } = &*self.breaker;
        let now = Instant::now();
        let mut state = state.lock();
        let open = match &mut *state {
            State::Closed(counts) => {
                let (failures, others) = counts.add(failed, config.window / 2, now);
                (failed && failures >= config.failures && failures >= others).then_some(config.open)
            }
            State::HalfOpen(trials) if self.trial.is_some_and(|number| number >= trials.first) => {
                if failed {
                    Some((trials.last * 2).min(config.longest))
                } else {
                    tracing::info!(service, "the service answers again");
                    *state = State::Closed(Counts::new(now));
                    None
                }
            }
            // Calls from before it opened are old news.
            State::HalfOpen(_) | State::Open { .. } => None,
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
        if self.trial.is_some()
            && !self.told
            && let State::HalfOpen(Trials { waited_for, .. }) = &mut *self.breaker.state.lock()
            && waited_for.map(|trial| trial.number) == self.trial
        {
            *waited_for = None;
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
        match self.breaker.ask(!request.body().is_end_stream()) {
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
            breaker.ask(false).unwrap().tell(true);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_on_failures_and_closes_by_itself() {
        let breaker = breaker();
        fail(&breaker, 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), BreakerState::Open);
        let Err(CallError::Open(rest)) = breaker.ask(false) else { panic!("it is open") };
        assert!(rest <= Duration::from_secs(1));
        advance(Duration::from_secs(1)).await;
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let trial = breaker.ask(false).unwrap();
        assert!(breaker.ask(false).is_err(), "one trial at a time");
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
            let Err(CallError::Open(rest)) = breaker.ask(false) else { panic!("it is open") };
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
        drop(breaker.ask(false).unwrap());
        breaker.ask(false).unwrap().tell(false);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_on_trial_is_waited_for_only_by_other_uploads_and_not_for_long() {
        let breaker = breaker();
        fail(&breaker, 5);
        advance(Duration::from_secs(1)).await;
        let first = breaker.ask(true).unwrap();
        assert!(breaker.ask(true).is_err());
        advance(Duration::from_secs(5)).await;
        let second = breaker.ask(true).unwrap();
        assert!(breaker.ask(true).is_err());
        // The first one's end tells nothing of the second's.
        drop(first);
        assert!(breaker.ask(true).is_err());
        let read = breaker.ask(false).unwrap();
        assert!(breaker.ask(false).is_err() && breaker.ask(true).is_err(), "a read is waited for by all");
        advance(Duration::from_secs(30)).await;
        assert!(breaker.ask(true).is_err());
        read.tell(false);
        assert_eq!(breaker.state(), BreakerState::Closed);
        second.tell(true);
        assert_eq!(breaker.state(), BreakerState::Closed, "one failure among calls");
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_was_on_trial_before_it_opened_again_is_old_news() {
        let breaker = breaker();
        fail(&breaker, 5);
        advance(Duration::from_secs(1)).await;
        let (slow, slower) = (breaker.ask(true).unwrap(), {
            advance(Duration::from_secs(5)).await;
            breaker.ask(true).unwrap()
        });
        fail(&breaker, 1);
        assert_eq!(breaker.state(), BreakerState::Open);
        slow.tell(false);
        assert_eq!(breaker.state(), BreakerState::Open);
        advance(Duration::from_secs(2)).await;
        let trial = breaker.ask(false).unwrap();
        slower.tell(true);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        trial.tell(false);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn few_failures_among_many_calls_and_old_ones_do_not_count() {
        let breaker = breaker();
        for _ in 0..20 {
            breaker.ask(false).unwrap().tell(false);
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
        let old = breaker.ask(false).unwrap();
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
