//! What is said once of a store, among the keys its tables have columns for.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DbErr};

use crate::dialect::Violation;
use crate::tables::Names;

/// Whether something was said.
pub(crate) async fn is_raised(database: &impl ConnectionTrait, names: &Names, flag: [&str; 2]) -> Result<bool, DbErr> {
    let [aggregate, key] = flag;
    let said = Query::select()
        .column("key")
        .from(names.keys.clone())
        .and_where(Expr::col("aggregate").eq(aggregate))
        .and_where(Expr::col("key").eq(key))
        .take();
    database.query_one(&said).await.map(|row| row.is_some())
}

/// Says it, unless it was said before.
pub(crate) async fn raise(database: &impl ConnectionTrait, names: &Names, flag: [&str; 2]) -> Result<(), DbErr> {
    if is_raised(database, names, flag).await? {
        return Ok(());
    }
    let [aggregate, key] = flag;
    let say = Query::insert()
        .into_table(names.keys.clone())
        .columns(["aggregate", "key", "declaration"])
        .values_panic([aggregate.into(), key.into(), "1".into()])
        .take();
    match database.execute(&say).await {
        // Another process has said it in the same moment.
        Err(error) if Violation::of(&error).is_some() => Ok(()),
        said => said.map(drop),
    }
}
