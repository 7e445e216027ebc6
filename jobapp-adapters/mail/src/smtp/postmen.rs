//! The connections to the mail host, and who has one.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jobapp_notifications::MailError;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::config::SmtpConfig;
use super::dialogue::{Connection, Handed, Letter};

/// Hand over mails, so many at once.
pub(super) struct Postmen {
    config: SmtpConfig,
    /// What we call ourselves where the settings do not say.
    name: String,
    /// How many more may be under way.
    free: Semaphore,
    /// Connections nobody has, the one that rests the longest first. Nothing was asked on them that was not answered.
    resting: Mutex<Vec<(Instant, Connection)>>,
}

/// The host did not finish in time.
#[derive(Debug, thiserror::Error)]
#[error("the mail host took longer than {0:?}")]
struct TooSlow(Duration);

impl Postmen {
    pub(super) fn new(config: SmtpConfig, name: &str) -> Self {
        let free = Semaphore::new(config.connections.max(1));
        Self { config, name: name.to_owned(), free, resting: Mutex::default() }
    }

    /// Hands over a letter. Also if nobody waits for that any more: half a dialogue would be taken for the next one.
    pub(super) async fn send(self: Arc<Self>, letter: Letter) -> Result<(), MailError> {
        let postmen = Arc::clone(&self);
        let sending = tokio::spawn(async move {
            let patience = postmen.config.patience;
            // When the time is over, the connection is closed with what was said on it.
            match timeout(patience, postmen.deliver(&letter)).await {
                Ok(delivered) => delivered,
                Err(_) => Err(MailError::unavailable(TooSlow(patience))),
            }
        });
        sending.await.map_err(MailError::unavailable).flatten()
    }

    async fn deliver(self: &Arc<Self>, letter: &Letter) -> Result<(), MailError> {
        let _place = self.free.acquire().await.map_err(MailError::unavailable)?;
        while let Some(connection) = self.rested().await {
            let handed = connection.hand_over(letter).await;
            // The host may end a connection while it rests, and it was seen too late.
            if !handed.is_untouched {
                return self.after(handed);
            }
        }
        self.after(Connection::open(&self.config, &self.name).await?.hand_over(letter).await)
    }

    fn after(self: &Arc<Self>, handed: Handed) -> Result<(), MailError> {
        if let Some(connection) = handed.connection {
            self.rest(connection);
        }
        handed.result
    }

    /// A connection that rested and is still good.
    async fn rested(&self) -> Option<Connection> {
        loop {
            let (since, connection) = self.resting.lock().pop()?;
            if since.elapsed() < self.config.rest
                && let Some(connection) = connection.if_good().await
            {
                return Some(connection);
            }
        }
    }

    /// Lets a connection rest, and closes it if it rests for too long.
    fn rest(self: &Arc<Self>, connection: Connection) {
        self.resting.lock().push((Instant::now(), connection));
        tokio::spawn(close_later(Arc::downgrade(self), self.config.rest));
    }

    fn rested_too_long(&self) -> Vec<Connection> {
        let mut resting = self.resting.lock();
        let fresh = resting.partition_point(|(since, _)| since.elapsed() >= self.config.rest);
        resting.drain(..fresh).map(|(_, connection)| connection).collect()
    }
}

async fn close_later(postmen: Weak<Postmen>, rest: Duration) {
    sleep(rest).await;
    let tired = postmen.upgrade().map(|postmen| postmen.rested_too_long()).unwrap_or_default();
    for connection in tired {
        connection.close().await;
    }
}
