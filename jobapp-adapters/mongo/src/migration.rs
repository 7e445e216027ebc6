//! Makes the collection of a kind of aggregate and keeps its fields in step with the declared keys.
//!
//! One process at a time does so, under a lease; the others wait and find nothing to do. What is done is remembered at its end, and what was
//! begun and not remembered is removed and made anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use jobapp_kernel::{Aggregate, Key, RepositoryError};
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Collection, IndexModel};
use tokio::time::Instant;

use crate::MongoStoreError;
use crate::claims::{Staked, stamp};
use crate::failure::Failure;
use crate::fields::{STAMP, STATE, VERSION, index_name, is_there, sort_field, value_field};
use crate::inner::Inner;
use crate::prepared::Keyed;
use crate::queries::{self, limit};
use crate::record::{self, id_of};
use crate::store::common_indexes;

/// How many documents are read at a time to fill the fields of a new key.
const BATCH: usize = 100;
/// How long a process has the right to migrate; it is renewed with each batch.
const TURN: Duration = Duration::from_secs(60);
/// How long another one waits for it.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
const PAUSE: Duration = Duration::from_millis(50);

/// What the fields of a kind of aggregate were made for.
pub(crate) const DECLARED: &str = "declared";

/// The declarations by key.
pub(crate) type Declarations = BTreeMap<String, String>;

/// Why a migration goes no further.
enum Stop {
    Failed(Failure),
    Unreadable(RepositoryError),
    NotUnique(&'static str),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<mongodb::error::Error> for Stop {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<RepositoryError> for Stop {
    fn from(error: RepositoryError) -> Self {
        Self::Unreadable(error)
    }
}

/// Brings the collection of `A` up to date: all of it, or, when something fails, nothing.
pub(crate) async fn bring_up_to_date<A: Aggregate>(store: Arc<Inner>) -> Result<(), MongoStoreError> {
    let location = store.address.to_string();
    let migration = Migration { own: store.kind(A::NAME), store };
    migration.run::<A>().await.map_err(|stop| match stop {
        Stop::NotUnique(key) => MongoStoreError::NotUnique { aggregate: A::NAME, key },
        Stop::Failed(failure) => MongoStoreError::Migrate { aggregate: A::NAME, location, source: failure.into() },
        Stop::Unreadable(error) => MongoStoreError::Migrate { aggregate: A::NAME, location, source: error.into() },
    })
}

struct Migration {
    store: Arc<Inner>,
    own: Collection<Document>,
}

impl Migration {
    async fn run<A: Aggregate>(&self) -> Result<(), Stop> {
        let wanted: Declarations = A::keys().iter().map(|key| (key.name.to_owned(), key.declaration())).collect();
        if self.declarations::<A>().await?.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let (name, owner) = (format!("migrate {}", A::NAME), stamp().to_hex());
        let until = Instant::now() + PATIENCE;
        while !self.store.take_lease(&name, &owner, TURN).await? {
            if Instant::now() >= until {
                return Err(Failure::Other("another process does not come to the end of it".to_owned()).into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        let done = self.migrate::<A>(&wanted, (&name, &owner)).await;
        if let Err(failure) = self.store.release_lease(&name, &owner).await {
            tracing::debug!(%failure, aggregate = A::NAME, "the right to migrate ends by itself");
        }
        done
    }

    /// What the fields were made for; `None` when there is no collection yet.
    async fn declarations<A: Aggregate>(&self) -> Result<Option<Declarations>, Failure> {
        let kinds = self.store.connection.collection(&self.store.names.kinds);
        let Some(kind) = kinds.find_one(doc! {"_id": A::NAME}).await? else { return Ok(None) };
        let declared = kind.get_str(DECLARED).unwrap_or_default();
        let unreadable = |error| Failure::Other(format!("what {} was made for cannot be read: {error}", A::NAME));
        serde_json::from_str(declared).map(Some).map_err(unreadable)
    }

    async fn remember<A: Aggregate>(&self, declarations: &Declarations) -> Result<(), Failure> {
        let kinds = self.store.connection.collection(&self.store.names.kinds);
        let declared = serde_json::to_string(declarations).map_err(|error| Failure::Other(error.to_string()))?;
        kinds.update_one(doc! {"_id": A::NAME}, doc! {"$set": {DECLARED: declared}}).upsert(true).await?;
        Ok(())
    }

    async fn migrate<A: Aggregate>(&self, wanted: &Declarations, turn: (&str, &str)) -> Result<(), Stop> {
        let known = self.declarations::<A>().await?;
        if known.is_none() {
            self.make_indexes(common_indexes().into()).await?;
        }
        let mut existing = known.unwrap_or_default();
        let is_old = |(key, declared): &(&String, &String)| wanted.get(*key) != Some(*declared);
        let old: Vec<String> = existing.iter().filter(is_old).map(|(key, _)| key.clone()).collect();
        for key in old {
            tracing::info!(aggregate = A::NAME, key, "removing the fields of a key that is no longer declared so");
            existing.remove(&key);
            // First: what is declared anew must not be taken for what is removed.
            self.remember::<A>(&existing).await?;
            self.remove::<A>(&key).await?;
        }
        let new: Vec<&Key<A>> = A::keys().iter().filter(|key| !existing.contains_key(key.name)).collect();
        if let Err(stop) = self.add::<A>(&new, turn).await {
            for key in &new {
                if let Err(failure) = self.remove::<A>(key.name).await {
                    tracing::warn!(%failure, aggregate = A::NAME, key = key.name, "what was begun of a key is removed at the next attempt");
                }
            }
            return Err(stop);
        }
        Ok(self.remember::<A>(wanted).await?)
    }

    /// Removes what there is of a key.
    async fn remove<A: Aggregate>(&self, key: &str) -> Result<(), Failure> {
        match self.own.drop_index(index_name(key)).await.map_err(Failure::from) {
            Err(failure) if !failure.is_not_found() => return Err(failure),
            Ok(()) | Err(_) => {}
        }
        let (value, sort) = (value_field(key), sort_field(key));
        let has_any = doc! {"$or": [{&value: {"$exists": true}}, {&sort: {"$exists": true}}]};
        self.own.update_many(has_any, doc! {"$unset": {value: "", sort: ""}}).await?;
        // A slash is before a zero, and names have neither.
        let claims = doc! {"_id": {"$gte": format!("{}/{key}/", A::NAME), "$lt": format!("{}/{key}0", A::NAME)}};
        self.store.claims(A::NAME).claims.delete_many(claims).await?;
        Ok(())
    }

    async fn add<A: Aggregate>(&self, new: &[&Key<A>], turn: (&str, &str)) -> Result<(), Stop> {
        if new.is_empty() {
            return Ok(());
        }
        if self.own.find_one(doc! {}).projection(doc! {"_id": 1}).await?.is_some() {
            for key in new {
                self.remove::<A>(key.name).await?;
            }
            let filled = self.fill(new, turn).await?;
            tracing::info!(aggregate = A::NAME, values = filled, keys = new.len(), "filled the fields of new keys");
        }
        let mut indexes = Vec::with_capacity(new.len());
        for key in new {
            indexes.push(queries::index(key));
        }
        Ok(self.make_indexes(indexes).await?)
    }

    /// Makes those that are missing. One at a time: asked for several that are there, FerretDB 1 ends the connection.
    async fn make_indexes(&self, indexes: Vec<IndexModel>) -> Result<(), Failure> {
        for index in indexes {
            self.own.create_index(index).await?;
        }
        Ok(())
    }

    /// Reads every stored value and writes what it has for the new keys. Returns how many there are.
    async fn fill<A: Aggregate>(&self, keys: &[&Key<A>], (name, owner): (&str, &str)) -> Result<u64, Stop> {
        let mut after: Option<String> = None;
        let mut filled = 0;
        loop {
            if !self.store.renew_lease(name, owner, TURN).await? {
                return Err(Failure::Other("another process has begun the same meanwhile".to_owned()).into());
            }
            let mut filter = is_there();
            if let Some(after) = after.take() {
                filter.insert("_id", doc! {"$gt": after});
            }
            let found = self.own.find(filter).sort(doc! {"_id": 1}).limit(limit(BATCH)).projection(read_to_fill());
            let documents: Vec<Document> = found.await?.try_collect().await?;
            for document in documents {
                let id = id_of(&document)?.to_owned();
                self.fill_one(keys, &id, document).await?;
                filled += 1;
                after = Some(id);
            }
            if after.is_none() {
                return Ok(filled);
            }
        }
    }

    async fn fill_one<A: Aggregate>(&self, keys: &[&Key<A>], id: &str, document: Document) -> Result<(), Stop> {
        let claims = self.store.claims(A::NAME);
        let mut read = Some(document);
        // Anew, when it was stored meanwhile.
        while let Some(document) = read {
            let stored = record::load::<A>(&document)?;
            let keyed = Keyed::of(keys.iter().copied(), &stored.value)?;
            for (key, claim) in &keyed.claims {
                if let Staked::Taken(_) = claims.stake(claim, id, stamp()).await? {
                    return Err(Stop::NotUnique(key));
                }
            }
            let mut set = keyed.fields;
            set.insert(STAMP, stamp());
            let same = doc! {"_id": id, STAMP: document.get(STAMP).cloned().unwrap_or(Bson::Null)};
            if self.own.update_one(same, doc! {"$set": set}).await?.matched_count == 1 {
                return Ok(());
            }
            let mut filter = is_there();
            filter.insert("_id", id);
            read = self.own.find_one(filter).projection(read_to_fill()).await?;
        }
        Ok(())
    }
}

fn read_to_fill() -> Document {
    doc! {VERSION: 1, STATE: 1, STAMP: 1}
}
