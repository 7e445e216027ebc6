//! Bodies that are read to their end even when nobody wants the rest, so that the answer arrives.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

/// How much of an unwanted rest is read before the connection is given up.
const MOST: u64 = 1024 * 1024 * 1024;
/// How long an unwanted rest may take.
const LONGEST: Duration = Duration::from_secs(60);

/// A body whose unread rest is drained in the background once it is dropped. A server that answers without reading the
/// body would otherwise reset the connection, and the client would never see the answer.
pub(crate) struct DrainOnDrop {
    inner: Option<Body>,
    ended: bool,
}

impl DrainOnDrop {
    pub(crate) fn wrap(body: Body) -> Body {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Self { inner: Some(body), ended: false })
    }
}

impl HttpBody for DrainOnDrop {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(inner).poll_frame(cx);
        // A body that failed has nothing left to drain.
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.ended = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for DrainOnDrop {
    fn drop(&mut self) {
        let Some(mut body) = self.inner.take() else { return };
        if self.ended || body.is_end_stream() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let rest = async {
                let mut read = 0_u64;
                while let Some(Ok(frame)) = body.frame().await {
                    read += frame.data_ref().map_or(0, |data| data.len() as u64);
                    if read > MOST {
                        break;
                    }
                }
            };
            if tokio::time::timeout(LONGEST, rest).await.is_err() {
                tracing::debug!("an unwanted body was still arriving when it was given up");
            }
        });
    }
}
