//! Which mails were sent, in a file a month.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::Clock;
use jobapp_memory::Claims;
use jobapp_notifications::{Claim, ClaimToken, MailId, SentRecords, SentRecordsError};
use parking_lot::Mutex;

use crate::compose::fingerprint;
use crate::groups::Groups;
use crate::write::{Names, shared};

/// The months that are remembered: this one and the two before it, so at least 59 days.
const MONTHS: usize = 3;

/// Remembers sent mails in files of a folder, one file a month, one line a mail. The folder belongs to one process.
///
/// A line is synced before [`SentRecords::record`] returns. Months are forgotten with their file, so neither the folder
/// nor the memory grows for ever.
pub struct FileSentRecords {
    inner: Arc<Inner>,
    sent: Groups<MailId, io::Result<()>>,
}

struct Inner {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    /// Not held while the disk is waited for.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Fingerprints by month, such as `2026-11`.
    sent: BTreeMap<String, HashSet<[u8; 16]>>,
    /// The file of the newest month.
    open: Option<(String, Arc<File>)>,
    /// Mails that somebody is about to send. The folder belongs to one process, so they need not outlive it.
    claims: Claims<[u8; 16]>,
}

impl State {
    fn was_sent(&self, key: &[u8; 16]) -> bool {
        self.sent.values().any(|month| month.contains(key))
    }
}

impl FileSentRecords {
    /// The records in `folder`, which is made if need be.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be read.
    pub fn open(folder: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        let mut state = State::default();
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(month) = name.to_str().and_then(month_of_file) else { continue };
            let lines = std::fs::read_to_string(entry.path())?;
            state.sent.insert(month.to_owned(), lines.lines().filter_map(fingerprint_of_line).collect());
        }
        let inner = Inner { folder, clock, state: Mutex::new(state) };
        inner.forget_old_months(&mut inner.state.lock());
        let inner = Arc::new(inner);
        let recording = Arc::clone(&inner);
        let sent = Groups::start("jobapp-mail-sent", move |ids: Vec<MailId>| {
            let recorded = recording.record(&ids);
            ids.iter().map(|_| shared(&recorded)).collect()
        })?;
        Ok(Self { inner, sent })
    }
}

#[async_trait]
impl SentRecords for FileSentRecords {
    async fn claim(&self, id: &MailId, time: Duration) -> Result<Claim, SentRecordsError> {
        let (key, mut state) = (key(id), self.inner.state.lock());
        if state.was_sent(&key) {
            return Ok(Claim::Sent);
        }
        Ok(state.claims.claim(key, time).map_or(Claim::Busy, Claim::Free))
    }

    async fn give_back(&self, id: &MailId, claim: &ClaimToken) -> Result<(), SentRecordsError> {
        self.inner.state.lock().claims.give_back(&key(id), claim);
        Ok(())
    }

    async fn record(&self, id: &MailId) -> Result<(), SentRecordsError> {
        let recorded = self.sent.ask(id.clone()).await.map_err(io::Error::other).flatten();
        recorded.map_err(|error| SentRecordsError(error.into()))
    }
}

impl Inner {
    /// Records mails, which share one wait for the disk.
    fn record(&self, ids: &[MailId]) -> io::Result<()> {
        let month = self.clock.now().to_string().chars().take("2026-11".len()).collect::<String>();
        let lines: String = ids.iter().map(line).collect();
        let file = self.file_of(&month, &mut self.state.lock())?;
        (&*file).write_all(lines.as_bytes())?;
        file.sync_data()?;
        let mut state = self.state.lock();
        let sent = state.sent.entry(month).or_default();
        sent.extend(ids.iter().map(key));
        for id in ids {
            state.claims.end(&key(id));
        }
        Ok(())
    }

    /// The file of this month, the newest; it is made if it is a new one.
    fn file_of(&self, month: &str, state: &mut State) -> io::Result<Arc<File>> {
        if let Some((_, file)) = state.open.as_ref().filter(|(open, _)| open == month) {
            return Ok(Arc::clone(file));
        }
        let path = self.folder.join(format!("sent-{month}.log"));
        let file = Arc::new(OpenOptions::new().create(true).append(true).open(path)?);
        Names::of(&self.folder)?.sync()?;
        state.open = Some((month.to_owned(), Arc::clone(&file)));
        state.sent.entry(month.to_owned()).or_default();
        self.forget_old_months(state);
        Ok(file)
    }

    fn forget_old_months(&self, state: &mut State) {
        while state.sent.len() > MONTHS {
            let Some((month, _)) = state.sent.pop_first() else { return };
            let path = self.folder.join(format!("sent-{month}.log"));
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(file = %path.display(), %error, "old records of sent mails could not be removed");
            }
        }
    }
}

/// What stands for a mail. The line end comes first: a line that a full disk or a power cut tore off spoils only itself.
fn line(id: &MailId) -> String {
    let description: String = id.to_string().chars().filter(|c| !c.is_control()).take(400).collect();
    format!("\n{} {description}", fingerprint(id))
}

fn key(id: &MailId) -> [u8; 16] {
    fingerprint_bytes(&fingerprint(id)).unwrap_or_default()
}

fn fingerprint_bytes(hexadecimal: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(hexadecimal, &mut bytes).ok()?;
    Some(bytes)
}

fn fingerprint_of_line(line: &str) -> Option<[u8; 16]> {
    fingerprint_bytes(line.split(' ').next()?)
}

fn month_of_file(name: &str) -> Option<&str> {
    let month = name.strip_prefix("sent-")?.strip_suffix(".log")?;
    let is_month = month.len() == 7 && month.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_month.then_some(month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_kernel::{FixedClock, Timestamp};
    use jobapp_notifications::Template;
    use std::path::Path;

    fn id(message: &str) -> MailId {
        MailId { message: message.into(), template: Template::Offer, at: Timestamp::EPOCH }
    }

    fn at(text: &str) -> Arc<FixedClock> {
        Arc::new(FixedClock::at(text.parse().unwrap()))
    }

    async fn was_sent(records: &FileSentRecords, id: &MailId) -> bool {
        records.claim(id, Duration::ZERO).await.unwrap() == Claim::Sent
    }

    fn open(folder: &Path, clock: &Arc<FixedClock>) -> FileSentRecords {
        FileSentRecords::open(folder, clock.clone()).unwrap()
    }

    #[tokio::test]
    async fn records_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let clock = at("2026-11-24T10:15:42Z");
        let records = open(folder.path(), &clock);
        assert!(!was_sent(&records, &id("a")).await);
        records.record(&id("a")).await.unwrap();
        records.record(&id("b\nc")).await.unwrap();
        for records in [records, open(folder.path(), &clock)] {
            assert!(was_sent(&records, &id("a")).await);
            assert!(was_sent(&records, &id("b\nc")).await);
            assert!(!was_sent(&records, &MailId { template: Template::OtpEmail, ..id("a") }).await);
            // When the message says it happened makes no other mail of it.
            let later = Timestamp::EPOCH.plus(std::time::Duration::from_secs(1));
            assert!(was_sent(&records, &MailId { at: later, ..id("a") }).await);
        }
    }

    #[tokio::test]
    async fn a_line_that_was_torn_off_spoils_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let clock = at("2026-11-24T10:15:42Z");
        open(folder.path(), &clock).record(&id("a")).await.unwrap();
        let path = folder.path().join("sent-2026-11.log");
        let torn = format!("{}\n0123", std::fs::read_to_string(&path).unwrap());
        std::fs::write(&path, torn).unwrap();
        open(folder.path(), &clock).record(&id("b")).await.unwrap();
        let records = open(folder.path(), &clock);
        assert!(was_sent(&records, &id("a")).await);
        assert!(was_sent(&records, &id("b")).await);
    }

    #[tokio::test]
    async fn old_months_are_forgotten_with_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let clock = at("2026-11-24T10:15:42Z");
        let records = open(folder.path(), &clock);
        for (month, message) in [("2026-11", "a"), ("2026-12", "b"), ("2027-01", "c"), ("2027-02", "d")] {
            clock.set(format!("{month}-28").parse().unwrap());
            records.record(&id(message)).await.unwrap();
        }
        assert!(!was_sent(&records, &id("a")).await);
        assert!(was_sent(&records, &id("b")).await);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), MONTHS);
    }
}
