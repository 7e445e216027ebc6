//! Says what is said in a room to its connections, in the order in which they were opened, each after the one before.
//!
//! The existing client opens many connections a page, and the listeners of older ones hold older lists: the newest must
//! hear an event last. So a room has one round at a time. It writes to a websocket itself and waits until a polling
//! request's answer is written; a connection that does not take it at once has had its turn and holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Instant, timeout};

use super::hub::{Hub, Said, Word};
use crate::engine::conn::Conn;
use crate::engine::outbox::Overflow;
use crate::engine::polling::Turn;

/// How long the next connection waits for the answer to a polling request to be written.
const TURN: Duration = Duration::from_millis(100);
/// How long the polling connections of a room may hold up a word together.
const PATIENCE: Duration = Duration::from_millis(200);
/// With how many words behind it a round waits for nobody.
const BEHIND: usize = 16;
/// After how many connections others get a turn.
const YIELD: usize = 32;

/// What goes round.
#[derive(Debug, Clone)]
pub(crate) struct Rounds {
    hub: Arc<Hub>,
}

impl Rounds {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Does what is left to do after something was said.
    pub(crate) fn begin(&self, said: Said) {
        for conn in &said.overflowed {
            hang_up(conn);
        }
        for user in said.rounds {
            // Without a budget: a stream that refuses because the task wrote much already would be taken for a full one.
            tokio::spawn(unconstrained(self.clone().go(user)));
        }
    }

    async fn go(self, user: Arc<str>) {
        let mut turns = 0;
        while let Some(word) = self.hub.next_word(&user) {
            let mut patience = if self.hub.backlog(&user) < BEHIND { PATIENCE } else { Duration::ZERO };
            for conn in word.listeners.as_slice() {
                if let Some(turn) = self.say(&word, conn) {
                    wait(turn, &mut patience).await;
                }
                turns += 1;
                if turns % YIELD == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn say(&self, word: &Word, conn: &Arc<Conn>) -> Option<Turn> {
        if !conn.hears(word.number) {
            return None;
        }
        match conn.deliver(word.packet.clone()) {
            Ok(turn) => turn,
            Err(Overflow) => {
                self.hub.give_up(conn);
                hang_up(conn);
                None
            }
        }
    }
}

/// Hangs up on a connection that does not take what is sent to it; its client can resume.
fn hang_up(conn: &Conn) {
    tracing::info!(number = conn.number(), "a connection does not take what is sent to it and is closed");
    conn.hang_up();
}

/// Waits until a polling request's answer is written, as long as there is patience left.
async fn wait(turn: Turn, patience: &mut Duration) {
    let began = Instant::now();
    if timeout(TURN.min(*patience), turn).await.is_err() {
        tracing::debug!("the answer to a polling request is not written yet; others go on");
    }
    *patience = patience.saturating_sub(began.elapsed());
}
