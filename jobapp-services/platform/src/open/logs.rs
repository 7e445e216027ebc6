//! Where log lines go beside standard error, whatever takes them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

#[cfg(feature = "elastic")]
use jobapp_elastic::{ElasticConfig, ElasticSearch, LogLimits, LogShipper};
use jobapp_runtime::Beside;

use super::{Address, OpenError};

/// How its addresses look.
const KNOWN: &[&str] = &[
    #[cfg(feature = "elastic")]
    "elasticsearch://<user>:<password>@<host>",
    #[cfg(feature = "elastic")]
    "http://<user>:<password>@<host>:9200",
    #[cfg(feature = "elastic")]
    "https://<user>:<password>@<host>:9200",
];

/// A server that log lines are shipped to, for as long as this lives. What waits when it is dropped is shipped within seconds, or counted as
/// lost and told: drop it after everything that logs, and before the [`Logging`](jobapp_runtime::Logging) itself.
#[must_use = "lines that wait to be shipped are lost without it"]
pub struct LogServer {
    beside: Beside,
    counts: Arc<dyn Fn() -> LineCounts + Send + Sync>,
    _shipping: Box<dyn Any + Send>,
}

/// What became of log lines so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// They are on the server.
    pub shipped: u64,
    /// They wait.
    pub waiting: u64,
    /// They were the oldest when no more could wait.
    pub lost_full: u64,
    /// They were longer than a line may be.
    pub lost_long: u64,
    /// The server will never take them.
    pub lost_refused: u64,
    /// They still waited when the process stopped.
    pub lost_stopped: u64,
}

impl fmt::Debug for LogServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogServer").field("counts", &(self.counts)()).finish_non_exhaustive()
    }
}

impl LogServer {
    /// Ships to the server at this address, which need not be there yet.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub fn open(address: &Address) -> Result<Self, OpenError> {
        match address.scheme() {
            #[cfg(feature = "elastic")]
            "elasticsearch" | "http" | "https" => {
                let shipper = LogShipper::start(&elastic(address)?, &instance(), LogLimits::default());
                Ok(Self::of(shipper.map_err(OpenError::of)?))
            }
            _ => Err(OpenError::unknown(address, "a server of log lines", KNOWN)),
        }
    }

    #[cfg(feature = "elastic")]
    fn of(shipper: LogShipper) -> Self {
        let (taking, counting) = (shipper.lines(), shipper.lines());
        let counts = move || {
            let counts = counting.counts();
            LineCounts {
                shipped: counts.shipped,
                waiting: counts.waiting,
                lost_full: counts.lost_full,
                lost_long: counts.lost_long,
                lost_refused: counts.lost_refused,
                lost_stopped: counts.lost_stopped,
            }
        };
        Self {
            beside: Beside::new(move |line| taking.take(line)),
            counts: Arc::new(counts),
            _shipping: Box::new(shipper),
        }
    }

    /// What takes lines.
    pub fn beside(&self) -> Beside {
        self.beside.clone()
    }

    /// What tells what became of lines so far.
    pub fn counts(&self) -> Arc<dyn Fn() -> LineCounts + Send + Sync> {
        Arc::clone(&self.counts)
    }

    /// Looks whether there is a server at this address, and changes nothing.
    ///
    /// # Errors
    /// As [`LogServer::open`]; a server that does not answer is away.
    pub async fn look(address: &Address) -> Result<(), OpenError> {
        match address.scheme() {
            #[cfg(feature = "elastic")]
            "elasticsearch" | "http" | "https" => {
                ElasticSearch::open(elastic(address)?).ping().await.map_err(OpenError::away)
            }
            _ => Err(OpenError::unknown(address, "a server of log lines", KNOWN)),
        }
    }
}

#[cfg(feature = "elastic")]
fn elastic(address: &Address) -> Result<ElasticConfig, OpenError> {
    let config = ElasticConfig::from_url(&address.url());
    config.map_err(|error| OpenError::of(format!("{}: {error}", address.setting())))
}

/// What the lines of this process are told apart by: of a pod its name, and the number of the process.
#[cfg(feature = "elastic")]
fn instance() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}/{}", std::process::id())
}

#[cfg(all(test, feature = "elastic"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_wrong_with_an_address_is_told_with_its_setting_and_without_its_password() {
        for text in ["https://elastic:hush@es.test?logs=*", "elastic://elastic:hush@es.test"] {
            let address = Address::parse("JOBAPP_LOG_SERVER", text);
            for error in [LogServer::open(&address).unwrap_err(), LogServer::look(&address).await.unwrap_err()] {
                let told = error.to_string();
                assert!(told.starts_with("JOBAPP_LOG_SERVER: ") && !told.contains("hush"), "{told}");
            }
        }
        let away = Address::parse("JOBAPP_LOG_SERVER", "http://elastic:hush@127.0.0.1:1");
        assert!(LogServer::look(&away).await.unwrap_err().may_pass());
    }
}
