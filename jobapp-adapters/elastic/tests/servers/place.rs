//! A place in Elasticsearch for one test.

use std::time::Duration;

use jobapp_contracts::search::Source;
use jobapp_elastic::{ElasticConfig, ElasticSearch};
use jobapp_gigs::{GigSearch, IndexChange, SearchError, SearchIndex, SearchQuery};
use jobapp_test_servers::{Kind, Proxy, Server, proxied, shared};
use reqwest::Method;
use serde_json::Value;

/// How long anything may take to come about.
const WHILE: Duration = Duration::from_secs(30);

/// Indexes that no other test uses.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) index: String,
}

impl Place {
    /// On the Elasticsearch that all tests share.
    pub(crate) async fn fresh() -> Self {
        Self::on(shared(Kind::Elasticsearch).await)
    }

    pub(crate) fn on(server: Server) -> Self {
        Self { server, index: format!("test-{}", uuid::Uuid::new_v4().simple()) }
    }

    /// One process's handle.
    pub(crate) fn process(&self) -> ElasticSearch {
        self.by(self.server.url())
    }

    /// The same, by another way.
    pub(crate) fn by(&self, url: &str) -> ElasticSearch {
        ElasticSearch::open(self.config(url))
    }

    pub(crate) fn config(&self, url: &str) -> ElasticConfig {
        let mut config = ElasticConfig::from_url(url).unwrap();
        config.index.clone_from(&self.index);
        // A busy machine is not a server that is away.
        config.patience = Duration::from_secs(5);
        config
    }

    /// Two processes, and an index that one of them built of these gigs.
    pub(crate) async fn two(gigs: Vec<IndexChange>) -> (Self, ElasticSearch, ElasticSearch) {
        let place = Self::fresh().await;
        let (one, other) = (place.process(), place.process());
        build(&one, gigs).await;
        (place, one, other)
    }

    /// A process and the network that it uses.
    pub(crate) async fn through_a_proxy(&self) -> (Proxy, ElasticSearch) {
        let proxy = proxied(&self.server).await;
        let process = self.by(proxy.url());
        process.ping().await.unwrap();
        (proxy, process)
    }

    /// Asks the server itself.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let asked = reqwest::Client::new().request(method, format!("{}{path}", self.server.url()));
        let asked = if body.is_null() { asked } else { asked.json(body) };
        asked.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// The names of the indexes of this place, and of what is called like them.
    pub(crate) async fn indexes(&self) -> Vec<String> {
        let known = self.ask(Method::GET, &format!("/{}*/_alias", self.index), &Value::Null).await;
        known.as_object().unwrap().keys().cloned().collect()
    }

    /// Removes every index.
    pub(crate) async fn remove_indexes(&self) {
        for index in self.indexes().await {
            self.ask(Method::DELETE, &format!("/{index}"), &Value::Null).await;
        }
    }
}

pub(crate) async fn build(index: &ElasticSearch, gigs: Vec<IndexChange>) {
    index.rebuild(&mut Source::of(gigs), &|_| {}).await.unwrap();
}

pub(crate) async fn total(index: &ElasticSearch) -> usize {
    index.search(&SearchQuery::default()).await.unwrap().total
}

/// How many gigs have this word.
pub(crate) async fn found(index: &ElasticSearch, word: &str) -> usize {
    let query = SearchQuery::parse("0", "10", "forward", [("query", word)]);
    index.search(&query).await.unwrap().total
}

/// Whether it answers that it has to be built first.
pub(crate) async fn is_behind(index: &ElasticSearch) -> bool {
    matches!(index.search(&SearchQuery::default()).await, Err(SearchError::Incomplete))
        && index.needs_rebuild().await.unwrap()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(WHILE, waiting).await.is_ok(), "waited in vain until {what}");
}

/// What comes within a while.
pub(crate) async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(WHILE, coming).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
