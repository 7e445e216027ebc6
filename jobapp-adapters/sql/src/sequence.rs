//! Numbers that are given out once.

use async_trait::async_trait;
use jobapp_kernel::{RepositoryError, Sequence};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::SqlStore;
use crate::dialect::Violation;
use crate::tables::SEQUENCES;

#[async_trait]
impl Sequence for SqlStore {
    async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError> {
        let failed = |error: DbErr| {
            self.inner.connections.condition.note(&error);
            RepositoryError::unavailable(format!("take the next number of {name}"), error)
        };
        loop {
            let transaction = self.inner.connections.begin().await.map_err(failed)?;
            match take(&transaction, name, start).await {
                Ok(number) => {
                    transaction.commit().await.map_err(failed)?;
                    return Ok(number);
                }
                // Somebody else started the sequence in the same instant: it can be counted on now.
                Err(error) if Violation::of(&error).is_some() => transaction.rollback().await.map_err(failed)?,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

async fn take(transaction: &DatabaseTransaction, name: &str, start: i64) -> Result<i64, DbErr> {
    let is_named = Expr::col("name").eq(name);
    // Counting on before reading locks the row where several may write.
    let count_on =
        Query::update().table(SEQUENCES).value("next", Expr::col("next").add(1)).and_where(is_named.clone()).take();
    if transaction.execute(&count_on).await?.rows_affected() == 0 {
        let begin = Query::insert()
            .into_table(SEQUENCES)
            .columns(["name", "next"])
            .values_panic([name.into(), start.saturating_add(1).into()])
            .take();
        transaction.execute(&begin).await?;
        return Ok(start);
    }
    let next = Query::select().column("next").from(SEQUENCES).and_where(is_named).take();
    let row = transaction.query_one(&next).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(format!("the sequence {name}")))?;
    Ok(row.try_get_by_index::<i64>(0)? - 1)
}
