//! Makes the table of a kind of aggregate and keeps its columns in step with the declared keys.

use std::collections::BTreeMap;

use jobapp_kernel::{Aggregate, Key, KeyValue, id_text};
use rusqlite::{Connection, params};

use crate::database::{Database, Verdict};
use crate::error::Violation;
use crate::row;
use crate::tables::{KeyNames, column_type, parameter};
use crate::{OpenError, SqliteError};

/// What stands for the table itself among the keys it has columns for.
const TABLE: &str = "";
/// How many rows are read at a time to fill the columns of a new key.
const BATCH: u32 = 200;

/// The declarations by key that a table was made for.
type Declarations = BTreeMap<String, String>;

/// Brings the table of `A` up to date: all of it, or, when something fails, nothing.
pub(crate) async fn bring_up_to_date<A: Aggregate>(database: &Database) -> Result<(), OpenError> {
    let location = database.location().to_string();
    let failed = |source: SqliteError| failed::<A>(&location, source);
    let known = database.read(|connection| Ok(declared::<A>(connection)?)).await.map_err(failed)?;
    if known == wanted::<A>() {
        return Ok(());
    }
    let of = location.clone();
    // The transaction is the lock: another process that comes to the same conclusion waits here and finds nothing to do.
    let migrating = move |connection: &Connection| {
        let migration = Migration { connection, location: &of };
        let existing = declared::<A>(connection)?;
        Ok(match migration.run::<A>(&existing, &wanted::<A>()) {
            Ok(()) => Verdict::Keep(Ok(())),
            Err(error) => Verdict::Undo(Err(error)),
        })
    };
    database.write(migrating).await.map_err(failed)?
}

fn wanted<A: Aggregate>() -> Declarations {
    let keys = A::keys().iter().map(|key| (key.name.to_owned(), key.declaration()));
    keys.chain([(TABLE.to_owned(), "1".to_owned())]).collect()
}

fn declared<A: Aggregate>(connection: &Connection) -> rusqlite::Result<Declarations> {
    let mut select = connection.prepare("SELECT key, declaration FROM jobapp_keys WHERE aggregate = ?1")?;
    select.query_map([A::NAME], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn failed<A: Aggregate>(location: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Migrate { aggregate: A::NAME, location: location.to_owned(), source: source.into() }
}

struct Migration<'a> {
    connection: &'a Connection,
    location: &'a str,
}

impl Migration<'_> {
    fn run<A: Aggregate>(&self, existing: &Declarations, wanted: &Declarations) -> Result<(), OpenError> {
        let failed = |source: rusqlite::Error| failed::<A>(self.location, SqliteError::from(source));
        if !existing.contains_key(TABLE) {
            self.create_table::<A>().map_err(failed)?;
        }
        for (key, declared) in existing {
            if key != TABLE && wanted.get(key) != Some(declared) {
                tracing::info!(aggregate = A::NAME, key, "removing the columns of a key that is no longer declared so");
                self.remove::<A>(key, declared).map_err(failed)?;
            }
        }
        let is_new = |key: &&Key<A>| existing.get(key.name) != wanted.get(key.name);
        let new: Vec<&Key<A>> = A::keys().iter().filter(is_new).collect();
        for key in &new {
            self.add_columns(key).map_err(failed)?;
        }
        if existing.contains_key(TABLE) && !new.is_empty() {
            let filled = self.fill(&new)?;
            tracing::info!(aggregate = A::NAME, values = filled, keys = new.len(), "filled the columns of new keys");
        }
        for key in &new {
            self.add_index(key)?;
            self.remember::<A>(key.name, &key.declaration()).map_err(failed)?;
        }
        Ok(())
    }

    fn create_table<A: Aggregate>(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch(&format!(
            "CREATE TABLE \"{}\" (id TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, state TEXT NOT NULL)",
            A::NAME
        ))?;
        self.remember::<A>(TABLE, "1")
    }

    fn remember<A: Aggregate>(&self, key: &str, declaration: &str) -> rusqlite::Result<()> {
        let sql = "INSERT INTO jobapp_keys (aggregate, key, declaration) VALUES (?1, ?2, ?3)";
        self.connection.execute(sql, [A::NAME, key, declaration]).map(drop)
    }

    fn remove<A: Aggregate>(&self, key: &str, declared: &str) -> rusqlite::Result<()> {
        let (name, names) = (A::NAME, KeyNames::of(A::NAME, key));
        if declared.ends_with(" many") {
            self.connection.execute_batch(&format!("DROP TABLE \"{}\"", names.side))?;
        } else {
            self.connection.execute_batch(&format!("DROP INDEX \"{}\"", names.index))?;
            for column in [names.value, names.sort] {
                self.connection.execute_batch(&format!("ALTER TABLE \"{name}\" DROP COLUMN \"{column}\""))?;
            }
        }
        self.connection.execute("DELETE FROM jobapp_keys WHERE aggregate = ?1 AND key = ?2", [name, key]).map(drop)
    }

    fn add_columns<A: Aggregate>(&self, key: &Key<A>) -> rusqlite::Result<()> {
        let (name, names, kind) = (A::NAME, KeyNames::of(A::NAME, key.name), column_type(key.int));
        if key.many {
            return self.connection.execute_batch(&format!(
                "CREATE TABLE \"{}\" (id TEXT NOT NULL, value {kind} NOT NULL, sort BIGINT NOT NULL, PRIMARY KEY (id, value))",
                names.side
            ));
        }
        self.connection.execute_batch(&format!(
            "ALTER TABLE \"{name}\" ADD COLUMN \"{}\" {kind};
             ALTER TABLE \"{name}\" ADD COLUMN \"{}\" BIGINT NOT NULL DEFAULT 0",
            names.value, names.sort
        ))
    }

    /// Reads every stored value and writes what it has for the new keys. Returns how many there are.
    fn fill<A: Aggregate>(&self, keys: &[&Key<A>]) -> Result<u64, OpenError> {
        let failed = |source: rusqlite::Error| failed::<A>(self.location, SqliteError::from(source));
        let broken = |source: jobapp_kernel::RepositoryError| self::failed::<A>(self.location, source);
        let sql = format!("SELECT id, version, state FROM \"{}\" WHERE id > ?1 ORDER BY id LIMIT {BATCH}", A::NAME);
        let mut select = self.connection.prepare(&sql).map_err(failed)?;
        let mut after = String::new();
        let mut filled = 0;
        loop {
            let rows = select.query_map([&after], |row| Ok(row::load::<A>(row))).map_err(failed)?;
            let values: Vec<_> = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
            if values.is_empty() {
                return Ok(filled);
            }
            for stored in values {
                let value = stored.map_err(broken)?.value;
                let id = id_text::<A>(value.id()).map_err(broken)?;
                for key in keys {
                    let (values, sort) = (key.values_of(&value).map_err(broken)?, key.sort_of(&value).map_err(broken)?);
                    self.fill_one(key, &id, values, sort).map_err(failed)?;
                }
                filled += 1;
                after = id;
            }
        }
    }

    fn fill_one<A: Aggregate>(&self, key: &Key<A>, id: &str, values: Vec<KeyValue>, sort: i64) -> rusqlite::Result<()> {
        let names = KeyNames::of(A::NAME, key.name);
        let sql = if key.many {
            format!("INSERT INTO \"{}\" (id, value, sort) VALUES (?1, ?2, ?3)", names.side)
        } else {
            format!("UPDATE \"{}\" SET \"{}\" = ?2, \"{}\" = ?3 WHERE id = ?1", A::NAME, names.value, names.sort)
        };
        let mut fill = self.connection.prepare_cached(&sql)?;
        for value in values {
            fill.execute(params![id, parameter(value), sort])?;
        }
        Ok(())
    }

    fn add_index<A: Aggregate>(&self, key: &Key<A>) -> Result<(), OpenError> {
        self.connection.execute_batch(&index(key)).map_err(|source| match Violation::of(&source) {
            Some(_) => OpenError::NotUnique { aggregate: A::NAME, key: key.name, source: source.into() },
            None => failed::<A>(self.location, SqliteError::from(source)),
        })
    }
}

/// The index by the values of a key: the constraint, if it is unique; otherwise in the order of its lists.
fn index<A: Aggregate>(key: &Key<A>) -> String {
    let names = KeyNames::of(A::NAME, key.name);
    let (table, value, sort) = if key.many {
        (names.side, "value".to_owned(), "sort".to_owned())
    } else {
        (A::NAME.to_owned(), names.value, names.sort)
    };
    let (unique, rest) = if key.unique { ("UNIQUE ", String::new()) } else { ("", format!(", \"{sort}\", id")) };
    format!("CREATE {unique}INDEX \"{}\" ON \"{table}\" (\"{value}\"{rest})", names.index)
}
