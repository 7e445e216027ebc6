//! The outbox: what the relay reads.
//!
//! Events wait in the document of the aggregate that raised them, and an aggregate is leased as a whole: one update of its document, which
//! nobody else's can come between. The documents where something waits are found by an index over the ticket of their oldest entry;
//! whoever stores an event sets that ticket, and whoever clears the last one removes it, if nothing was stored since it was read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::future::{BoxFuture, try_join_all};
use jobapp_kernel::{MessageId, Outbox, OutboxEntry, RepositoryError};
use mongodb::Collection;
use mongodb::bson::{Document, doc};

use crate::MongoStore;
use crate::clock::Now;
use crate::connection::some_at_once;
use crate::entry::{self, Place, Waiting};
use crate::failure::Failure;
use crate::fields::{HELD, HELD_UNTIL, LEASED_BY, LEASED_UNTIL, LEASED_UP_TO, OLDEST, OUTBOX, STAMP, STUCK, WAITS};
use crate::inner::Inner;
use crate::queries::limit;
use crate::record::{id_of, number, texts};

/// How often a document is read anew because its aggregate was stored meanwhile.
const TRIES: usize = 64;

fn failed(attempt: &'static str) -> impl Fn(Failure) -> RepositoryError {
    move |failure| RepositoryError::unavailable(attempt, failure)
}

#[async_trait]
impl Outbox for MongoStore {
    async fn lease(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<OutboxEntry>, RepositoryError> {
        // To the server no limit is none.
        if most == 0 {
            return Ok(Vec::new());
        }
        let (store, by) = (Arc::clone(&self.inner), owner.to_owned());
        let leasing = async move { store.lease_entries(&by, lease, most).await };
        self.inner.connection.run(leasing).await.map_err(failed("lease outbox entries"))
    }

    /// Only what is leased to `owner` goes: who lost a lease must not clear an entry that another is about to publish.
    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        let (store, by, documents) =
            (Arc::clone(&self.inner), owner.to_owned(), by_document(ids.iter().map(|id| (id, ()))));
        let clearing = async move {
            let mut each: Vec<BoxFuture<'_, _>> = Vec::with_capacity(documents.len());
            for ((kind, id), places) in &documents {
                each.push(Box::pin(clear_in(store.kind(kind), id, &by, places)));
            }
            some_at_once(each).await
        };
        self.inner.connection.run(clearing).await.map_err(failed("clear outbox entries"))
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (store, by) = (Arc::clone(&self.inner), owner.to_owned());
        let documents = by_document(entries.iter().map(|(id, time)| (id, *time)));
        let holding = async move {
            let now = store.server_clock.now(&store.connection.database()).await?;
            let mut each: Vec<BoxFuture<'_, _>> = Vec::with_capacity(documents.len());
            for ((kind, id), places) in &documents {
                each.push(Box::pin(hold_back_in(store.kind(kind), id, &by, places, now)));
            }
            some_at_once(each).await
        };
        self.inner.connection.run(holding).await.map_err(failed("hold back outbox entries"))
    }

    async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        self.count(WAITS).await
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        self.count(STUCK).await
    }
}

impl MongoStore {
    /// The sum of a field of the documents where something waits.
    async fn count(&self, field: &'static str) -> Result<u64, RepositoryError> {
        let store = Arc::clone(&self.inner);
        let counting = async move {
            let counts = store.kinds().into_iter().map(|kind| {
                let collection = store.kind(&kind);
                async move {
                    let steps = [
                        doc! {"$match": something_waits()},
                        doc! {"$group": {"_id": null, "sum": {"$sum": format!("${field}")}}},
                    ];
                    let sums: Vec<Document> = collection.aggregate(steps).await?.try_collect().await?;
                    Ok::<i64, Failure>(sums.first().and_then(|sums| number(sums, "sum")).unwrap_or(0))
                }
            });
            Ok(try_join_all(counts).await?.into_iter().sum::<i64>())
        };
        let count = self.inner.connection.run(counting).await.map_err(failed("count outbox entries"))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// That events wait in a document. Tickets are above zero, so the index has what this asks for and nothing else.
pub(crate) fn something_waits() -> Document {
    doc! {OLDEST: {"$gt": 0_i64}}
}

/// That an aggregate may be leased to `owner` now: it has it already, or nobody has, and nothing holds it back.
fn is_free(owner: &str, now: Now) -> Vec<Document> {
    let is_over = |field: &str| [doc! {field: {"$exists": false}}, doc! {field: {"$lte": now.earliest}}];
    let mut leased = vec![doc! {LEASED_BY: owner}];
    leased.extend(is_over(LEASED_UNTIL));
    vec![doc! {"$or": leased}, doc! {"$or": is_over(HELD_UNTIL).to_vec()}]
}

/// An aggregate whose events wait.
struct Candidate {
    id: String,
    entries: Vec<Waiting>,
}

impl Candidate {
    fn of(document: &Document) -> Result<Self, Failure> {
        Ok(Self { id: id_of(document)?.to_owned(), entries: entry::waiting(texts(document, OUTBOX)) })
    }
}

impl Inner {
    async fn lease_entries(&self, owner: &str, time: Duration, most: usize) -> Result<Vec<OutboxEntry>, Failure> {
        let now = self.server_clock.now(&self.connection.database()).await?;
        let looks = self.kinds().into_iter().map(|kind| async move {
            let candidates = self.candidates(&kind, owner, now, most).await?;
            Ok::<_, Failure>((kind, candidates))
        });
        let found = try_join_all(looks).await?;
        let of_candidate =
            |candidate: &Candidate| candidate.entries.iter().map(|entry| entry.ticket).collect::<Vec<_>>();
        let mut tickets: Vec<i64> =
            found.iter().flat_map(|(_, of_kind)| of_kind.iter().flat_map(of_candidate)).collect();
        tickets.sort_unstable();
        tickets.truncate(most);
        // Most of the time nothing waits; finding that out costs no write.
        let Some(up_to) = tickets.last().copied() else { return Ok(Vec::new()) };
        let leases = found.into_iter().map(|(kind, mut candidates)| async move {
            candidates.retain(|candidate| candidate.entries.first().is_some_and(|entry| entry.ticket <= up_to));
            let ids: Vec<String> = candidates.into_iter().map(|candidate| candidate.id).collect();
            let leased =
                if ids.is_empty() { Vec::new() } else { self.lease_in(&kind, ids, owner, time, up_to, now).await? };
            Ok::<_, Failure>((kind, leased))
        });
        let mut leased: Vec<(i64, OutboxEntry)> = Vec::new();
        for (kind, candidates) in try_join_all(leases).await? {
            for Candidate { id, entries } in candidates {
                let wanted = entries.into_iter().filter(|entry| entry.ticket <= up_to);
                leased.extend(wanted.map(|entry| (entry.ticket, entry.open(&kind, &id, self.seal.as_ref()))));
            }
        }
        // Those of an aggregate are in their order already, and stay in it.
        leased.sort_by_key(|(ticket, _)| *ticket);
        leased.truncate(most);
        Ok(leased.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The aggregates of a kind that may be leased, the one with the oldest event first. Each has an event at least.
    async fn candidates(&self, kind: &str, owner: &str, now: Now, most: usize) -> Result<Vec<Candidate>, Failure> {
        let mut filter = something_waits();
        filter.insert("$and", is_free(owner, now));
        let collection = self.kind(kind);
        let found = collection.find(filter).sort(doc! {OLDEST: 1}).limit(limit(most)).projection(doc! {OUTBOX: 1});
        let documents: Vec<Document> = found.await?.try_collect().await?;
        documents.iter().map(Candidate::of).collect()
    }

    /// Leases those that are still to be had, and reads what they have by now.
    async fn lease_in(
        &self,
        kind: &str,
        ids: Vec<String>,
        owner: &str,
        time: Duration,
        up_to: i64,
        now: Now,
    ) -> Result<Vec<Candidate>, Failure> {
        let (collection, until) = (self.kind(kind), now.plus(time));
        let lease = doc! {
            "$set": {LEASED_BY: owner, LEASED_UNTIL: until},
            "$max": {LEASED_UP_TO: up_to},
            "$unset": {HELD: "", HELD_UNTIL: "", STUCK: ""},
        };
        let wanted = doc! {"_id": {"$in": ids.clone()}, "$and": is_free(owner, now)};
        collection.update_many(wanted, lease).await?;
        let mine = doc! {"_id": {"$in": ids}, LEASED_BY: owner, LEASED_UNTIL: until};
        let found = collection.find(mine).projection(doc! {OUTBOX: 1});
        let documents: Vec<Document> = found.await?.try_collect().await?;
        documents.iter().map(Candidate::of).collect()
    }
}

/// Entries by the document they wait in, with what is said of each. What is no id of an entry names none.
fn by_document<'a, T: 'a>(
    ids: impl Iterator<Item = (&'a MessageId, T)>,
) -> BTreeMap<(String, String), BTreeMap<Place, T>> {
    let mut documents: BTreeMap<_, BTreeMap<Place, T>> = BTreeMap::new();
    for (id, said) in ids {
        if let Some((kind, aggregate_id, place)) = OutboxEntry::named(id) {
            documents.entry((kind.to_owned(), aggregate_id.to_owned())).or_default().insert(place, said);
        }
    }
    documents
}

/// A document that is leased to `owner`, as it is now, and what it must still be like when it is changed.
async fn leased_to(
    collection: &Collection<Document>,
    id: &str,
    owner: &str,
) -> Result<Option<(Document, Document)>, Failure> {
    let leased = doc! {"_id": id, LEASED_BY: owner};
    let fields = doc! {OUTBOX: 1, STAMP: 1, WAITS: 1, LEASED_UP_TO: 1, HELD: 1, HELD_UNTIL: 1};
    let Some(document) = collection.find_one(leased.clone()).projection(fields).await? else { return Ok(None) };
    let mut same = leased;
    // Who stores changes the one, who clears the other.
    for field in [STAMP, WAITS] {
        same.extend(document.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    Ok(Some((document, same)))
}

async fn clear_in(
    collection: Collection<Document>,
    id: &str,
    owner: &str,
    published: &BTreeMap<Place, ()>,
) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let Some((document, same)) = leased_to(&collection, id, owner).await? else { return Ok(()) };
        let held = texts(&document, HELD);
        let (gone, left): (Vec<Waiting>, Vec<Waiting>) = entry::waiting(texts(&document, OUTBOX))
            .into_iter()
            .partition(|entry| published.contains_key(&entry.place) && !held.contains(&name(entry.place)));
        if gone.is_empty() {
            return Ok(());
        }
        let removed: Vec<String> = gone.into_iter().map(|entry| entry.text).collect();
        let (mut set, mut unset) = (doc! {WAITS: i64::try_from(left.len()).unwrap_or(i64::MAX)}, Document::new());
        match left.first() {
            Some(first) => drop(set.insert(OLDEST, first.ticket.max(1))),
            None => drop(unset.insert(OLDEST, "")),
        }
        let up_to = number(&document, LEASED_UP_TO).unwrap_or(0);
        if left.first().is_none_or(|first| first.ticket > up_to) {
            unset.extend(no_lease());
        }
        let mut update = doc! {"$pullAll": {OUTBOX: removed}, "$set": set};
        if !unset.is_empty() {
            update.insert("$unset", unset);
        }
        if collection.update_one(same, update).await?.matched_count == 1 {
            return Ok(());
        }
    }
    Err(Failure::Other("an aggregate was stored again and again".to_owned()))
}

async fn hold_back_in(
    collection: Collection<Document>,
    id: &str,
    owner: &str,
    entries: &BTreeMap<Place, Duration>,
    now: Now,
) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let Some((document, same)) = leased_to(&collection, id, owner).await? else { return Ok(()) };
        let mut held = texts(&document, HELD);
        let mut until = number(&document, HELD_UNTIL).unwrap_or(0);
        // What was leased before the first of them may still be cleared; what comes after it goes nowhere.
        let mut before = None;
        let mut is_first = true;
        for entry in entry::waiting(texts(&document, OUTBOX)) {
            if let Some(time) = entries.get(&entry.place) {
                is_first = false;
                held.push(name(entry.place));
                until = until.max(now.plus(*time));
            } else if is_first {
                before = Some(entry.ticket);
            }
        }
        if is_first {
            return Ok(());
        }
        held.sort_unstable();
        held.dedup();
        let stuck = i64::try_from(held.len()).unwrap_or(i64::MAX);
        let mut set = doc! {HELD: held, HELD_UNTIL: until, STUCK: stuck};
        let update = match before {
            Some(ticket) => {
                set.insert(LEASED_UP_TO, ticket);
                doc! {"$set": set}
            }
            None => doc! {"$set": set, "$unset": no_lease()},
        };
        if collection.update_one(same, update).await?.matched_count == 1 {
            return Ok(());
        }
    }
    Err(Failure::Other("an aggregate was stored again and again".to_owned()))
}

/// The name of an entry among those that are held back.
fn name((version, index): Place) -> String {
    format!("{version}/{index}")
}

/// The fields that are removed when nobody has a lease.
fn no_lease() -> Document {
    doc! {LEASED_BY: "", LEASED_UNTIL: "", LEASED_UP_TO: ""}
}
