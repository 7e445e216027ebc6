//! Mails and the records of sent ones, in memory.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jobapp_notifications::{Claim, ClaimToken, Mail, MailError, MailId, Mailer, SentRecords, SentRecordsError};
use parking_lot::Mutex;

/// Who is about to do what, until when: claims of one process.
#[derive(Debug)]
pub struct Claims<K> {
    open: HashMap<K, (u64, Instant)>,
    given: u64,
}

impl<K> Default for Claims<K> {
    fn default() -> Self {
        Self { open: HashMap::new(), given: 0 }
    }
}

impl<K: Eq + Hash> Claims<K> {
    /// Claims this for some time; `None` while somebody else's claim lasts.
    pub fn claim(&mut self, key: K, time: Duration) -> Option<ClaimToken> {
        let now = Instant::now();
        if self.open.get(&key).is_some_and(|(_, until)| *until > now) {
            return None;
        }
        // Claims of processes that died are rare; they go when there is something new to claim.
        self.open.retain(|_, (_, until)| *until > now);
        self.given += 1;
        self.open.insert(key, (self.given, now + time));
        Some(ClaimToken(self.given.to_string()))
    }

    /// Ends this claim, if it still is the one.
    pub fn give_back(&mut self, key: &K, claim: &ClaimToken) {
        if self.open.get(key).is_some_and(|(number, _)| number.to_string() == claim.0) {
            self.open.remove(key);
        }
    }

    /// Ends whatever claim there is.
    pub fn end(&mut self, key: &K) {
        self.open.remove(key);
    }
}

/// Sent records in memory.
#[derive(Debug, Default)]
pub struct MemorySentRecords(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    sent: BTreeSet<String>,
    claims: Claims<String>,
}

#[async_trait]
impl SentRecords for MemorySentRecords {
    async fn claim(&self, id: &MailId, time: Duration) -> Result<Claim, SentRecordsError> {
        let mut records = self.0.lock();
        let key = id.to_string();
        if records.sent.contains(&key) {
            return Ok(Claim::Sent);
        }
        Ok(records.claims.claim(key, time).map_or(Claim::Busy, Claim::Free))
    }

    async fn record(&self, id: &MailId) -> Result<(), SentRecordsError> {
        let mut records = self.0.lock();
        let key = id.to_string();
        records.claims.end(&key);
        records.sent.insert(key);
        Ok(())
    }

    async fn give_back(&self, id: &MailId, claim: &ClaimToken) -> Result<(), SentRecordsError> {
        self.0.lock().claims.give_back(&id.to_string(), claim);
        Ok(())
    }
}

/// A mail that a [`MemoryMailer`] was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMail {
    /// Which mail of which message it is.
    pub id: MailId,
    /// The mail.
    pub mail: Mail,
}

/// Keeps mails in memory, each once, and can be told to fail.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<SentMail>>,
    attempts: AtomicUsize,
    failing: Mutex<Option<Failing>>,
}

#[derive(Debug, Clone, Copy)]
enum Failing {
    Away,
    Rejecting,
}

impl MemoryMailer {
    /// What was sent, in order.
    pub fn sent(&self) -> Vec<SentMail> {
        self.sent.lock().clone()
    }

    /// How often it was asked to send a mail, whether it did or not.
    pub fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }

    /// From now on every mail fails as [`MailError::Unavailable`].
    pub fn go_away(&self) {
        *self.failing.lock() = Some(Failing::Away);
    }

    /// From now on every mail fails as [`MailError::Rejected`].
    pub fn reject(&self) {
        *self.failing.lock() = Some(Failing::Rejecting);
    }

    /// From now on mails are taken again.
    pub fn come_back(&self) {
        *self.failing.lock() = None;
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        match *self.failing.lock() {
            Some(Failing::Away) => Err(MailError::unavailable("the mailer was told to be away")),
            Some(Failing::Rejecting) => Err(MailError::rejected("the mailer was told to reject")),
            None => {
                self.sent.lock().push(SentMail { id: id.clone(), mail: mail.clone() });
                Ok(())
            }
        }
    }
}
