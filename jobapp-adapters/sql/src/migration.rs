//! Makes the table of a kind of aggregate and keeps its columns in step with the declared keys.

use std::collections::BTreeMap;

use jobapp_kernel::{Aggregate, Key, id_text};
use sea_orm::sea_query::{ColumnDef, Expr, ExprTrait, Index, IndexCreateStatement, Query, SelectStatement, Table};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult};

use crate::connections::Connections;
use crate::dialect::{self, Exclusive, Violation, schema};
use crate::row;
use crate::tables::{self, KeyNames, Names};
use crate::{Location, SqlStoreError};

/// What stands for the table itself among the keys it has columns for.
const TABLE: &str = "";

/// How many rows are read at a time to fill the columns of a new key.
const BATCH: u64 = 200;

/// The declarations by key that a table was made for.
type Declarations = BTreeMap<String, String>;

/// Brings the table of `A` up to date: all of it, or, when something fails, nothing.
pub(crate) async fn bring_up_to_date<A: Aggregate>(
    connections: &Connections,
    names: &Names,
    location: &Location,
) -> Result<(), SqlStoreError> {
    let wanted = wanted::<A>();
    let failed = |source: DbErr| failed::<A>(location, source);
    let known =
        connections.ask(&declarations::<A>(names)).await.and_then(|rows| read_declarations(&rows)).map_err(failed)?;
    if known == wanted {
        return Ok(());
    }
    // Another process that comes to the same conclusion waits here and finds nothing to do.
    let exclusive = Exclusive::begin(connections.writer(), location, &names.store()).await.map_err(failed)?;
    let migration = Migration { transaction: &exclusive.transaction, backend: connections.backend(), names, location };
    if let Err(error) = migration.run::<A>(&wanted).await {
        if let Err(error) = exclusive.roll_back().await {
            tracing::warn!(%error, aggregate = A::NAME, "a failed migration could not be rolled back; closing the connection does");
        }
        return Err(error);
    }
    exclusive.commit().await.map_err(failed)
}

fn wanted<A: Aggregate>() -> Declarations {
    let keys = A::keys().iter().map(|key| (key.name.to_owned(), key.declaration()));
    keys.chain([(TABLE.to_owned(), "1".to_owned())]).collect()
}

fn declarations<A: Aggregate>(names: &Names) -> SelectStatement {
    Query::select()
        .column("key")
        .column("declaration")
        .from(names.keys.clone())
        .and_where(Expr::col("aggregate").eq(A::NAME))
        .take()
}

fn read_declarations(rows: &[QueryResult]) -> Result<Declarations, DbErr> {
    rows.iter().map(|row| Ok((dialect::text(row, 0)?, dialect::text(row, 1)?))).collect()
}

fn failed<A: Aggregate>(
    location: &Location,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SqlStoreError {
    SqlStoreError::Migrate { aggregate: A::NAME, location: location.to_string(), source: source.into() }
}

struct Migration<'a> {
    transaction: &'a DatabaseTransaction,
    backend: DbBackend,
    names: &'a Names,
    location: &'a Location,
}

impl Migration<'_> {
    /// Every step is remembered when it is done. Where a change of a table is not undone with the transaction, whoever comes after a
    /// failure or a crash meets what was begun and not remembered: it is removed and made anew.
    async fn run<A: Aggregate>(&self, wanted: &Declarations) -> Result<(), SqlStoreError> {
        let failed = |source: DbErr| failed::<A>(self.location, source);
        let rows = self.transaction.query_all(&declarations::<A>(self.names)).await.map_err(failed)?;
        let existing = &read_declarations(&rows).map_err(failed)?;
        if !existing.contains_key(TABLE) {
            self.create_table::<A>().await.map_err(failed)?;
        }
        for (key, declared) in existing {
            if key != TABLE && wanted.get(key) != Some(declared) {
                tracing::info!(aggregate = A::NAME, key, "removing the columns of a key that is no longer declared so");
                self.remove::<A>(key, declared.ends_with(" many")).await.map_err(failed)?;
                self.forget::<A>(key).await.map_err(failed)?;
            }
        }
        let is_new = |key: &&Key<A>| existing.get(key.name) != wanted.get(key.name);
        let new: Vec<&Key<A>> = A::keys().iter().filter(is_new).collect();
        let added = self.add(existing, &new).await;
        if added.is_err() && !dialect::undoes_schemas(self.backend) {
            for key in &new {
                self.remove::<A>(key.name, key.many).await.map_err(failed)?;
            }
        }
        added
    }

    async fn add<A: Aggregate>(&self, existing: &Declarations, new: &[&Key<A>]) -> Result<(), SqlStoreError> {
        let failed = |source: DbErr| failed::<A>(self.location, source);
        for key in new {
            if !dialect::undoes_schemas(self.backend) {
                self.remove::<A>(key.name, key.many).await.map_err(failed)?;
            }
            self.add_columns(key).await.map_err(failed)?;
        }
        if existing.contains_key(TABLE) && !new.is_empty() {
            let filled = self.fill(new).await?;
            tracing::info!(aggregate = A::NAME, values = filled, keys = new.len(), "filled the columns of new keys");
        }
        for key in new {
            self.add_index(key).await?;
        }
        for key in new {
            self.remember::<A>(key.name, &key.declaration()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn create_table<A: Aggregate>(&self) -> Result<(), DbErr> {
        let table = tables::table(self.backend, &self.names.table::<A>())
            .if_not_exists()
            .col(tables::key_column(self.backend, "id").not_null().primary_key())
            .col(ColumnDef::new("version").big_integer().not_null())
            .col(tables::long_column(self.backend, "state").not_null())
            .take();
        self.transaction.execute(&table).await?;
        self.remember::<A>(TABLE, "1").await
    }

    async fn remember<A: Aggregate>(&self, key: &str, declaration: &str) -> Result<(), DbErr> {
        let insert = Query::insert()
            .into_table(self.names.keys.clone())
            .columns(["aggregate", "key", "declaration"])
            .values_panic([A::NAME.into(), key.into(), declaration.into()])
            .take();
        self.transaction.execute(&insert).await.map(|_| ())
    }

    /// Removes what there is of a key.
    async fn remove<A: Aggregate>(&self, key: &str, is_many: bool) -> Result<(), DbErr> {
        let names = self.names.key::<A>(key);
        let undoes = dialect::undoes_schemas(self.backend);
        if is_many {
            return self.transaction.execute(&Table::drop().table(names.side).if_exists().take()).await.map(drop);
        }
        if undoes || schema::has_index(self.transaction, &names.table, &names.index).await? {
            let mut drop_index = Index::drop();
            drop_index.name(&names.index).table(names.table.clone());
            self.transaction.execute(&drop_index).await?;
        }
        for column in [names.value, names.sort] {
            if undoes || schema::has_column(self.transaction, &names.table, &column).await? {
                self.transaction.execute(&Table::alter().table(names.table.clone()).drop_column(column).take()).await?;
            }
        }
        Ok(())
    }

    async fn forget<A: Aggregate>(&self, key: &str) -> Result<(), DbErr> {
        let forget = Query::delete()
            .from_table(self.names.keys.clone())
            .and_where(Expr::col("aggregate").eq(A::NAME))
            .and_where(Expr::col("key").eq(key))
            .take();
        self.transaction.execute(&forget).await.map(drop)
    }

    async fn add_columns<A: Aggregate>(&self, key: &Key<A>) -> Result<(), DbErr> {
        let names = self.names.key::<A>(key.name);
        if key.many {
            let side = tables::table(self.backend, &names.side)
                .col(tables::key_column(self.backend, "id").not_null())
                .col(tables::value_column(self.backend, "value", key.int).not_null())
                .col(ColumnDef::new("sort").big_integer().not_null())
                .primary_key(Index::create().col("id").col("value"))
                .take();
            return self.transaction.execute(&side).await.map(|_| ());
        }
        // One column at a time: not every database adds several at once.
        let sort = ColumnDef::new(names.sort).big_integer().not_null().default(0).take();
        for column in [tables::value_column(self.backend, names.value, key.int), sort] {
            self.transaction.execute(&Table::alter().table(names.table.clone()).add_column(column).take()).await?;
        }
        Ok(())
    }

    /// Reads every stored value and writes what it has for the new keys. Returns how many there are.
    async fn fill<A: Aggregate>(&self, keys: &[&Key<A>]) -> Result<u64, SqlStoreError> {
        let failed = |source: DbErr| failed::<A>(self.location, source);
        let broken = |source: jobapp_kernel::RepositoryError| self::failed::<A>(self.location, source);
        let mut after: Option<String> = None;
        let mut filled = 0;
        loop {
            let mut select = Query::select();
            select
                .columns(["id", "version", "state"])
                .from(self.names.table::<A>())
                .order_by("id", sea_orm::Order::Asc)
                .limit(BATCH);
            if let Some(after) = after.take() {
                select.and_where(Expr::col("id").gt(after));
            }
            // Where tables have changed, the transaction is over: each batch is one of its own.
            self.batch("START TRANSACTION").await.map_err(failed)?;
            let rows = self.transaction.query_all(&select).await.map_err(failed)?;
            for row in &rows {
                let stored = row::load::<A>(row).map_err(broken)?;
                let id = id_text::<A>(stored.value.id()).map_err(broken)?;
                for key in keys {
                    let values = key.values_of(&stored.value).map_err(broken)?;
                    let sort = key.sort_of(&stored.value).map_err(broken)?;
                    self.fill_one(key, &id, values, sort).await.map_err(failed)?;
                }
                filled += 1;
                after = Some(id);
            }
            self.batch("COMMIT").await.map_err(failed)?;
            if after.is_none() {
                return Ok(filled);
            }
        }
    }

    async fn batch(&self, statement: &str) -> Result<(), DbErr> {
        if dialect::undoes_schemas(self.backend) {
            return Ok(());
        }
        self.transaction.execute_unprepared(statement).await.map(drop)
    }

    async fn fill_one<A: Aggregate>(
        &self,
        key: &Key<A>,
        id: &str,
        values: Vec<jobapp_kernel::KeyValue>,
        sort: i64,
    ) -> Result<(), DbErr> {
        let names = self.names.key::<A>(key.name);
        for value in values {
            let value = tables::parameter(value);
            if key.many {
                let insert = Query::insert()
                    .into_table(names.side.clone())
                    .columns(["id", "value", "sort"])
                    .values_panic([id.into(), value.into(), sort.into()])
                    .take();
                self.transaction.execute(&insert).await?;
            } else {
                let update = Query::update()
                    .table(names.table.clone())
                    .value(names.value.clone(), value)
                    .value(names.sort.clone(), sort)
                    .and_where(Expr::col("id").eq(id))
                    .take();
                self.transaction.execute(&update).await?;
            }
        }
        Ok(())
    }

    async fn add_index<A: Aggregate>(&self, key: &Key<A>) -> Result<(), SqlStoreError> {
        let failure = |source: DbErr| match Violation::of(&source) {
            Some(_) => SqlStoreError::NotUnique { aggregate: A::NAME, key: key.name, source },
            None => failed::<A>(self.location, source),
        };
        self.transaction.execute(&index(key, self.names.key::<A>(key.name))).await.map(|_| ()).map_err(failure)
    }
}

/// The index by the values of a key: the constraint, if it is unique; otherwise in the order of its lists.
fn index<A: Aggregate>(key: &Key<A>, names: KeyNames) -> IndexCreateStatement {
    let (table, value, sort) = if key.many {
        (names.side, "value".to_owned(), "sort".to_owned())
    } else {
        (names.table, names.value, names.sort)
    };
    let mut index = Index::create();
    index.name(&names.index).table(table).col(value);
    if key.unique {
        index.unique();
    } else {
        index.col(sort).col("id");
    }
    index
}
