//! Claims: what one aggregate at a time may have, without transactions.
//!
//! A claim is a document whose id is the value, and which says whose it is. It is made before the owner's document has the value and
//! removed after it has it no more. Whether it holds, the owner's document says: a claim without that is one whose owner is
//! about to be written, or one that was left behind. Nobody can tell the two apart by looking, and no clock has to:
//!
//! - Every document has a **stamp** that changes with each write. Who is about to write a document reads it *first*, stakes its claims *then*,
//!   each under a mark of this attempt, and writes under the condition that the stamp is still the same.
//! - Who removes or takes over a claim reads its mark *first*, *then* changes the stamp of its owner's document, under the condition
//!   that this does not have the value, and removes the claim or takes it over under the condition that its mark is still the same.
//!
//! So whoever read a stamp before it was changed fails to write, and whoever read it after has staked anew, under another mark. Where the
//! owner has no document yet, one that is nobody holds its place.

use std::time::{Duration, SystemTime};

use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};

use crate::failure::{Failure, went_in};
use crate::fields::{GONE, STAMP, VERSION};

/// Whose a claim is.
const OWNER: &str = "owner";
/// Under which attempt it was staked last.
const MARK: &str = "mark";
/// Whether the cause of this name was handled, whatever its owner's document says.
pub(crate) const DONE: &str = "done";

/// For how long it is waited whether somebody else's claim comes to hold. Only out of politeness.
const PATIENCE: Duration = Duration::from_millis(1500);
/// A claim that is older was left behind.
const AGE: Duration = Duration::from_secs(30);

/// A new stamp or mark. No two are the same.
pub(crate) fn stamp() -> ObjectId {
    ObjectId::new()
}

/// Something to be claimed for an aggregate.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The value, with what kind of value it is.
    pub(crate) id: String,
    /// The field of the owner's document that shows it.
    pub(crate) field: String,
    /// What that has.
    pub(crate) value: Bson,
    /// Whether an aggregate that is gone has it still.
    pub(crate) outlives: bool,
    /// What else the claim says.
    pub(crate) says: Document,
}

impl Claim {
    /// The owner's document, if it has the value.
    fn holder(&self, owner: &str) -> Document {
        let mut holder = doc! {"_id": owner, &self.field: self.value.clone()};
        if !self.outlives {
            holder.insert(GONE, doc! {"$exists": false});
        }
        holder
    }

    /// The owner's document, if it does not have it.
    fn none(&self, owner: &str) -> Document {
        let has_not = doc! {&self.field: {"$ne": self.value.clone()}};
        if self.outlives {
            return doc! {"_id": owner, &self.field: {"$ne": self.value.clone()}};
        }
        doc! {"_id": owner, "$or": [has_not, {GONE: {"$exists": true}}]}
    }
}

/// What became of an attempt to claim something.
#[derive(Debug)]
pub(crate) enum Staked {
    /// Nobody had claimed it: it may be given back when nothing comes of it.
    New,
    /// It was claimed for the same aggregate before, perhaps by somebody who still counts on it.
    Again,
    /// Another aggregate has it: what its claim says.
    Taken(Document),
}

/// The claims on what aggregates of one kind have.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    /// Where they are.
    pub(crate) claims: Collection<Document>,
    /// The documents of the aggregates.
    pub(crate) own: Collection<Document>,
}

impl Claims {
    /// Claims something for an aggregate whose stamp was read before.
    pub(crate) async fn stake(&self, claim: &Claim, owner: &str, mark: ObjectId) -> Result<Staked, Failure> {
        let mut waited = Waited::default();
        loop {
            let mut new = doc! {"_id": &claim.id, OWNER: owner, MARK: mark};
            new.extend(claim.says.clone());
            if went_in(self.claims.insert_one(new.clone()).await)? {
                return Ok(Staked::New);
            }
            let Some(found) = self.claims.find_one(doc! {"_id": &claim.id}).await? else { continue };
            if found.get_bool(DONE).unwrap_or(false) {
                return Ok(Staked::Taken(found));
            }
            let holder = owner_of(&found)?;
            let is_mine = holder == owner;
            if !is_mine {
                if self.own.find_one(claim.holder(&holder)).projection(doc! {"_id": 1}).await?.is_some() {
                    return Ok(Staked::Taken(found));
                }
                if waited.again(&found).await || !self.close(claim, &holder).await? {
                    continue;
                }
            }
            let mut same = doc! {"_id": &claim.id, OWNER: &holder, DONE: {"$exists": false}};
            same.insert(MARK, found.get(MARK).cloned().unwrap_or(Bson::Null));
            new.remove("_id");
            if self.claims.update_one(same, doc! {"$set": new}).await?.matched_count == 1 {
                return Ok(if is_mine { Staked::Again } else { Staked::New });
            }
        }
    }

    /// Sees to it that whoever is about to write the document of `owner` begins anew, unless it has the value. Returns whether that is so.
    async fn close(&self, claim: &Claim, owner: &str) -> Result<bool, Failure> {
        let changed = self.own.update_one(claim.none(owner), doc! {"$set": {STAMP: stamp()}}).await?;
        if changed.matched_count == 1 {
            return Ok(true);
        }
        let now = i64::try_from(age_of_epoch().as_millis()).unwrap_or(i64::MAX);
        let nobody = doc! {"_id": owner, VERSION: 0_i64, STAMP: stamp(), GONE: now};
        went_in(self.own.insert_one(nobody).await)
    }

    /// Gives back what was staked as new under this mark and came to nothing.
    pub(crate) async fn give_back(&self, id: &str, mark: ObjectId) -> Result<(), Failure> {
        self.claims.delete_one(doc! {"_id": id, MARK: mark, DONE: {"$exists": false}}).await?;
        Ok(())
    }

    /// The claims of these ids that are an aggregate's, as they are before it is written without what they claim.
    pub(crate) async fn of(&self, ids: &[String], owner: &str) -> Result<Vec<Document>, Failure> {
        let mut claims = Vec::with_capacity(ids.len());
        for id in ids {
            claims.extend(self.claims.find_one(doc! {"_id": id, OWNER: owner}).await?);
        }
        Ok(claims)
    }

    /// Removes claims, as they were before their owner was written without what they claim.
    pub(crate) async fn remove(&self, claims: &[Document]) -> Result<(), Failure> {
        for claim in claims {
            let same = |field: &str| claim.get(field).cloned().unwrap_or(Bson::Null);
            self.claims.delete_one(doc! {"_id": same("_id"), MARK: same(MARK)}).await?;
        }
        Ok(())
    }

    /// Whether a claim holds, and for whom.
    pub(crate) async fn holder(&self, claim: &Claim) -> Result<Option<Document>, Failure> {
        loop {
            let Some(found) = self.claims.find_one(doc! {"_id": &claim.id}).await? else { return Ok(None) };
            if found.get_bool(DONE).unwrap_or(false) {
                return Ok(Some(found));
            }
            let owner = owner_of(&found)?;
            if self.own.find_one(claim.holder(&owner)).projection(doc! {"_id": 1}).await?.is_some() {
                return Ok(Some(found));
            }
            // It may just have become done, and so have left the document.
            let again = self.claims.find_one(doc! {"_id": &claim.id}).await?;
            if again.as_ref() == Some(&found) {
                return Ok(None);
            }
        }
    }
}

/// Whose a claim is.
pub(crate) fn owner_of(claim: &Document) -> Result<String, Failure> {
    let owner = claim.get_str(OWNER).map(str::to_owned);
    owner.map_err(|error| Failure::Other(format!("a claim does not say whose it is: {error}")))
}

/// The claim that a cause was handled, whatever becomes of its owner.
pub(crate) fn done(owner: &str, at: i64) -> (Document, Document) {
    (doc! {DONE: true, "at": at}, doc! {OWNER: owner})
}

/// How long somebody waited for another's claim to come to hold.
#[derive(Default)]
struct Waited {
    so_far: Duration,
}

impl Waited {
    /// Whether to look again: after a pause.
    async fn again(&mut self, claim: &Document) -> bool {
        let made =
            claim.get_object_id(MARK).ok().and_then(|mark| u64::try_from(mark.timestamp().timestamp_millis()).ok());
        let is_old = made.is_none_or(|made| Duration::from_millis(made) + AGE < age_of_epoch());
        if is_old || self.so_far >= PATIENCE {
            return false;
        }
        let pause = (self.so_far / 2).clamp(Duration::from_millis(2), Duration::from_millis(100));
        tokio::time::sleep(pause).await;
        self.so_far += pause;
        true
    }
}

fn age_of_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
