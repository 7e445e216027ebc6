//! A database of a test's own on the server that all share.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::BoxFuture;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::{Corrupt, Harness, Reopen};
use jobapp_kernel::ObjectId;
use jobapp_mongo::{MongoConfig, MongoStore};
use jobapp_test_servers::{Kind, Server, shared};
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection, Database};

/// How long anything that must come about may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Fails when something never comes about.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited in vain until {what}");
}

/// A database, dropped with its test.
pub(crate) struct Place {
    pub(crate) name: String,
    server: String,
}

impl Place {
    pub(crate) async fn on_shared() -> Arc<Self> {
        Self::on(&shared(Kind::MongoDb).await)
    }

    pub(crate) fn on(server: &Server) -> Arc<Self> {
        let name = format!("t{:016x}", RandomState::new().hash_one(0));
        Arc::new(Self { name, server: server.url().to_owned() })
    }

    /// The address of this database.
    pub(crate) fn url(&self) -> String {
        self.url_through(&self.server)
    }

    /// The same by way of a proxy.
    pub(crate) fn url_through(&self, server: &str) -> String {
        format!("{}/{}?connections=4", server.trim_end_matches('/'), self.name)
    }

    /// The address of the store of a service: its namespace is part of it.
    pub(crate) fn url_of(&self, service: &str) -> String {
        format!("{}&namespace={service}", self.url())
    }

    pub(crate) async fn open(&self) -> MongoStore {
        MongoStore::open(config(&self.url())).await.unwrap()
    }

    /// The database as somebody else sees it who is no store.
    pub(crate) async fn database(&self) -> Database {
        Client::with_uri_str(&self.server).await.unwrap().database(&self.name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move { Client::with_uri_str(&server).await?.database(&name).drop().await })
        });
        let dropped = dropping.join();
        if !std::thread::panicking() {
            dropped.unwrap().unwrap();
        }
    }
}

pub(crate) fn config(url: &str) -> MongoConfig {
    MongoConfig::server(url).unwrap()
}

/// Every document of a collection.
pub(crate) async fn documents(collection: &Collection<Document>) -> Vec<Document> {
    collection.find(doc! {}).sort(doc! {"_id": 1}).await.unwrap().try_collect().await.unwrap()
}

/// Kettles of this store, whose collection this is.
pub(crate) fn harness(place: Arc<Place>, config: MongoConfig, collection: &'static str) -> BoxFuture<'static, Harness> {
    let (again, same) = (Arc::clone(&place), config.clone());
    let reopen: Reopen = Arc::new(move || harness(Arc::clone(&again), same.clone(), collection));
    Box::pin(async move {
        let store = MongoStore::open(config).await.unwrap();
        Harness {
            kettles: store.register::<Kettle>().await.unwrap(),
            outbox: store.outbox(),
            sequence: store.sequence(),
            corrupt: corrupt(&store, collection),
            reopen: Some(reopen),
            guard: Box::new((store, place)),
        }
    })
}

/// Spoils a stored kettle behind the store's back.
fn corrupt(store: &MongoStore, collection: &'static str) -> Corrupt {
    let database = store.database();
    Box::new(move |id: ObjectId, state: &'static str| -> BoxFuture<'static, ()> {
        let kettles: Collection<Document> = database.collection(collection);
        Box::pin(async move {
            let spoil = doc! {"$set": {"state": state}};
            let spoilt = kettles.update_one(doc! {"_id": id.to_string()}, spoil).await.unwrap();
            assert_eq!(spoilt.matched_count, 1);
        })
    })
}
