//! Log lines on their way to Elasticsearch.
//!
//! Whoever logs hands a line to [`LogLines::take`], which puts it into a bounded [buffer](buffer) and returns: it never waits for a server.
//! One thread with a runtime of its own [ships](shipping) what waits, in batches, to an index a day (`jobapp-logs-2026.12.01`), whose
//! [template](template) it puts in place. Nothing of that runs on the threads of the program, so that neither can hold up the other; and
//! what is logged on the shipper's own threads is not shipped, so that shipping a line never makes another one.
//!
//! Each line has an id, and is created and never overwritten: a batch whose answer was lost is sent again, and no line is there twice.

mod buffer;
mod shipping;
mod template;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::ElasticConfig;
use buffer::Buffer;
use shipping::Shipping;

/// How much is shipped at once, how much may wait, and for how long.
#[derive(Debug, Clone)]
pub struct LogLimits {
    /// How many lines are sent at once.
    pub lines_at_once: usize,
    /// How many bytes of lines are sent at once: half of what proxies take that nobody told otherwise.
    pub bytes_at_once: usize,
    /// How long a line waits for others.
    pub gather: Duration,
    /// How many lines may wait.
    pub lines_waiting: usize,
    /// How many bytes of lines may wait.
    pub bytes_waiting: usize,
    /// How long a line may be, in bytes.
    pub longest_line: usize,
    /// How long a server may take to answer: as long as the programs of the existing system gave it.
    pub patience: Duration,
    /// How long the first pause is after a server did not take lines, and the longest. Each is twice as long as the one before.
    pub pause: (Duration, Duration),
    /// How long shipping goes on once it is asked to stop.
    pub last: Duration,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            lines_at_once: 1000,
            bytes_at_once: 512 * 1024,
            gather: Duration::from_secs(1),
            lines_waiting: 20_000,
            bytes_waiting: 8 * 1024 * 1024,
            longest_line: 128 * 1024,
            patience: Duration::from_secs(10),
            pause: (Duration::from_millis(250), Duration::from_secs(10)),
            last: Duration::from_secs(3),
        }
    }
}

/// What became of lines so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// They are in Elasticsearch.
    pub shipped: u64,
    /// They wait, or are being sent.
    pub waiting: u64,
    /// They were the oldest when no more could wait.
    pub lost_full: u64,
    /// They were longer than a line may be.
    pub lost_long: u64,
    /// Elasticsearch will never take them.
    pub lost_refused: u64,
    /// They still waited when the process stopped.
    pub lost_stopped: u64,
}

impl LogCounts {
    /// How many were lost, for whatever reason.
    pub const fn lost(&self) -> u64 {
        self.lost_full + self.lost_long + self.lost_refused + self.lost_stopped
    }
}

/// The same, while they change.
#[derive(Debug, Default)]
struct Counts {
    shipped: AtomicU64,
    /// Lines that were taken out of the buffer and not answered for yet.
    sending: AtomicU64,
    full: AtomicU64,
    long: AtomicU64,
    refused: AtomicU64,
    stopped: AtomicU64,
}

fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(more as u64, Ordering::Relaxed);
}

/// Takes lines. A clone is another handle.
#[derive(Clone)]
pub struct LogLines(Arc<Buffer>);

impl fmt::Debug for LogLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLines").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl LogLines {
    /// Takes a line: a JSON object that begins with its `timestamp`, and an end of line. It never waits for a server, and logs nothing itself.
    pub fn take(&self, line: &[u8]) {
        if !IS_SHIPPING.get() {
            self.0.take(line);
        }
    }

    /// What became of lines so far.
    pub fn counts(&self) -> LogCounts {
        let counts = &self.0.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LogCounts {
            shipped: read(&counts.shipped),
            waiting: read(&counts.sending) + self.0.len() as u64,
            lost_full: read(&counts.full),
            lost_long: read(&counts.long),
            lost_refused: read(&counts.refused),
            lost_stopped: read(&counts.stopped),
        }
    }
}

/// Ships lines for as long as it lives. What waits when it is dropped is shipped within [`LogLimits::last`]; what is left then is counted as
/// lost, and told.
#[derive(Debug)]
#[must_use = "lines that wait to be shipped are lost without it"]
pub struct LogShipper {
    lines: LogLines,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LogShipper {
    /// Ships to these servers, which need not be there yet. `instance` is what the lines of this process are told apart by.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(config: &ElasticConfig, instance: &str, limits: LogLimits) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name("log-shipper")
            // Names are looked up on further threads.
            .on_thread_start(|| IS_SHIPPING.set(true))
            .build()?;
        let buffer = Arc::new(Buffer::new(limits));
        let (stop, stopped) = oneshot::channel();
        let lines = LogLines(Arc::clone(&buffer));
        let mut shipping = Shipping::new(config, instance, buffer);
        let work = move || {
            IS_SHIPPING.set(true);
            runtime.block_on(shipping.until(stopped));
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("log-shipper".to_owned()).spawn(work)?;
        Ok(Self { lines, stop: Some(stop), thread: Some(thread) })
    }

    /// What takes lines.
    pub fn lines(&self) -> LogLines {
        self.lines.clone()
    }
}

impl Drop for LogShipper {
    fn drop(&mut self) {
        // Dropped, it says the same.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("what shipped log lines failed");
        }
    }
}

thread_local! {
    /// Whether this is a thread of a shipper.
    static IS_SHIPPING: Cell<bool> = const { Cell::new(false) };
}

/// Tells something that is to be shipped although a shipper says it.
fn aloud(tell: impl FnOnce()) {
    IS_SHIPPING.set(false);
    tell();
    IS_SHIPPING.set(true);
}
