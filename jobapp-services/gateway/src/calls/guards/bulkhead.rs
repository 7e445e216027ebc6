//! A limit of calls under way to one service, so that a slow one does not take what all the others need. Uploads have a smaller
//! one: they last as long as their senders like.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use futures::future::Either;
use http::Request;
use http_body::Body as _;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{CallError, Outcome};

/// The calls under way to one service.
#[derive(Debug)]
pub(crate) struct Bulkhead {
    under_way: AtomicUsize,
    most: usize,
    /// Those of them that have a body.
    uploads: AtomicUsize,
}

/// A place among the calls under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    bulkhead: Arc<Bulkhead>,
    is_upload: bool,
}

impl Bulkhead {
    /// At most so many at once, and half as many with a body.
    pub(crate) fn new(most: usize) -> Self {
        Self { under_way: AtomicUsize::new(0), most, uploads: AtomicUsize::new(0) }
    }

    /// How many calls are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    fn take(self: &Arc<Self>, is_upload: bool) -> Option<Seat> {
        // Counted before it is compared, so that two calls never share the last seat.
        let seat = Seat { bulkhead: Arc::clone(self), is_upload };
        let fits = self.under_way.fetch_add(1, Ordering::Relaxed) < self.most;
        let fits_too = !is_upload || self.uploads.fetch_add(1, Ordering::Relaxed) < self.most.div_ceil(2);
        (fits && fits_too).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.bulkhead.under_way.fetch_sub(1, Ordering::Relaxed);
        if self.is_upload {
            self.bulkhead.uploads.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Refuses calls beyond the limit at once: who waits in a line takes memory and is gone when it is his turn.
#[derive(Debug, Clone)]
pub(crate) struct BulkheadLayer(pub(crate) Arc<Bulkhead>);

impl<S> Layer<S> for BulkheadLayer {
    type Service = Bulkheaded<S>;

    fn layer(&self, inner: S) -> Bulkheaded<S> {
        Bulkheaded { bulkhead: Arc::clone(&self.0), inner }
    }
}

/// A service with a limit of calls under way. A call counts until the head of its answer is there.
#[derive(Debug, Clone)]
pub(crate) struct Bulkheaded<S> {
    bulkhead: Arc<Bulkhead>,
    inner: S,
}

impl<S> Service<Request<Body>> for Bulkheaded<S>
where
    S: Service<Request<Body>, Response = http::Response<Body>, Error = CallError>,
{
    type Response = http::Response<Body>;
    type Error = CallError;
    type Future = Either<Seated<S::Future>, std::future::Ready<Outcome>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.bulkhead.take(!request.body().is_end_stream()) {
            Some(seat) => Either::Left(Seated { inner: self.inner.call(request), seat: Some(seat) }),
            None => Either::Right(std::future::ready(Err(CallError::Full))),
        }
    }
}

pin_project! {
    /// A call with a seat.
    pub(crate) struct Seated<F> {
        #[pin]
        inner: F,
        seat: Option<Seat>,
    }
}

impl<F: Future<Output = Outcome>> Future for Seated<F> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = self.project();
        let outcome = ready!(this.inner.poll(cx));
        this.seat.take();
        Poll::Ready(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    #[tokio::test]
    async fn one_call_too_many_is_refused_at_once_and_seats_are_given_back() {
        let bulkhead = Arc::new(Bulkhead::new(2));
        let service = BulkheadLayer(Arc::clone(&bulkhead))
            .layer(tower::service_fn(|_: Request<Body>| std::future::pending::<Outcome>()));
        let call = || tokio::spawn(service.clone().oneshot(Request::default()));
        let (first, second) = (call(), call());
        while bulkhead.under_way() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(service.clone().oneshot(Request::default()).await, Err(CallError::Full)));
        assert_eq!(bulkhead.under_way(), 2);
        // A client that goes away gives its seat back.
        first.abort();
        second.abort();
        assert!(first.await.is_err() && second.await.is_err());
        assert_eq!(bulkhead.under_way(), 0);
    }

    #[test]
    fn uploads_take_at_most_half_of_the_seats() {
        let bulkhead = Arc::new(Bulkhead::new(4));
        let (first, second) = (bulkhead.take(true).unwrap(), bulkhead.take(true).unwrap());
        assert!(bulkhead.take(true).is_none());
        let read = bulkhead.take(false).unwrap();
        drop(first);
        let third = bulkhead.take(true).unwrap();
        assert!(bulkhead.take(true).is_none());
        let last = bulkhead.take(false).unwrap();
        assert!(bulkhead.take(false).is_none());
        drop((second, read, third, last));
        assert_eq!((bulkhead.under_way(), bulkhead.uploads.load(Ordering::Relaxed)), (0, 0));
        assert!(Arc::new(Bulkhead::new(1)).take(true).is_some(), "half of one is one");
    }
}
