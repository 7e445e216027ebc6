//! Writing many gigs at once.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jobapp_gigs::{GigId, IndexChange};
use serde::Deserialize;
use serde_json::json;

use crate::client::is_busy;
use crate::error::Reason;
use crate::form::{document, name_of};
use crate::{ElasticError, Inner};

/// How much is sent at once: the server takes 100 MB, and holds what it takes in memory.
const MOST_AT_ONCE: usize = 4 * 1024 * 1024;
/// How often is written again what the server has no time for.
const TRIES: u32 = 6;
/// How long the first pause before that is. Each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
const ATTEMPT: &str = "take news";

/// When what is written must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Once writing returns. The server puts together all that wait for the next refresh, a quarter of a second at most.
    Soon,
    /// When somebody sees to it.
    Later,
}

/// What became of what was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// An alias led nowhere for some of it. What was not written has to find its new way; what was may be written again.
    pub(crate) has_lost_its_way: bool,
    /// What the server will never take, and why.
    pub(crate) refused: BTreeMap<GigId, String>,
}

/// One gig for one index.
#[derive(Clone)]
struct Entry {
    id: GigId,
    lines: String,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    #[serde(default)]
    error: Reason,
}

/// The newest change of each gig.
pub(crate) fn newest(changes: Vec<IndexChange>) -> Vec<IndexChange> {
    let mut newest: BTreeMap<GigId, IndexChange> = BTreeMap::new();
    for change in changes {
        if newest.get(&change.id).is_none_or(|known| known.version < change.version) {
            newest.insert(change.id, change);
        }
    }
    newest.into_values().collect()
}

/// Writes changes to what these aliases lead to. Aliases only: to a name that is none the server would make an index of its own.
pub(crate) async fn write(
    inner: &Inner,
    aliases: &[String],
    changes: &[IndexChange],
    found: Found,
) -> Result<Written, ElasticError> {
    let mut waiting: Vec<Entry> =
        aliases.iter().flat_map(|alias| changes.iter().map(|change| entry(alias, change))).collect();
    let mut written = Written::default();
    let mut refusal = None;
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE.saturating_mul(1 << (attempt - 1))).await;
        }
        let mut busy = Vec::new();
        for some in portions(&waiting) {
            for (entry, outcome) in some.iter().zip(send(inner, some, found).await?) {
                match outcome.status {
                    // What is there is as new or newer.
                    200..=299 | 409 => {}
                    404 => written.has_lost_its_way = true,
                    400 if outcome.error.is_about_the_fields() => return Err(refused(&outcome)),
                    400 => drop(written.refused.insert(entry.id, outcome.error.text())),
                    status if is_busy(status) => {
                        busy.push(entry.clone());
                        refusal = Some(outcome);
                    }
                    _ => return Err(refused(&outcome)),
                }
            }
        }
        if busy.is_empty() {
            return Ok(written);
        }
        waiting = busy;
    }
    Err(refusal.map_or(ElasticError::Away { why: "it is busy".to_owned() }, |outcome| refused(&outcome)))
}

/// Sends entries and tells what became of each.
async fn send(inner: &Inner, entries: &[Entry], found: Found) -> Result<Vec<Outcome>, ElasticError> {
    let refresh = match found {
        Found::Soon => "wait_for",
        Found::Later => "false",
    };
    let path = format!(
        "/_bulk?require_alias=true&timeout=5s&refresh={refresh}&filter_path=items.*.status,items.*.error.type,items.*.error.reason"
    );
    let lines: String = entries.iter().map(|entry| entry.lines.as_str()).collect();
    let answer = inner.client.bulk(ATTEMPT, &path, Bytes::from(lines)).await?;
    if answer.is_busy() {
        let outcome = || Outcome { status: 503, error: Reason::Text("it is busy".to_owned()) };
        return Ok(entries.iter().map(|_| outcome()).collect());
    }
    let answered: Answered = answer.success()?.read()?;
    if answered.items.len() != entries.len() {
        let reason = format!("{} of {} answers", answered.items.len(), entries.len());
        return Err(ElasticError::Refused { attempt: ATTEMPT, status: 200, reason });
    }
    Ok(answered.items.into_iter().map(|item| item.index).collect())
}

fn refused(outcome: &Outcome) -> ElasticError {
    ElasticError::Refused { attempt: ATTEMPT, status: outcome.status, reason: outcome.error.text() }
}

fn entry(alias: &str, change: &IndexChange) -> Entry {
    let to = json!({"index": {
        "_index": alias,
        "_id": name_of(&change.id),
        "version": change.version,
        "version_type": "external",
    }});
    Entry { id: change.id, lines: format!("{to}\n{}\n", document(change.document.as_deref())) }
}

/// The entries in portions that are sent at once.
fn portions(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut size = 0;
        let fitting = rest.iter().take_while(|entry| {
            size += entry.lines.len();
            size <= MOST_AT_ONCE
        });
        let (some, others) = rest.split_at(fitting.count().max(1).min(rest.len()));
        rest = others;
        (!some.is_empty()).then_some(some)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_kernel::ObjectId;

    fn deleted(number: u8, version: u64) -> IndexChange {
        IndexChange { id: GigId(ObjectId::from_bytes([number; 12])), version, document: None }
    }

    #[test]
    fn of_each_gig_the_newest_change_is_written() {
        let changes = vec![deleted(1, 2), deleted(2, 1), deleted(1, 3), deleted(1, 1)];
        assert_eq!(newest(changes), [deleted(1, 3), deleted(2, 1)]);
    }

    #[test]
    fn a_portion_is_not_too_large_and_never_empty() {
        let id = deleted(1, 1).id;
        let of = |sizes: &[usize]| {
            let entries: Vec<Entry> = sizes.iter().map(|size| Entry { id, lines: "x".repeat(*size) }).collect();
            portions(&entries).map(<[Entry]>::len).collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), [0_usize; 0]);
        assert_eq!(of(&[1, 2, 3]), [3]);
        assert_eq!(of(&[MOST_AT_ONCE, 1, MOST_AT_ONCE + 1, 1, 1]), [1, 1, 1, 2]);
    }
}
