//! Numbers that are given out once.

use async_trait::async_trait;
use jobapp_kernel::{RepositoryError, Sequence};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::SqlStore;
use crate::dialect::Violation;
use crate::patience::Patience;
use crate::task::undo;

#[async_trait]
impl Sequence for SqlStore {
    async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError> {
        let failed = |error: DbErr| {
            self.inner.connections.condition.note(&error);
            RepositoryError::unavailable(format!("take the next number of {name}"), error)
        };
        let (store, of_name) = (self.clone(), name.to_owned());
        self.inner
            .connections
            .to_the_end(async move { store.next_patiently(&of_name, start).await })
            .await
            .map_err(failed)
    }
}

impl SqlStore {
    async fn next_patiently(&self, name: &str, start: i64) -> Result<i64, DbErr> {
        let mut patience = Patience::new();
        loop {
            match self.next_number(name, start).await {
                // Somebody else started the sequence in the same instant: it can be counted on now.
                Err(error) if Violation::of(&error).is_some() => {}
                Err(error) if patience.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn next_number(&self, name: &str, start: i64) -> Result<i64, DbErr> {
        let transaction = self.inner.connections.begin().await?;
        match take(&transaction, &self.inner.names.sequences, name, start).await {
            Ok(number) => transaction.commit().await.map(|()| number),
            Err(error) => Err(undo(transaction, error).await),
        }
    }
}

async fn take(transaction: &DatabaseTransaction, table: &str, name: &str, start: i64) -> Result<i64, DbErr> {
    let table = || table.to_owned();
    let is_named = Expr::col("name").eq(name);
    // Counting on before reading locks the row where several may write.
    let next = Expr::case(Expr::col("next").lt(start), start).finally(Expr::col("next"));
    let count_on =
        Query::update().table(table()).value("next", Expr::expr(next).add(1)).and_where(is_named.clone()).take();
    if transaction.execute(&count_on).await?.rows_affected() == 0 {
        let begin = Query::insert()
            .into_table(table())
            .columns(["name", "next"])
            .values_panic([name.into(), start.saturating_add(1).into()])
            .take();
        transaction.execute(&begin).await?;
        return Ok(start);
    }
    let next = Query::select().column("next").from(table()).and_where(is_named).take();
    let row = transaction.query_one(&next).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(format!("the sequence {name}")))?;
    Ok(row.try_get_by_index::<i64>(0)? - 1)
}
