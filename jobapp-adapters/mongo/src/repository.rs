//! The repository of one kind of aggregate: its readings. What it writes is in `save`.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use jobapp_kernel::{
    Aggregate, Bounds, Cause, Change, Cursor, InvalidId, Key, KeyValue, Page, PageRequest, Repository, RepositoryError,
    Saved, Stored, Turns, id_text,
};
use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};

use crate::failure::Failure;
use crate::fields::{VERSION, is_there};
use crate::inbox::{Handled, Mark};
use crate::inner::Inner;
use crate::queries::{List, declared, having, limit, loaded};
use crate::{record, save};

pub(crate) struct MongoRepository<A> {
    store: Arc<Inner>,
    collection: Collection<Document>,
    aggregate: PhantomData<fn() -> A>,
}

/// How many ids are asked for with one question.
const IDS_AT_ONCE: usize = 500;

impl<A: Aggregate> MongoRepository<A> {
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        Self { collection: store.kind(A::NAME), store, aggregate: PhantomData }
    }

    /// What is asked, answered in time.
    async fn asked<T: Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let answer = self.store.connection.run(question).await;
        answer.map_err(|failure| RepositoryError::unavailable(format!("look for a {}", A::NAME), failure))
    }

    async fn one(&self, filter: Document) -> Result<Option<Stored<A>>, RepositoryError> {
        let collection = self.collection.clone();
        let found =
            self.asked(async move { Ok(collection.find_one(filter).projection(loaded(VERSION)).await?) }).await?;
        found.as_ref().map(record::load::<A>).transpose()
    }

    async fn page(&self, list: List, most: usize) -> Result<Page<Stored<A>>, RepositoryError> {
        let sort = list.sort.clone();
        let mut documents = self.asked(list.read(self.collection.clone())).await?;
        let has_more = documents.len() > most;
        documents.truncate(most);
        let items = documents.iter().map(record::load::<A>).collect::<Result<_, _>>()?;
        let next = documents.last().filter(|_| has_more).map(|last| cursor(last, &sort)).transpose();
        Ok(Page { items, next: next.map_err(record::unreadable::<A>)? })
    }
}

/// Where a list goes on behind a document.
fn cursor(last: &Document, sort: &str) -> Result<Cursor, Failure> {
    let id = record::id_of(last)?.to_owned();
    let sort = match (last.get(sort), record::number(last, sort)) {
        (Some(Bson::String(text)), _) => KeyValue::Text(text.clone()),
        (_, Some(number)) => KeyValue::Int(number),
        _ => return Err(Failure::Other(format!("the document {id} has no {sort}"))),
    };
    Ok(Cursor { sort, id })
}

#[async_trait]
impl<A: Aggregate> Repository<A> for MongoRepository<A> {
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        let Ok(id) = id_text::<A>(id) else { return Ok(None) };
        let mut filter = doc! {"_id": id};
        filter.extend(is_there());
        self.one(filter).await
    }

    async fn find_many(&self, ids: &[A::Id]) -> Result<Vec<Stored<A>>, RepositoryError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(IDS_AT_ONCE) {
            let texts: Vec<String> = ids.iter().filter_map(|id| id_text::<A>(id).ok()).collect();
            let mut filter = doc! {"_id": {"$in": texts}};
            filter.extend(is_there());
            let collection = self.collection.clone();
            let reading = async move {
                Ok(collection.find(filter).projection(loaded(VERSION)).await?.try_collect::<Vec<Document>>().await?)
            };
            for document in self.asked(reading).await? {
                let stored = record::load::<A>(&document)?;
                found.insert(stored.value.id().clone(), stored);
            }
        }
        // Each is taken where it is named first; the rest finds nothing.
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        declared(&key)?;
        if !value.may_be_stored() {
            return Ok(None);
        }
        self.one(having(&key, &value)).await
    }

    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        declared(&key)?;
        if !value.may_be_stored() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        self.page(List::of(&key, &value, &page), page.limit).await
    }

    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        declared(&key)?;
        self.page(List::range(&key, &bounds, &page), page.limit).await
    }

    async fn scan(&self, after: Option<&A::Id>, most: usize) -> Result<Vec<Stored<A>>, RepositoryError> {
        // To the server no limit is none.
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut filter = is_there();
        if let Some(after) = after {
            filter.insert("_id", doc! {"$gt": after.to_string()});
        }
        let collection = self.collection.clone();
        let reading = async move {
            let found = collection.find(filter).sort(doc! {"_id": 1}).limit(limit(most)).projection(loaded(VERSION));
            Ok(found.await?.try_collect::<Vec<Document>>().await?)
        };
        self.asked(reading).await?.iter().map(record::load::<A>).collect()
    }

    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError> {
        if matches!(cause, Cause::Message { .. }) {
            return Ok(None);
        }
        let (causes, mark) = (self.store.causes(A::NAME), Mark::of(cause, A::NAME, "", 0));
        let told = async move {
            let claim = causes.holder(&mark.claim).await?;
            claim.map(|claim| mark.told(&claim)).transpose()
        };
        let id = match self.asked(told).await? {
            None => return Ok(None),
            Some(Handled::Reused) => return Err(RepositoryError::CauseReused),
            Some(Handled::By(id)) => id,
        };
        let corrupt =
            |error: InvalidId| RepositoryError::Corrupt { aggregate: A::NAME, id: id.clone(), source: error.into() };
        id.parse().map(Some).map_err(corrupt)
    }

    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError> {
        save::save(&self.store, &change).await
    }

    fn turns(&self) -> &Turns {
        &self.store.turns
    }
}
