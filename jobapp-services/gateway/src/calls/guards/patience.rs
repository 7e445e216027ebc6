//! How long a service may take. The clock runs from when the service has all there is of the request: an upload may take
//! as long as it makes progress.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use jobapp_http::{ApiError, BoxError, not_read};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tower::{Layer, Service};

use super::{CallError, Outcome};

/// Gives up calls that bring no answer for so long.
#[derive(Debug, Clone)]
pub(crate) struct PatienceLayer(pub(crate) Duration);

impl<S> Layer<S> for PatienceLayer {
    type Service = Patient<S>;

    fn layer(&self, inner: S) -> Patient<S> {
        Patient { patience: self.0, inner }
    }
}

/// A service that is not waited for without end.
#[derive(Debug, Clone)]
pub(crate) struct Patient<S> {
    patience: Duration,
    inner: S,
}

impl<S> Service<Request<Body>> for Patient<S>
where
    S: Service<Request<Body>, Response = http::Response<Body>, Error = BoxError>,
{
    type Response = http::Response<Body>;
    type Error = CallError;
    type Future = Waiting<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.inner.poll_ready(cx).map_err(CallError::Unreachable)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let start = Instant::now();
        let (request, progress) = if request.body().is_end_stream() {
            (request, None)
        } else {
            let progress = Arc::new(Progress {
                start,
                last_ms: AtomicU64::new(0),
                done: AtomicBool::new(false),
                fault: Mutex::new(None),
            });
            let watched = Arc::clone(&progress);
            (request.map(|inner| Body::new(Watched { inner, progress: watched })), Some(progress))
        };
        Waiting {
            inner: self.inner.call(request),
            alarm: tokio::time::sleep_until(start + self.patience),
            patience: self.patience,
            progress,
        }
    }
}

/// How far a body has come.
#[derive(Debug)]
struct Progress {
    start: Instant,
    last_ms: AtomicU64,
    done: AtomicBool,
    /// What was wrong with the body, if anything: then no answer is no fault of the service.
    fault: Mutex<Option<ApiError>>,
}

impl Progress {
    fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    fn made(&self, done: bool) {
        let ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms, Ordering::Relaxed);
        self.done.fetch_or(done, Ordering::Relaxed);
    }
}

/// A body whose progress is seen.
struct Watched {
    inner: Body,
    progress: Arc<Progress>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Err(error)) = &frame {
            *self.progress.fault.lock() = Some(not_read(error));
        }
        self.progress.made(!matches!(frame, Some(Ok(_))) || self.inner.is_end_stream());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Who wants no more of it has what it needs.
        self.progress.made(true);
    }
}

pin_project! {
    /// A call under way.
    pub(crate) struct Waiting<F> {
        #[pin]
        inner: F,
        #[pin]
        alarm: Sleep,
        patience: Duration,
        progress: Option<Arc<Progress>>,
    }
}

impl<F: Future<Output = Result<http::Response<Body>, BoxError>>> Future for Waiting<F> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut this = self.project();
        if let Poll::Ready(outcome) = this.inner.poll(cx) {
            let fault = || this.progress.as_ref().and_then(|progress| progress.fault.lock().take());
            return Poll::Ready(
                outcome.map_err(|error| fault().map_or(CallError::Unreachable(error), CallError::Body)),
            );
        }
        loop {
            ready!(this.alarm.as_mut().poll(cx));
            let Some(progress) = this.progress else { return Poll::Ready(Err(CallError::TimedOut(*this.patience))) };
            let due = progress.last() + *this.patience;
            if due <= Instant::now() {
                let done = progress.done.load(Ordering::Relaxed);
                let error = if done { CallError::TimedOut } else { CallError::Stalled };
                return Poll::Ready(Err(error(*this.patience)));
            }
            this.alarm.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A service that reads the whole body and then takes its time.
    async fn call(body: Body, then: Duration) -> Outcome {
        let service = PatienceLayer(PATIENCE).layer(tower::service_fn(move |request: Request<Body>| async move {
            request.into_body().collect().await?;
            tokio::time::sleep(then).await;
            Ok::<_, BoxError>(http::Response::default())
        }));
        service.oneshot(Request::new(body)).await
    }

    /// A body of so many pieces, with a pause before each.
    fn slow(pieces: usize, pause: Duration) -> Body {
        Body::from_stream(futures::stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"piece"))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_does_not_answer_is_given_up() {
        assert!(call(Body::empty(), PATIENCE - Duration::from_secs(1)).await.is_ok());
        for body in [Body::empty(), Body::from("words")] {
            assert!(matches!(call(body, PATIENCE * 2).await, Err(CallError::TimedOut(PATIENCE))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_take_as_long_as_it_makes_progress() {
        let start = Instant::now();
        assert!(call(slow(100, Duration::from_secs(50)), Duration::from_secs(50)).await.is_ok());
        assert!(start.elapsed() > Duration::from_secs(5000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_no_fault_of_the_service() {
        let outcome = call(slow(2, Duration::from_secs(90)), Duration::ZERO).await;
        assert!(matches!(outcome, Err(CallError::Stalled(PATIENCE))), "{outcome:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_breaks_off_is_no_fault_of_the_service_and_its_sender_is_told() {
        let limited = Body::new(http_body_util::Limited::new(Body::from("too many words"), 5));
        let Err(CallError::Body(told)) = call(limited, Duration::ZERO).await else { panic!("it broke off") };
        assert_eq!(told.status(), http::StatusCode::PAYLOAD_TOO_LARGE);
        let gone = Body::from_stream(futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
        let Err(CallError::Body(told)) = call(gone, Duration::ZERO).await else { panic!("it broke off") };
        assert_eq!(told.status(), http::StatusCode::BAD_REQUEST);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_body_the_service_has_its_own_time() {
        let outcome = call(slow(2, Duration::from_secs(50)), PATIENCE * 2).await;
        assert!(matches!(outcome, Err(CallError::TimedOut(PATIENCE))), "{outcome:?}");
    }
}
