//! Sends what waits, again and again until it is taken or will never be.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jobapp_kernel::error_text;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::buffer::Buffer;
use super::{add, aloud, template};
use crate::client::Client;
use crate::error::Reason;
use crate::{ElasticConfig, ElasticError};

const ATTEMPT: &str = "take log lines";
/// A server that waits for a shard says so before our patience ends, which would be told of the node.
const PATH: &str = "/_bulk?timeout=5s&filter_path=items.*.status,items.*.error.type,items.*.error.reason";
/// How often it is told at most that lines are lost.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// How long a pause is once it is asked to stop.
const LAST_PAUSE: Duration = Duration::from_millis(100);
/// What every line begins with.
const BEGINNING: &[u8] = b"{\"timestamp\":\"";

/// Sends what waits.
pub(super) struct Shipping {
    buffer: Arc<Buffer>,
    config: ElasticConfig,
    client: Client,
    /// Every document begins with this: whose it is.
    opening: String,
    /// Ids are this and a number: unlike those of any other process.
    run: String,
    next: u64,
    /// What is to be sent next, or again.
    batch: Vec<Entry>,
    /// How many of it at once: fewer after they were too large.
    at_once: usize,
    has_template: bool,
    /// How often in a row lines were not taken.
    failures: u32,
    told: Told,
}

/// A line as it is sent, with what is said of it.
struct Entry(String);

/// Which losses were told, and when last.
#[derive(Default)]
struct Told {
    full: u64,
    long: u64,
    at: Option<Instant>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    #[serde(default)]
    error: Reason,
}

impl Shipping {
    pub(super) fn new(config: &ElasticConfig, instance: &str, buffer: Arc<Buffer>) -> Self {
        let patience = buffer.limits.patience;
        let config = ElasticConfig { patience, write_patience: patience, ..config.clone() };
        Self {
            client: Client::new(&config),
            opening: format!("{{\"instance\":{},", json!(instance)),
            run: Uuid::new_v4().simple().to_string(),
            next: 0,
            batch: Vec::new(),
            at_once: buffer.limits.lines_at_once.max(1),
            has_template: false,
            failures: 0,
            told: Told::default(),
            config,
            buffer,
        }
    }

    /// Ships until it is asked to stop, and then what is left, within its time.
    pub(super) async fn until(&mut self, stopped: oneshot::Receiver<()>) {
        tokio::select! {
            biased;
            // Whether it is said or whoever would say it is gone.
            _ = stopped => {}
            never = self.keep_shipping() => match never {},
        }
        self.finish().await;
    }

    /// May be dropped at any time: what is on its way stays in the batch until it is answered for.
    async fn keep_shipping(&mut self) -> Infallible {
        loop {
            if self.batch.is_empty() {
                self.buffer.filled().await;
                self.take_batch();
            }
            self.tell_losses();
            match self.send().await {
                Ok(()) => self.goes_well(),
                Err(trouble) => {
                    self.goes_badly(&trouble);
                    tokio::time::sleep(self.pause()).await;
                }
            }
        }
    }

    async fn finish(&mut self) {
        self.buffer.close();
        // Nodes that were passed over are asked once more: one may be there again, and nobody has the time to wait for the next look.
        self.client = Client::new(&self.config);
        let last = self.buffer.limits.last;
        let shipping = async {
            loop {
                if self.batch.is_empty() {
                    self.take_batch();
                }
                if self.batch.is_empty() {
                    return;
                }
                if self.send().await.is_err() {
                    tokio::time::sleep(LAST_PAUSE).await;
                }
            }
        };
        let is_in_time = tokio::time::timeout(last, shipping).await.is_ok();
        self.told.at = None;
        self.tell_losses();
        if !is_in_time {
            let lost = self.batch.len() + self.buffer.clear();
            self.answered(self.batch.len());
            add(&self.buffer.counts.stopped, lost);
            tracing::warn!(lost, "log lines were not shipped before the end; the console has them");
        }
    }

    fn take_batch(&mut self) {
        let lines = self.buffer.batch();
        let count = lines.len();
        self.batch = lines.iter().filter_map(|line| self.entry(line)).collect();
        let strange = count - self.batch.len();
        if strange > 0 {
            self.answered(strange);
            add(&self.buffer.counts.refused, strange);
            tracing::warn!(lost = strange, "log lines without a time are not shipped");
        }
    }

    /// What is sent of a line. `None` if it is none of ours.
    fn entry(&mut self, line: &[u8]) -> Option<Entry> {
        let line = std::str::from_utf8(line).ok()?.trim_end();
        let [year, month, day] = date(line)?;
        let logs = &self.config.logs;
        let (index, id) = (format!("{logs}-{year}.{month}.{day}"), format!("{}-{}", self.run, self.next));
        self.next += 1;
        let to = json!({"create": {"_index": index, "_id": id}});
        Some(Entry(format!("{to}\n{}{}\n", self.opening, line.get(1..)?)))
    }

    /// These are sent no more, whatever became of them.
    fn answered(&self, count: usize) {
        self.buffer.counts.sending.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// Sends once. What has to be sent again stays in the batch.
    async fn send(&mut self) -> Result<(), String> {
        let failed = |error: ElasticError| error_text(&error);
        if self.batch.is_empty() {
            return Ok(());
        }
        if !self.has_template {
            template::put(&self.client, &self.config.logs).await.map_err(failed)?;
            self.has_template = true;
        }
        let count = self.at_once.min(self.batch.len());
        let lines: String = self.batch.iter().take(count).map(|Entry(lines)| lines.as_str()).collect();
        let answer = self.client.bulk(ATTEMPT, PATH, Bytes::from(lines)).await.map_err(failed)?;
        if answer.is_too_large() {
            self.too_large(count);
            return Ok(());
        }
        let Answered { items } = answer.success().and_then(|answer| answer.read()).map_err(failed)?;
        if items.len() != count {
            return Err(format!("Elasticsearch answered for {} of {count} log lines", items.len()));
        }
        self.sort_out(items)
    }

    /// Takes out of the batch what is done with.
    fn sort_out(&mut self, items: Vec<Item>) -> Result<(), String> {
        let (mut kept, mut busy, mut refused) = (Vec::new(), None, Vec::new());
        let (count, mut shipped) = (items.len(), 0);
        for (entry, Item { create: outcome }) in self.batch.drain(..count).zip(items) {
            match outcome.status {
                // It came the first time, and only the answer was lost.
                200..=299 | 409 => shipped += 1,
                400 if !outcome.error.is_about_the_index() => refused.push(outcome.error.text()),
                _ => {
                    busy = Some(outcome.error.text());
                    kept.push(entry);
                }
            }
        }
        self.at_once = (self.at_once * 2).min(self.buffer.limits.lines_at_once.max(1));
        self.answered(count - kept.len());
        add(&self.buffer.counts.shipped, shipped);
        add(&self.buffer.counts.refused, refused.len());
        self.batch.splice(..0, kept);
        if let Some(reason) = refused.first() {
            tracing::warn!(lost = refused.len(), reason, "Elasticsearch refuses log lines; the console has them");
        }
        busy.map_or(Ok(()), |reason| Err(format!("Elasticsearch did not {ATTEMPT}: {reason}")))
    }

    /// Sends fewer at once, unless it was one.
    fn too_large(&mut self, count: usize) {
        if count > 1 {
            self.at_once = count / 2;
            return;
        }
        self.batch.remove(0);
        self.answered(1);
        add(&self.buffer.counts.refused, 1);
        tracing::warn!(lost = 1, "a log line is too large for Elasticsearch; the console has it");
    }

    fn goes_well(&mut self) {
        if std::mem::take(&mut self.failures) == 0 {
            return;
        }
        tracing::info!("log lines are shipped again");
        self.told.at = None;
        self.tell_losses();
    }

    fn goes_badly(&mut self, trouble: &str) {
        // Who comes back may have forgotten it.
        self.has_template = false;
        if self.failures == 0 {
            tracing::warn!(error = trouble, "log lines wait to be shipped; the console has them");
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn pause(&self) -> Duration {
        let (first, longest) = self.buffer.limits.pause;
        first.saturating_mul(1 << self.failures.saturating_sub(1).min(16)).min(longest)
    }

    /// Tells of lines that were lost in the buffer, now and then. Where they are looked for they are told of, too: the gap is there.
    fn tell_losses(&mut self) {
        let counts = &self.buffer.counts;
        let now = (counts.full.load(Ordering::Relaxed), counts.long.load(Ordering::Relaxed));
        let (full, long) = (now.0 - self.told.full, now.1 - self.told.long);
        if full + long == 0 || self.told.at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            return;
        }
        self.told = Told { full: now.0, long: now.1, at: Some(Instant::now()) };
        aloud(|| {
            if full > 0 {
                tracing::warn!(lost = full, "log lines were not shipped, since too many wait; the console has them");
            }
            if long > 0 {
                tracing::warn!(
                    lost = long,
                    "log lines were not shipped, since they are too long; the console has them"
                );
            }
        });
    }
}

/// The year, month and day of a line.
fn date(line: &str) -> Option<[&str; 3]> {
    let day = line.as_bytes().strip_prefix(BEGINNING).and(line.get(BEGINNING.len()..)?.get(..10))?;
    let mut parts = day.split('-');
    let parts = [parts.next()?, parts.next()?, parts.next()?];
    let is_number = |(part, length): (&str, usize)| part.len() == length && part.bytes().all(|c| c.is_ascii_digit());
    parts.into_iter().zip([4, 2, 2]).all(is_number).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_from_what_begins_with_one() {
        assert_eq!(date("{\"timestamp\":\"2026-12-01T10:00:00Z\"}"), Some(["2026", "12", "01"]));
        for other in [
            "",
            "{}",
            "{\"timestamp\":\"2026-12\"}",
            "{\"timestamp\":\"2026-1é-01\"}",
            "{\"timestamp\":\"*026-12-01\"}",
        ] {
            assert_eq!(date(other), None, "{other}");
        }
    }
}
