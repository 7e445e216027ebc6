//! The tables of the read model of reviews.

use std::sync::Arc;

use sea_orm::sea_query::{ColumnDef, Index, IndexCreateStatement, Query, TableCreateStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};

use crate::dialect::{self, Exclusive, schema};
use crate::flags;
use crate::inner::Inner;
use crate::tables::{Names, key_column, table};

/// Said once the tables are there in this form. A later form has another number, and a step that leads there.
const FORM: [&str; 2] = ["jobapp ratings", "1"];

/// Makes the tables unless they are there.
pub(crate) async fn prepare(store: Arc<Inner>) -> Result<(), DbErr> {
    if flags::is_raised(&store.connections.writer(), &store.names, FORM).await? {
        return Ok(());
    }
    // Another process that comes to the same conclusion waits here and finds everything there.
    let exclusive = Exclusive::begin(store.connections.writer(), &store.location, &store.names.store()).await?;
    match make(&exclusive.transaction, &store.names).await {
        Ok(()) => exclusive.commit().await,
        Err(error) => Err(exclusive.undo(error).await),
    }
}

async fn make(transaction: &DatabaseTransaction, names: &Names) -> Result<(), DbErr> {
    for table in tables(transaction.get_database_backend(), names) {
        transaction.execute(&table).await?;
    }
    for subject in ["seller", "gig"] {
        let (index, name) = index(names, subject);
        if !schema::has_index(transaction, &names.ratings, &name).await? {
            transaction.execute(&index).await?;
        }
    }
    if !dialect::has_rows(transaction, &names.rating_editions).await? {
        let unbuilt = Query::insert()
            .into_table(names.rating_editions.clone())
            .columns(["edition", "published"])
            .values_panic([0_i64.into(), 1_i64.into()])
            .take();
        transaction.execute(&unbuilt).await?;
    }
    flags::raise(transaction, names, FORM).await
}

fn tables(backend: DbBackend, names: &Names) -> [TableCreateStatement; 2] {
    let number = |name: &'static str| ColumnDef::new(name).big_integer().not_null().take();
    [
        table(backend, &names.rating_editions)
            .if_not_exists()
            .col(number("edition").primary_key())
            .col(number("published"))
            .take(),
        table(backend, &names.ratings)
            .if_not_exists()
            .col(number("edition"))
            .col(key_column(backend, "order_id").not_null())
            .col(key_column(backend, "seller").not_null())
            .col(key_column(backend, "gig").not_null())
            .col(number("day"))
            .col(number("stars"))
            .primary_key(Index::create().col("edition").col("order_id"))
            .take(),
    ]
}

/// Everything that is asked of a seller or a gig, so that no row has to be looked up.
fn index(names: &Names, subject: &'static str) -> (IndexCreateStatement, String) {
    let name = format!("by_{}__{subject}", names.ratings);
    let mut index = Index::create();
    index.name(&name).table(names.ratings.clone()).if_not_exists();
    index.col("edition").col(subject).col("day").col("stars");
    (index, name)
}
