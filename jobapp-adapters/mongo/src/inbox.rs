//! The inbox: causes that were handled.
//!
//! A cause is stored in the document it changed, by the write that changed it. A request is claimed besides, since the same request sent
//! again may be about an aggregate with another id. A document keeps its newest causes; the others go to the inbox's own
//! collection *before* they leave it, so who looks into the document first and into the collection then misses none.

use futures::future::BoxFuture;
use jobapp_kernel::{Cause, MAX_KEY_BYTES};
use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};
use sha2::{Digest, Sha256};

use crate::claims::{self, Claim, Claims, DONE};
use crate::connection::some_at_once;
use crate::failure::Failure;
use crate::fields::{INBOX, MOVED};
use crate::record::texts;

/// How many causes a document has at most.
const MOST: usize = 64;
/// How many it keeps when it has more.
const KEPT: usize = 32;
/// The hash of the body a request came with.
const HASH: &str = "hash";

/// The text the inbox has for a cause; a hash of it when no key may be so.
pub(crate) fn inbox_key(cause: &Cause, aggregate: &str, id: &str) -> String {
    let key = cause.inbox_key(aggregate, id);
    if key.len() <= MAX_KEY_BYTES && !key.contains('\0') {
        return key;
    }
    // No key that is kept as it is starts so.
    format!("sha256 {}", hex::encode(Sha256::digest(key.as_bytes())))
}

/// A cause, and how it is claimed.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) claim: Claim,
    pub(crate) is_request: bool,
    body_hash: String,
}

/// What is known of a cause.
#[derive(Debug)]
pub(crate) enum Handled {
    /// It changed the aggregate with this id.
    By(String),
    /// It came with another body.
    Reused,
}

impl Mark {
    /// Of a cause that changes the aggregate with this id at this instant.
    pub(crate) fn of(cause: &Cause, aggregate: &str, id: &str, now: i64) -> Self {
        let key = inbox_key(cause, aggregate, id);
        let says = doc! {HASH: cause.body_hash(), "at": now};
        Self {
            claim: Claim { value: Bson::String(key.clone()), id: key, field: INBOX.to_owned(), outlives: true, says },
            is_request: matches!(cause, Cause::Request { .. }),
            body_hash: cause.body_hash().to_owned(),
        }
    }

    /// What the document that it may have changed tells of it, read before.
    pub(crate) async fn handled(
        &self,
        causes: &Claims,
        id: &str,
        document: Option<&Document>,
    ) -> Result<Option<Handled>, Failure> {
        let key = &self.claim.id;
        if document.is_some_and(|document| texts(document, INBOX).contains(key)) {
            let claim = if self.is_request { causes.claims.find_one(doc! {"_id": key}).await? } else { None };
            return Ok(Some(
                claim.map_or_else(|| Handled::By(id.to_owned()), |claim| self.compared(&claim, id.to_owned())),
            ));
        }
        let may_be_elsewhere = document.is_none_or(|document| document.contains_key(MOVED));
        if self.is_request || !may_be_elsewhere {
            return Ok(None);
        }
        let found = causes.claims.find_one(doc! {"_id": key, DONE: true}).await?;
        found.map(|claim| claims::owner_of(&claim).map(Handled::By)).transpose()
    }

    /// What a claim that holds tells of it.
    pub(crate) fn told(&self, claim: &Document) -> Result<Handled, Failure> {
        Ok(self.compared(claim, claims::owner_of(claim)?))
    }

    fn compared(&self, claim: &Document, owner: String) -> Handled {
        if claim.get_str(HASH).unwrap_or_default() == self.body_hash { Handled::By(owner) } else { Handled::Reused }
    }
}

/// Takes the oldest causes out of a document that has many.
pub(crate) async fn make_room(causes: &Claims, id: &str, now: i64) -> Result<(), Failure> {
    let Some(document) = causes.own.find_one(doc! {"_id": id}).projection(doc! {INBOX: 1}).await? else {
        return Ok(());
    };
    let mut marks = texts(&document, INBOX);
    if marks.len() <= MOST {
        return Ok(());
    }
    marks.truncate(marks.len() - KEPT);
    remember(&causes.claims, id, &marks, now).await?;
    let out = doc! {"$pullAll": {INBOX: marks}, "$set": {MOVED: true}};
    causes.own.update_one(doc! {"_id": id}, out).await?;
    Ok(())
}

/// Whether there may be too many in a document that had these before one was added.
pub(crate) fn is_full(document: Option<&Document>) -> bool {
    document.is_some_and(|document| texts(document, INBOX).len() >= MOST)
}

/// Stores in the inbox's own collection that these causes changed the aggregate with this id.
pub(crate) async fn remember(
    inbox: &Collection<Document>,
    id: &str,
    marks: &[String],
    now: i64,
) -> Result<(), Failure> {
    let mut each: Vec<BoxFuture<'_, _>> = Vec::with_capacity(marks.len());
    for mark in marks {
        each.push(Box::pin(async move {
            let (set, on_insert) = claims::done(id, now);
            let update = doc! {"$set": set, "$setOnInsert": on_insert};
            inbox.update_one(doc! {"_id": mark}, update).upsert(true).await?;
            Ok(())
        }));
    }
    some_at_once(each).await
}
