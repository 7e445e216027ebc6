//! A connection that is made again whenever it breaks.
//!
//! The client's own recovery is not used: it gives up after a while and tells nobody. Here a task watches the connection, and who
//! needs it waits for the next one. Nothing of an old connection is used with a new one.

mod socket;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jobapp_kernel::error_text;
use lapin::{Channel, Connection, Event};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::socket::Plug;
use crate::error::within;
use crate::{AmqpConfig, AmqpError};

/// How often is looked whether a connection still is one, should nobody tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One connection, from its beginning to its end.
pub(crate) struct Wire {
    connection: Connection,
    plug: Plug,
    answer_within: Duration,
    /// Why the broker takes no messages, while it takes none.
    blocked: Mutex<Option<String>>,
    condemned: CancellationToken,
}

impl Wire {
    /// Opens a channel. A connection that does not even do that is not used any more.
    pub(crate) async fn channel(&self) -> Result<Channel, AmqpError> {
        let opened = self.answered("opening a channel", self.connection.create_channel()).await;
        if matches!(opened, Err(AmqpError::Late { .. })) && self.blocked().is_none() {
            self.condemned.cancel();
        }
        opened
    }

    /// Waits for an answer of the broker. When none comes that says nothing of the connection: a replicated queue that has no leader
    /// answers nobody.
    pub(crate) async fn answered<T>(
        &self,
        doing: &'static str,
        asking: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, AmqpError> {
        within(self.answer_within, doing, asking).await
    }

    /// Why the broker takes no messages, while it takes none.
    pub(crate) fn blocked(&self) -> Option<String> {
        let reason = self.blocked.lock().clone();
        // The client knows it a moment before it tells.
        reason.or_else(|| self.connection.status().blocked().then(|| "it does not say why".to_owned()))
    }

    /// Closes a channel nobody needs any more, in the background.
    pub(crate) fn close_later(self: &Arc<Self>, channel: Channel) {
        let wire = Arc::clone(self);
        tokio::spawn(async move { wire.close(&channel).await });
    }

    /// Closes a channel.
    pub(crate) async fn close(&self, channel: &Channel) {
        if channel.status().connected()
            && let Err(error) = self.answered("closing a channel", channel.close(200, "OK".into())).await
        {
            tracing::debug!(error = error_text(&error), "a channel could not be closed; it ends with its connection");
        }
    }
}

/// How a link is.
#[derive(Clone)]
enum State {
    Down(Arc<str>),
    Up(Arc<Wire>),
    Closed,
}

/// A connection that is made again whenever it breaks. It is closed when this is dropped.
pub(crate) struct Link {
    purpose: &'static str,
    state: watch::Receiver<State>,
    closing: CancellationToken,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl Link {
    /// Connects for the first time.
    pub(crate) async fn open(config: &AmqpConfig, purpose: &'static str) -> Result<Self, AmqpError> {
        let keeper = Keeper { config: config.clone(), purpose, closing: CancellationToken::new() };
        let wire = keeper.connect().await?;
        let (sender, state) = watch::channel(State::Up(Arc::clone(&wire)));
        let closing = keeper.closing.clone();
        tokio::spawn(keeper.keep(wire, sender));
        Ok(Self { purpose, state, closing })
    }

    /// The connection, at once if there is one, otherwise the next one if it comes in time.
    pub(crate) async fn wire(&self, until: Instant) -> Result<Arc<Wire>, AmqpError> {
        let mut state = self.state.clone();
        let known = tokio::time::timeout_at(until, state.wait_for(|state| !matches!(state, State::Down(_)))).await;
        let state = match known {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => State::Closed,
            Err(_) => self.state.borrow().clone(),
        };
        match state {
            State::Up(wire) => Ok(wire),
            State::Down(why) => Err(AmqpError::Away(why.to_string())),
            State::Closed => Err(AmqpError::Closed),
        }
    }

    /// The next connection, whenever it comes. `None` when the bus is closed.
    pub(crate) async fn next_wire(&self) -> Option<Arc<Wire>> {
        let mut state = self.state.clone();
        let state = state.wait_for(|state| !matches!(state, State::Down(_))).await.ok()?;
        match &*state {
            State::Up(wire) => Some(Arc::clone(wire)),
            State::Down(_) | State::Closed => None,
        }
    }

    /// What is wrong with it, in words.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Up(wire) => wire.blocked().map(|why| AmqpError::Blocked(why).to_string()),
            State::Down(why) => Some(format!("there is no connection to {}: {why}", self.purpose)),
            State::Closed => Some(AmqpError::Closed.to_string()),
        }
    }

    /// Closes it and waits until it is closed.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        // The task that keeps it ends after it has said so.
        drop(self.state.clone().wait_for(|state| matches!(state, State::Closed)).await);
    }
}

/// What keeps a link.
struct Keeper {
    config: AmqpConfig,
    purpose: &'static str,
    closing: CancellationToken,
}

impl Keeper {
    async fn connect(&self) -> Result<Arc<Wire>, AmqpError> {
        let config = &self.config;
        let name = format!("{} ({})", config.name, self.purpose);
        let (connection, plug) = socket::connect(config, &name).await?;
        Ok(Arc::new(Wire {
            connection,
            plug,
            answer_within: config.answer_within,
            blocked: Mutex::new(None),
            condemned: CancellationToken::new(),
        }))
    }

    async fn keep(self, mut wire: Arc<Wire>, state: watch::Sender<State>) {
        loop {
            let Some(why) = self.watch(&wire).await else { break };
            tracing::warn!(purpose = self.purpose, why, "the connection to the broker is lost");
            state.send_replace(State::Down(why.into()));
            wire.plug.pull();
            match self.again(&state).await {
                Some(next) => wire = next,
                None => {
                    state.send_replace(State::Closed);
                    return;
                }
            }
            tracing::info!(purpose = self.purpose, "the broker is connected again");
            state.send_replace(State::Up(Arc::clone(&wire)));
        }
        // Nobody gets it any more.
        state.send_modify(|state| *state = State::Down("it is being closed".into()));
        let closing = wire.connection.close(200, "OK".into());
        if let Err(error) = within(self.config.answer_within, "closing the connection", closing).await {
            tracing::debug!(error = error_text(&error), "the connection could not be closed in good order");
        }
        wire.plug.pull();
        state.send_replace(State::Closed);
    }

    /// Why a connection has ended; `None` when it should be closed.
    async fn watch(&self, wire: &Wire) -> Option<String> {
        let mut events = wire.connection.events_listener().boxed();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                () = wire.condemned.cancelled() => return Some("it gave no answer".to_owned()),
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(why)) => {
                        tracing::error!(purpose = self.purpose, why, "the broker takes no messages");
                        *wire.blocked.lock() = Some(why);
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!(purpose = self.purpose, "the broker takes messages again");
                        *wire.blocked.lock() = None;
                    }
                    // It tells of channels, too: a connection outlives them.
                    Some(Event::Error(error)) if !wire.connection.status().connected() => {
                        return Some(error_text(&error));
                    }
                    Some(_) => {}
                    None => return Some("it ended".to_owned()),
                },
                _ = look.tick() => {
                    if !wire.connection.status().connected() {
                        return Some("it ended without a word".to_owned());
                    }
                }
            }
        }
    }

    /// Connects again, however long that takes; `None` when nobody wants it any more.
    async fn again(&self, state: &watch::Sender<State>) -> Option<Arc<Wire>> {
        let (first, longest) = self.config.pauses;
        let mut pause = first;
        loop {
            // Of many processes that lost the same broker, not all come back at the same moment.
            let sleep = tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0)));
            tokio::select! {
                () = self.closing.cancelled() => return None,
                () = sleep => {}
            }
            tokio::select! {
                () = self.closing.cancelled() => return None,
                connected = self.connect() => match connected {
                    Ok(wire) => return Some(wire),
                    Err(error) => {
                        let why = error_text(&error);
                        tracing::warn!(purpose = self.purpose, error = why, "the broker cannot be connected");
                        state.send_replace(State::Down(why.into()));
                    }
                }
            }
            pause = (pause * 2).min(longest);
        }
    }
}
