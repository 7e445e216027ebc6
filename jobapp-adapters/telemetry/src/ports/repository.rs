//! Calls of the database. Nothing of the values that are read and written.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{
    About, Aggregate, Bounds, Cause, Change, Decision, Key, KeyValue, Kinded, Page, PageRequest, Repository,
    RepositoryError, Saved, Stored, Turns,
};
use opentelemetry::trace::SpanKind;

use super::word;
use crate::traces::child;

struct Watched<A: Aggregate> {
    system: &'static str,
    repository: Arc<dyn Repository<A>>,
}

/// The same repository, whose calls are spans of the traces they belong to. `system` is what the database is.
pub fn traced<A: Aggregate>(system: &'static str, repository: Arc<dyn Repository<A>>) -> Arc<dyn Repository<A>> {
    Arc::new(Watched { system, repository })
}

impl<A: Aggregate> Watched<A> {
    async fn called<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, RepositoryError>>,
    ) -> Result<T, RepositoryError> {
        let Some(span) = child(SpanKind::Client, || [operation, " ", A::NAME].concat().into()) else {
            return call.await;
        };
        span.says("db.system.name", self.system);
        span.says("db.operation.name", operation);
        span.says("db.collection.name", A::NAME);
        let outcome = span.within(call).await;
        if let Err(error) = &outcome {
            span.failed(word(error.kind()));
        }
        outcome
    }
}

#[async_trait]
impl<A: Aggregate> Repository<A> for Watched<A> {
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        self.called("find", self.repository.find(id)).await
    }

    async fn find_many(&self, ids: &[A::Id]) -> Result<Vec<Stored<A>>, RepositoryError> {
        self.called("find_many", self.repository.find_many(ids)).await
    }

    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        self.called("find_by", self.repository.find_by(key, value)).await
    }

    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        self.called("list", self.repository.list(key, value, page)).await
    }

    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        self.called("range", self.repository.range(key, bounds, page)).await
    }

    async fn scan(&self, after: Option<&A::Id>, limit: usize) -> Result<Vec<Stored<A>>, RepositoryError> {
        self.called("scan", self.repository.scan(after, limit)).await
    }

    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError> {
        self.called("caused", self.repository.caused(cause)).await
    }

    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError> {
        self.called("save", self.repository.save(change)).await
    }

    async fn decide(&self, about: About<A>, decide: Decision<A>) -> Result<Option<Saved>, RepositoryError> {
        self.called("decide", self.repository.decide(about, decide)).await
    }

    fn turns(&self) -> &Turns {
        self.repository.turns()
    }
}
