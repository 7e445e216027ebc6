//! The change from polling to a websocket.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tungstenite::Message;

use super::upgrade::UPGRADE;
use crate::engine::conn::Conn;
use crate::engine::frames::Frames;
use crate::engine::outbox::Outbox;
use crate::engine::polling::Polling;
use crate::engine::wire::{Bridge, Duplex};

/// The answer to a probe, as a text frame of a websocket.
const PROBED: &[u8] = b"\x81\x063probe";

/// Changes a connection to a websocket, if the client goes through with it; until then it goes on as it was.
pub(crate) async fn change(conn: Arc<Conn>, stream: Box<dyn Duplex>, frames: Frames) {
    if timeout(UPGRADE, probe(&conn, stream, frames)).await.is_err() {
        tracing::debug!(number = conn.number(), "a connection did not change to a websocket in time");
    }
}

async fn probe(conn: &Conn, mut stream: Box<dyn Duplex>, mut frames: Frames) {
    if !hears(&mut *stream, &mut frames, "2probe").await {
        return;
    }
    let Some(changing) = Changing::begin(conn.outbox()) else { return };
    if stream.write_all(PROBED).await.is_ok() && hears(&mut *stream, &mut frames, "5").await {
        changing.done(stream, frames);
    }
}

/// A change that is under way as long as this lives.
struct Changing<'c>(&'c Outbox);

impl<'c> Changing<'c> {
    fn begin(outbox: &'c Outbox) -> Option<Self> {
        outbox.polling(Polling::begin_change).unwrap_or_default().then(|| Self(outbox))
    }

    fn done(self, stream: Box<dyn Duplex>, frames: Frames) {
        self.0.change(stream, frames);
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.polling(Polling::end_change);
    }
}

/// Whether the next message of a websocket is this one.
async fn hears(stream: &mut dyn Duplex, frames: &mut Frames, wanted: &str) -> bool {
    let mut answers = Vec::new();
    poll_fn(|cx| {
        let mut stream = Bridge { stream: &mut *stream, answers: &mut answers, cx };
        match frames.read(&mut stream) {
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            heard => Poll::Ready(matches!(heard, Ok(Message::Text(text)) if text == wanted)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::outbox::Carrier;
    use crate::engine::polling::Asked;
    use socketioxide_core::Str;
    use tokio::sync::oneshot;

    const NOOP: &str = "6";

    fn polling() -> (Outbox, oneshot::Receiver<Frames>) {
        let (sender, receiver) = oneshot::channel();
        (Outbox::new(Carrier::Polling(Box::new(Polling::new(20, sender)))), receiver)
    }

    fn now(asked: Asked) -> String {
        match asked {
            Asked::Now(payload) => payload,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn while_it_changes_requests_are_sent_away_and_afterwards_they_go_on() {
        let (outbox, _keeper) = polling();
        let Asked::Later(later) = outbox.ask() else { panic!("nothing is there yet") };
        let changing = Changing::begin(&outbox).unwrap();
        assert!(Changing::begin(&outbox).is_none());
        assert_eq!(later.await.unwrap().as_ref(), NOOP.as_bytes());
        outbox.put(Str::from("2[1]")).unwrap();
        assert_eq!(now(outbox.ask()), NOOP);
        drop(changing);
        assert_eq!(now(outbox.ask()), "42[1]");
    }
}
