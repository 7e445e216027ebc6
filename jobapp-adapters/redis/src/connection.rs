//! The connection to Redis.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::Builder;
use fred::types::config::{ReconnectPolicy, UnresponsiveConfig};
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::fanout::Keeping;
use crate::{
    RedisCache, RedisCategories, RedisConfig, RedisError, RedisFanout, RedisLeases, RedisLimiter, RedisPresence,
    RedisSentRecords,
};

/// How many commands may wait to be written.
const MOST_WAITING: usize = 4096;
/// The first and the longest pause before it is connected again, in milliseconds.
const PAUSE: (u32, u32) = (100, 2_000);
/// How often the first connection is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// A connection to Redis that comes back by itself. Clones share it; with the last of them, and of what was made of it, it is
/// closed.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    config: RedisConfig,
    commands: Connected,
    /// Why there is no connection, as far as is known.
    fault: Fault,
    /// Whether the time that a start may take to connect is over.
    started: AtomicBool,
}

/// What went wrong with a connection last.
type Fault = Arc<Mutex<Option<String>>>;

/// A client and the task that reads and writes for it, which ends with this.
pub(crate) struct Connected {
    pub(crate) client: Client,
    _task: Ending<Result<(), Error>>,
}

/// A task that ends with this.
struct Ending<T>(JoinHandle<T>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Redis {
    /// Begins to connect, on the current tokio runtime, and goes on until it is there.
    ///
    /// # Errors
    /// [`RedisError::Failed`] when that cannot even begin.
    pub fn open(config: RedisConfig) -> Result<Self, RedisError> {
        let mut builder = builder(&config);
        builder.set_policy(ReconnectPolicy::new_exponential(0, PAUSE.0, PAUSE.1, 2));
        builder.with_performance_config(|performance| performance.default_command_timeout = config.patience);
        let client = built(&builder)?;
        let fault = Fault::default();
        let _task = Ending(tokio::spawn(keep_connected(client.clone(), Arc::clone(&fault))));
        let commands = Connected { client, _task };
        Ok(Self(Arc::new(Inner { config, commands, fault, started: AtomicBool::new(false) })))
    }

    /// Asks Redis whether it is there.
    ///
    /// # Errors
    /// [`RedisError`] when it is not.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let answered = self.client().await?.ping::<String>(None).await;
        answered.map(drop).map_err(|source| RedisError::Failed { attempt: "answer", source })
    }

    /// Rate limits that all who use it share.
    pub fn limiter(&self) -> RedisLimiter {
        RedisLimiter::new(self.clone())
    }

    /// Who is online.
    pub fn presence(&self) -> RedisPresence {
        RedisPresence::new(self.clone())
    }

    /// What all gateways hear.
    pub fn fanout(&self) -> RedisFanout {
        RedisFanout::new(self.clone(), Keeping::default())
    }

    /// Which mails were sent.
    pub fn sent_records(&self) -> RedisSentRecords {
        RedisSentRecords::new(self.clone())
    }

    /// Which category users looked at last.
    pub fn categories(&self) -> RedisCategories {
        RedisCategories::new(self.clone())
    }

    /// What processes keep together.
    pub fn cache(&self) -> RedisCache {
        RedisCache::new(self.clone())
    }

    /// What one owner does at a time.
    pub fn leases(&self) -> RedisLeases {
        RedisLeases::new(self.clone())
    }

    /// Who sends commands, while there is a connection. Without one nothing waits for it, but for the first one when a process starts.
    pub(crate) async fn client(&self) -> Result<&Client, RedisError> {
        let Inner { config, commands, fault, started } = &*self.0;
        let client = &commands.client;
        if !started.load(Ordering::Relaxed) {
            let until = Instant::now() + config.patience;
            while !client.is_connected() && Instant::now() < until {
                sleep(LOOK).await;
            }
            started.store(true, Ordering::Relaxed);
        }
        if client.is_connected() {
            return Ok(client);
        }
        let why = fault.lock().clone();
        Err(RedisError::Away { why: why.unwrap_or_else(|| "it does not answer".to_owned()) })
    }

    /// A connection of its own, for one who waits within Redis: commands would wait behind him. It does not come back.
    pub(crate) async fn another(&self) -> Result<Connected, RedisError> {
        let mut builder = builder(&self.0.config);
        builder.with_config(|server| server.fail_fast = true);
        let client = built(&builder)?;
        // In a task: if the caller is gone before it is connected, it is closed all the same.
        let connecting = tokio::spawn(async move {
            let _task = Ending(client.init().await?);
            Ok(Connected { client, _task })
        });
        let connected = connecting.await.map_err(Error::from).flatten();
        connected.map_err(|source| RedisError::Failed { attempt: "take another connection", source })
    }

    pub(crate) fn config(&self) -> &RedisConfig {
        &self.0.config
    }

    /// A key of this kind. Where several keys are used together, `kind` is in braces: that puts them into one slot of a cluster.
    pub(crate) fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{name}", self.0.config.prefix)
    }
}

/// Connects, and connects again, without end, and says in the log when that begins and ends to fail.
async fn keep_connected(client: Client, fault: Fault) -> Result<(), Error> {
    let (mut errors, mut connections) = (client.error_rx(), client.reconnect_rx());
    loop {
        let mut connected = Ending(client.connect());
        let ended = loop {
            tokio::select! {
                error = errors.recv() => match error {
                    Ok((error, _)) => failed(&fault, error.details()),
                    // There were more than could be listened to; the next one tells as much.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                },
                server = connections.recv() => if server.is_ok() && fault.lock().take().is_some() {
                    tracing::info!("Redis is there again");
                },
                ended = &mut connected.0 => break ended,
            }
        };
        // The driver gives up when it takes an error for hopeless. What is hopeless now may be seen to later.
        let why = match ended {
            Ok(Ok(())) => "the connection was closed".to_owned(),
            Ok(Err(error)) => error.details().to_owned(),
            Err(error) => error.to_string(),
        };
        failed(&fault, &why);
        sleep(Duration::from_millis(PAUSE.1.into())).await;
    }
}

fn failed(fault: &Fault, why: &str) {
    let known = fault.lock().replace(why.to_owned());
    if known.as_deref() != Some(why) {
        tracing::warn!(error = why, "Redis is away");
    }
}

fn built(builder: &Builder) -> Result<Client, RedisError> {
    builder.build().map_err(|source| RedisError::Failed { attempt: "begin to connect", source })
}

fn builder(config: &RedisConfig) -> Builder {
    let patience = config.patience;
    let mut builder = Builder::from_config(config.server.clone());
    builder.with_connection_config(|connection| {
        connection.connection_timeout = patience;
        connection.internal_command_timeout = patience;
        // A command whose answer was lost may have been done. Whoever asked knows whether it may be done again.
        connection.max_command_attempts = 1;
        connection.max_command_buffer_len = MOST_WAITING;
        connection.reconnect_on_auth_error = true;
        connection.tcp.nodelay = Some(true);
        // A network that lost the connection without a word.
        connection.unresponsive = UnresponsiveConfig { max_timeout: Some(patience), interval: patience / 4 };
    });
    builder
}
