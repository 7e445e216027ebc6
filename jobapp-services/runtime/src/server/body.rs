//! Bodies that have to arrive.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use jobapp_http::{BodyTooSlow, BoxError};
use tokio::time::{Instant, Sleep};

use super::deadlines::LeastRate;
use super::watch::{OpenRequest, Watch};

/// The body of a request, which fails with [`BodyTooSlow`] when its client keeps the server waiting. Time in which nobody
/// asked for more of it is not the client's.
pub(super) struct Arriving<B> {
    inner: B,
    watch: Arc<Watch>,
    rate: LeastRate,
    /// How long it may still be waited for. What arrives adds to it, up to the grace.
    left: Duration,
    waiting: Option<Waiting>,
    failed: bool,
}

struct Waiting {
    since: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<B> Arriving<B> {
    pub(super) fn new(inner: B, watch: Arc<Watch>, rate: LeastRate) -> Self {
        Self { inner, watch, rate, left: rate.grace, waiting: None, failed: false }
    }

    fn arrived(&mut self, bytes: usize) {
        if let Some(waiting) = self.waiting.take() {
            self.left = self.left.saturating_sub(waiting.since.elapsed());
            self.watch.waits_for_body(false);
        }
        self.left = self.left.saturating_add(self.rate.time_for(bytes)).min(self.rate.grace);
    }
}

impl<B> Body for Arriving<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len));
            self.arrived(bytes.unwrap_or(0));
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let this = &mut *self;
        let waiting = this.waiting.get_or_insert_with(|| {
            this.watch.waits_for_body(true);
            let since = Instant::now();
            Waiting { since, alarm: Box::pin(tokio::time::sleep_until(since + this.left)) }
        });
        if waiting.alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.failed = true;
        this.watch.waits_for_body(false);
        Poll::Ready(Some(Err(axum::Error::new(BodyTooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for Arriving<B> {
    fn drop(&mut self) {
        if self.waiting.is_some() {
            self.watch.waits_for_body(false);
        }
    }
}

/// The body of an answer. The request is open until it has gone out.
pub(super) struct Leaving {
    inner: axum::body::Body,
    request: Option<OpenRequest>,
}

impl Leaving {
    pub(super) fn new(inner: axum::body::Body, request: Option<OpenRequest>) -> Self {
        Self { inner, request }
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.request = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::watch::Ticks;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    const RATE: LeastRate = LeastRate { grace: Duration::from_secs(30), bytes_a_second: 1024 };

    /// A body and what sends it.
    fn body() -> (UnboundedSender<usize>, impl Body<Data = Bytes, Error = axum::Error> + Unpin) {
        let (sender, receiver) = unbounded_channel();
        let frames = futures::stream::unfold(receiver, async |mut receiver| {
            let bytes = receiver.recv().await?;
            Some((Ok::<_, BoxError>(Frame::data(Bytes::from(vec![0; bytes]))), receiver))
        });
        let watch = Arc::new(Watch::new(Arc::<Ticks>::default()));
        (sender, Arriving::new(StreamBody::new(Box::pin(frames)), watch, RATE))
    }

    /// Sends so many bytes every few seconds, so many times, and tells whether the body arrived.
    async fn arrives(bytes: usize, every: u64, times: usize) -> bool {
        let (sender, body) = body();
        tokio::spawn(async move {
            for _ in 0..times {
                tokio::time::sleep(Duration::from_secs(every)).await;
                // Nobody listens once it was too slow.
                if sender.send(bytes).is_err() {
                    return;
                }
            }
        });
        match body.collect().await {
            Ok(whole) => {
                assert_eq!(whole.to_bytes().len(), bytes * times);
                true
            }
            Err(error) => {
                assert!(error.into_inner().is::<BodyTooSlow>());
                false
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_arrives_and_a_trickle_does_not() {
        assert!(arrives(8 * 1024, 5, 100).await, "500 s at 1.6 KiB a second");
        assert!(arrives(1, 20, 1).await, "a pause");
        assert!(!arrives(1, 5, 20).await, "a byte every 5 s");
        assert!(!arrives(1024, 5, 100).await, "a fifth of the rate");
        assert!(!arrives(1, 31, 1).await, "nothing for longer than the grace");
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_fast_is_no_credit_for_hours_of_silence() {
        let (sender, mut body) = body();
        sender.send(100 << 20).unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_reads_is_not_the_clients() {
        let (sender, mut body) = body();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            sender.send(1).unwrap();
            assert!(body.frame().await.unwrap().is_ok());
        }
    }
}
