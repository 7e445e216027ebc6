//! What one owner at a time may do.

use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{Leases, RepositoryError};
use sea_orm::sea_query::{Expr, ExprTrait, Query, UpdateStatement};
use sea_orm::{ConnectionTrait, DbErr};

use crate::SqlStore;
use crate::dialect::{self, Violation};
use crate::inner::Inner;
use crate::patience::Patience;
use crate::task::undo;

/// Makes the lease last so long from now.
fn lengthen(store: &Inner, owner: &str, time: Duration) -> UpdateStatement {
    let until = dialect::in_future(store.backend(), time);
    Query::update().table(store.names.leases.clone()).value("owner", owner).value("until", until).take()
}

fn is_of(owner: &str) -> Expr {
    Expr::col("owner").eq(owner)
}

impl SqlStore {
    async fn take_lease(&self, name: &str, owner: &str, time: Duration) -> Result<bool, DbErr> {
        let transaction = self.inner.connections.begin().await?;
        let is_free = is_of(owner).or(Expr::col("until").lte(dialect::now(self.inner.backend())));
        let update = lengthen(&self.inner, owner, time).and_where(Expr::col("name").eq(name)).and_where(is_free).take();
        match transaction.execute(&update).await {
            Ok(done) if done.rows_affected() > 0 => return transaction.commit().await.map(|()| true),
            Ok(_) => {}
            Err(error) => return Err(undo(transaction, error).await),
        }
        let insert = Query::insert()
            .into_table(self.inner.names.leases.clone())
            .columns(["name", "owner", "until"])
            .values_panic([name.into(), owner.into(), dialect::in_future(self.inner.backend(), time)])
            .take();
        match transaction.execute(&insert).await {
            Ok(_) => transaction.commit().await.map(|()| true),
            // Somebody has it.
            Err(error) if Violation::of(&error).is_some() => transaction.rollback().await.map(|()| false),
            Err(error) => Err(undo(transaction, error).await),
        }
    }

    async fn take_patiently(&self, name: &str, owner: &str, time: Duration) -> Result<bool, DbErr> {
        let mut patience = Patience::new();
        loop {
            match self.take_lease(name, owner, time).await {
                Err(error) if patience.again(&error).await => {}
                taken => return taken,
            }
        }
    }

    async fn renew_lease(&self, name: &str, owner: &str, time: Duration) -> Result<bool, DbErr> {
        let update = lengthen(&self.inner, owner, time)
            .and_where(Expr::col("name").eq(name))
            .and_where(is_of(owner))
            .and_where(Expr::col("until").gt(dialect::now(self.inner.backend())))
            .take();
        Ok(self.inner.connections.execute(&update).await? > 0)
    }

    async fn owner_of_lease(&self, name: &str) -> Result<Option<String>, DbErr> {
        let question = Query::select()
            .column("owner")
            .from(self.inner.names.leases.clone())
            .and_where(Expr::col("name").eq(name))
            .and_where(Expr::col("until").gt(dialect::now(self.inner.backend())))
            .take();
        self.inner.connections.ask(&question).await?.first().map(|row| row.try_get_by_index(0)).transpose()
    }

    async fn release_lease(&self, name: &str, owner: &str) -> Result<(), DbErr> {
        let delete = Query::delete()
            .from_table(self.inner.names.leases.clone())
            .and_where(Expr::col("name").eq(name))
            .and_where(is_of(owner))
            .take();
        self.inner.connections.execute(&delete).await.map(drop)
    }

    fn failed_lease(&self, attempt: &str, name: &str) -> impl Fn(DbErr) -> RepositoryError {
        let (condition, attempt) = (self.inner.connections.condition.clone(), format!("{attempt} the lease {name}"));
        move |error| {
            condition.note(&error);
            RepositoryError::unavailable(attempt.clone(), error)
        }
    }
}

#[async_trait]
impl Leases for SqlStore {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        let (store, of_name, by) = (self.clone(), name.to_owned(), owner.to_owned());
        let taken =
            self.inner.connections.to_the_end(async move { store.take_patiently(&of_name, &by, time).await }).await;
        taken.map_err(self.failed_lease("take", name))
    }

    async fn renew(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        self.renew_lease(name, owner, time).await.map_err(self.failed_lease("renew", name))
    }

    async fn owner(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        self.owner_of_lease(name).await.map_err(self.failed_lease("tell the owner of", name))
    }

    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError> {
        self.release_lease(name, owner).await.map_err(self.failed_lease("release", name))
    }
}
