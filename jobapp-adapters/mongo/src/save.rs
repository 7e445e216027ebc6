//! One change, one write: the value at its expected version, its events and its cause.

use std::sync::Arc;

use jobapp_kernel::{Aggregate, Change, RepositoryError, Saved};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};

use crate::claims::{Claims, Staked, stamp};
use crate::failure::{Failure, went_in};
use crate::fields::{GONE, INBOX, MOVED, STAMP, VERSION};
use crate::inbox::{self, Handled};
use crate::inner::Inner;
use crate::prepared::{Kind, Prepared, claim_id};
use crate::record;

/// How often it is tried anew because others were about to have the same.
const TRIES: usize = 32;

/// What a change comes to.
enum Answer {
    Stored,
    Handled(Handled),
    Conflict,
    Taken(&'static str),
}

pub(crate) async fn save<A: Aggregate>(store: &Arc<Inner>, change: &Change<A>) -> Result<Saved, RepositoryError> {
    // Here, where the caller's own context is.
    let prepared = Prepared::of(store, change)?;
    let (id, version) = (prepared.id.clone(), prepared.version);
    let saving = Saving::of(Arc::clone(store), prepared);
    let unavailable = |failure: Failure| RepositoryError::unavailable(format!("save a {}", A::NAME), failure);
    match store.connection.run(saving.save()).await.map_err(unavailable)? {
        Some(Answer::Stored) => Ok(Saved::Stored(version)),
        Some(Answer::Handled(Handled::By(id))) => Ok(Saved::Duplicate { id }),
        Some(Answer::Handled(Handled::Reused)) => Err(RepositoryError::CauseReused),
        Some(Answer::Conflict) => Err(RepositoryError::Conflict { aggregate: A::NAME, id }),
        Some(Answer::Taken(key)) => Err(RepositoryError::Taken { aggregate: A::NAME, key }),
        None => Err(RepositoryError::overtaken(A::NAME)),
    }
}

struct Saving {
    store: Arc<Inner>,
    prepared: Prepared,
    claims: Claims,
    causes: Claims,
}

/// What was claimed as new by one attempt.
struct Attempt {
    mark: ObjectId,
    values: Vec<String>,
    causes: Vec<String>,
}

impl Saving {
    fn of(store: Arc<Inner>, prepared: Prepared) -> Self {
        let (claims, causes) = (store.claims(prepared.aggregate), store.causes(prepared.aggregate));
        Self { store, prepared, claims, causes }
    }

    /// What the change comes to; `None` when others were in its way again and again.
    async fn save(self) -> Result<Option<Answer>, Failure> {
        for _ in 0..TRIES {
            let mut attempt = Attempt { mark: stamp(), values: Vec::new(), causes: Vec::new() };
            let answer = self.attempt(&mut attempt).await?;
            if !matches!(answer, Some(Answer::Stored)) {
                self.give_back(&attempt).await;
            }
            if answer.is_some() {
                return Ok(answer);
            }
        }
        Ok(None)
    }

    /// What an attempt comes to; `None` when the document changed meanwhile. After a failure nobody knows whether it was written, and
    /// what it claimed stays: it holds, or is in nobody's way.
    async fn attempt(&self, attempt: &mut Attempt) -> Result<Option<Answer>, Failure> {
        let prepared = &self.prepared;
        let head = self.claims.own.find_one(doc! {"_id": &prepared.id}).projection(self.head()).await?;
        if let Some(handled) = self.remember(head.as_ref(), attempt).await? {
            return Ok(Some(Answer::Handled(handled)));
        }
        let here = head.as_ref().filter(|head| !head.contains_key(GONE));
        match prepared.kind {
            Kind::Insert if here.is_some() => return Ok(Some(Answer::Taken("id"))),
            Kind::Insert => {}
            Kind::Update(expected) | Kind::Delete(expected) => {
                if here.and_then(record::version) != Some(expected) {
                    return Ok(Some(Answer::Conflict));
                }
            }
        }
        let had = self.had(here);
        for (key, claim) in prepared.claims.iter().filter(|(_, claim)| !had.contains(&claim.id)) {
            match self.claims.stake(claim, &prepared.id, attempt.mark).await? {
                Staked::New => attempt.values.push(claim.id.clone()),
                Staked::Again => {}
                Staked::Taken(_) => return Ok(Some(Answer::Taken(key))),
            }
        }
        let has = |id: &&String| prepared.claims.iter().any(|(_, claim)| claim.id == **id);
        let given_up: Vec<String> = had.iter().filter(|id| !has(id)).cloned().collect();
        let given_up = self.claims.of(&given_up, &prepared.id).await?;
        if !self.write(head.as_ref()).await? {
            return Ok(None);
        }
        if prepared.has_events() {
            self.store.changed.notify_one();
        }
        self.tidy(&given_up, head.as_ref()).await;
        Ok(Some(Answer::Stored))
    }

    /// What is read of the document before it is written.
    fn head(&self) -> Document {
        let unique = self.prepared.unique.iter().map(|(_, field)| field.as_str());
        let fields = [VERSION, STAMP, GONE, INBOX, MOVED].into_iter().chain(unique);
        fields.map(|field| (field.to_owned(), Bson::Int32(1))).collect()
    }

    /// Claims the cause, if it is a request, or tells how it was handled.
    async fn remember(&self, head: Option<&Document>, attempt: &mut Attempt) -> Result<Option<Handled>, Failure> {
        let Some(mark) = &self.prepared.mark else { return Ok(None) };
        let handled = mark.handled(&self.causes, &self.prepared.id, head).await?;
        if handled.is_some() || !mark.is_request {
            return Ok(handled);
        }
        match self.causes.stake(&mark.claim, &self.prepared.id, attempt.mark).await? {
            Staked::Taken(claim) => mark.told(&claim).map(Some),
            Staked::New => {
                attempt.causes.push(mark.claim.id.clone());
                Ok(None)
            }
            Staked::Again => Ok(None),
        }
    }

    /// The ids of the claims on what the document has.
    fn had(&self, here: Option<&Document>) -> Vec<String> {
        let Some(here) = here else { return Vec::new() };
        let of_key = |(key, field): &(&'static str, String)| {
            let values = match here.get(field) {
                None => &[],
                Some(Bson::Array(values)) => values.as_slice(),
                Some(value) => std::slice::from_ref(value),
            };
            values.iter().map(|value| claim_id(self.prepared.aggregate, key, value)).collect::<Vec<_>>()
        };
        self.prepared.unique.iter().flat_map(of_key).collect()
    }

    /// Writes the document, if it is still as it was read.
    async fn write(&self, head: Option<&Document>) -> Result<bool, Failure> {
        let (prepared, own) = (&self.prepared, &self.claims.own);
        let Some(head) = head else { return went_in(own.insert_one(prepared.document(stamp())).await) };
        let read = head.get(STAMP).cloned().unwrap_or(Bson::Null);
        let same = doc! {"_id": &prepared.id, STAMP: read};
        Ok(own.update_one(same, prepared.update(stamp())).await?.matched_count == 1)
    }

    /// What comes after a change that is stored already: a failure leaves something behind that is in nobody's way.
    async fn tidy(&self, given_up: &[Document], head: Option<&Document>) {
        let removed = self.claims.remove(given_up).await;
        let full = self.prepared.mark.is_some() && inbox::is_full(head);
        let moved = match full {
            true => inbox::make_room(&self.causes, &self.prepared.id, self.prepared.now).await,
            false => Ok(()),
        };
        for failure in [removed, moved].into_iter().filter_map(Result::err) {
            tracing::debug!(aggregate = self.prepared.aggregate, %failure, "something was left behind by a change");
        }
    }

    /// Gives back what came to nothing.
    async fn give_back(&self, attempt: &Attempt) {
        let values = attempt.values.iter().map(|id| (&self.claims, id));
        let causes = attempt.causes.iter().map(|id| (&self.causes, id));
        for (claims, id) in values.chain(causes) {
            if let Err(failure) = claims.give_back(id, attempt.mark).await {
                tracing::debug!(%failure, "a claim that came to nothing was left behind");
            }
        }
    }
}
