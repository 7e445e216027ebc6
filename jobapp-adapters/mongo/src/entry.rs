//! What waits in an outbox: each entry is a text, since some servers remove only whole values from a list.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Mutex;
use std::sync::PoisonError;

use jobapp_kernel::{MessageId, OutboxEntry, Timestamp, Version};
use jobapp_seal::{self as seal, Seal};
use serde::{Deserialize, Serialize};

/// An entry as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its ticket: entries of different aggregates go by it.
    #[serde(rename = "n")]
    pub(crate) ticket: i64,
    #[serde(rename = "v")]
    pub(crate) version: Version,
    /// Which event of its change it is.
    #[serde(rename = "i")]
    pub(crate) index: usize,
    /// The event as JSON, sealed if the store is.
    #[serde(rename = "e")]
    pub(crate) event: String,
    #[serde(rename = "h", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    /// Milliseconds.
    #[serde(rename = "t")]
    pub(crate) recorded_at: i64,
}

/// What tells an entry from the others of its aggregate: version and index.
pub(crate) type Place = (Version, usize);

/// An entry as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// Its text, by which it is removed.
    pub(crate) text: String,
    pub(crate) place: Place,
    /// Its ticket, or that of an entry before it, if that is higher: clocks differ, and the order of versions does not.
    pub(crate) ticket: i64,
    read: Result<Entry, String>,
}

/// The entries of an aggregate, in their order.
pub(crate) fn waiting(texts: Vec<String>) -> Vec<Waiting> {
    let mut highest = 0;
    let read = |(number, text): (usize, String)| {
        let read: Result<Entry, String> = serde_json::from_str(&text).map_err(|error| error.to_string());
        highest = read.as_ref().map_or(highest, |entry| highest.max(entry.ticket));
        let place = read.as_ref().map_or((0, number), |entry| (entry.version, entry.index));
        Waiting { text, place, ticket: highest, read }
    };
    texts.into_iter().enumerate().map(read).collect()
}

impl Waiting {
    /// The entry, to be published. One that is damaged is handed out as unreadable: it must hold back its aggregate and nothing else.
    pub(crate) fn open(self, aggregate: &str, aggregate_id: &str, seal: Option<&Seal>) -> OutboxEntry {
        let (version, index) = self.place;
        let id = OutboxEntry::id_of(aggregate, aggregate_id, version, index);
        let opened = self.read.map_err(Into::into).and_then(|entry| content(entry, &id, seal));
        let (event, headers, recorded_at) = opened
            .unwrap_or_else(|error| (OutboxEntry::unreadable(&error.to_string()), BTreeMap::new(), Timestamp::EPOCH));
        let (aggregate, aggregate_id) = (aggregate.to_owned(), aggregate_id.to_owned());
        OutboxEntry { id, aggregate, aggregate_id, version, event, headers, recorded_at }
    }

    /// When it was stored; `None` when it is damaged.
    pub(crate) fn recorded_at(&self) -> Option<Timestamp> {
        let millis = self.read.as_ref().ok()?.recorded_at;
        Timestamp::from_millis(millis).ok()
    }

    /// The same text with its event sealed; `None` when it is sealed already, or damaged.
    pub(crate) fn sealed(&self, aggregate: &str, aggregate_id: &str, seal: &Seal) -> Option<String> {
        let mut entry = self.read.clone().ok()?;
        let id = OutboxEntry::id_of(aggregate, aggregate_id, entry.version, entry.index);
        // Whatever can be opened without a key is in clear.
        let clear = seal::open_text(None, entry.event, &id.0).ok()?;
        entry.event = seal.close_text(&clear, &id.0).ok()?;
        serde_json::to_string(&entry).ok()
    }
}

type Content = (serde_json::Value, BTreeMap<String, String>, Timestamp);

fn content(entry: Entry, id: &MessageId, seal: Option<&Seal>) -> Result<Content, Box<dyn Error + Send + Sync>> {
    let event = serde_json::from_str(&seal::open_text(seal, entry.event, &id.0)?)?;
    Ok((event, entry.headers, Timestamp::from_millis(entry.recorded_at)?))
}

/// Gives tickets: by the clock, and in a process each higher than the one before.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<i64>);

/// How many tickets there are in a millisecond.
const IN_A_MILLISECOND: i64 = 4096;

impl Tickets {
    /// The first of this many.
    pub(crate) fn take(&self, now: Timestamp, count: usize) -> i64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = now.as_millis().max(0).saturating_mul(IN_A_MILLISECOND).max(last.saturating_add(1));
        *last = first.saturating_add(i64::try_from(count).unwrap_or(i64::MAX)).saturating_sub(1).max(*last);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_grow_whatever_the_clock_does() {
        let tickets = Tickets::default();
        let at = |seconds| Timestamp::EPOCH.plus(std::time::Duration::from_secs(seconds));
        let taken = [tickets.take(at(2), 3), tickets.take(at(2), 1), tickets.take(at(1), 1), tickets.take(at(3), 1)];
        assert!(taken.is_sorted_by(|one, next| one < next), "{taken:?}");
        assert_eq!(taken[1], taken[0] + 3);
    }

    #[test]
    fn an_entry_that_cannot_be_read_keeps_its_place() {
        let entry = |ticket, version| Entry {
            ticket,
            version,
            index: 0,
            event: "7".into(),
            headers: BTreeMap::new(),
            recorded_at: 0,
        };
        let texts = [entry(9, 1), entry(5, 2)].map(|entry| serde_json::to_string(&entry).unwrap());
        let [first, second] = texts;
        let read = waiting(vec![first, "damaged".into(), second]);
        let tickets: Vec<i64> = read.iter().map(|one| one.ticket).collect();
        assert_eq!(tickets, [9, 9, 9], "none is before one of an earlier version");
        let opened: Vec<OutboxEntry> = read.into_iter().map(|one| one.open("kettle", "a", None)).collect();
        assert_eq!(opened[0].event, serde_json::json!(7));
        assert!(opened[1].why_unreadable().is_some());
        assert_eq!(opened[2].id.0, "kettle/a/2/0");
    }
}
