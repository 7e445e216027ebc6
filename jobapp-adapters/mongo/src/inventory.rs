//! What is asked of a store by whoever looks after it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use jobapp_kernel::{Backlog, Inventory, Layout, Outbox, RepositoryError, Timestamp};
use mongodb::bson::{Document, doc};

use crate::MongoStore;
use crate::entry;
use crate::failure::Failure;
use crate::fields::{OLDEST, OUTBOX, is_there};
use crate::inner::Inner;
use crate::migration::{DECLARED, Declarations};
use crate::outbox::something_waits;
use crate::record::{id_of, texts};

fn failed(attempt: &'static str) -> impl Fn(Failure) -> RepositoryError {
    move |failure| RepositoryError::unavailable(attempt, failure)
}

#[async_trait]
impl Inventory for MongoStore {
    async fn layout(&self) -> Result<Layout, RepositoryError> {
        let store = Arc::clone(&self.inner);
        let reading = async move { store.layout().await };
        self.inner.connection.run(reading).await.map_err(failed("read what the store was made for"))
    }

    async fn backlog(&self) -> Result<Backlog, RepositoryError> {
        let store = Arc::clone(&self.inner);
        let looking = async move { store.oldest().await };
        let oldest = self.inner.connection.run(looking).await.map_err(failed("look for the oldest outbox entry"))?;
        Ok(Backlog { waiting: self.waiting().await?, stuck: self.stuck().await?, oldest })
    }

    async fn count(&self, kind: &str) -> Result<u64, RepositoryError> {
        let (store, kind) = (Arc::clone(&self.inner), kind.to_owned());
        let counting = async move {
            if !store.layout().await?.contains_key(&kind) {
                return Ok(0);
            }
            Ok(store.kind(&kind).count_documents(is_there()).await?)
        };
        self.inner.connection.run(counting).await.map_err(failed("count what is stored"))
    }
}

impl Inner {
    async fn layout(&self) -> Result<Layout, Failure> {
        let kinds = self.connection.collection(&self.names.kinds);
        let known: Vec<Document> = kinds.find(doc! {DECLARED: {"$exists": true}}).await?.try_collect().await?;
        let mut layout = Layout::new();
        for kind in known {
            let name = id_of(&kind)?.to_owned();
            let declared = kind.get_str(DECLARED).unwrap_or_default();
            let unreadable = |error| Failure::Other(format!("what {name} was made for cannot be read: {error}"));
            let keys: Declarations = serde_json::from_str(declared).map_err(unreadable)?;
            layout.insert(name, keys);
        }
        Ok(layout)
    }

    /// When the oldest entry was stored.
    async fn oldest(&self) -> Result<Option<Timestamp>, Failure> {
        let mut oldest: Option<Timestamp> = None;
        for kind in self.kinds() {
            let collection = self.kind(&kind);
            let first = collection.find_one(something_waits()).sort(doc! {OLDEST: 1}).projection(doc! {OUTBOX: 1});
            let Some(document) = first.await? else { continue };
            let stored = entry::waiting(texts(&document, OUTBOX)).iter().filter_map(|entry| entry.recorded_at()).min();
            oldest = [oldest, stored].into_iter().flatten().min();
        }
        Ok(oldest)
    }
}
