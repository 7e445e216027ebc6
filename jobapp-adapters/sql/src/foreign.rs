//! A database of another system, which is only read.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement, Value as Bound};
use serde_json::{Map, Value};

use crate::dialect;
use crate::task::to_the_end;
use crate::{Location, ServerAddress, SqlConfig, SqlStoreError};

/// How long an answer may take. Counting reads a whole table.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What a column of another system holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignType {
    /// A whole number, also one that stands for yes or no.
    Integer,
    /// A text.
    Text,
    /// A date and time without a zone: of UTC.
    Date,
}

/// A column, by the name under which it is told and the one it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignColumn {
    /// What it is told as.
    pub told: &'static str,
    /// Its name in the table.
    pub name: &'static str,
    /// What it holds.
    pub of: ForeignType,
}

/// A table of another system. Its primary key is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignTable {
    /// Its name.
    pub name: &'static str,
    /// The column of its primary key.
    pub key: &'static str,
    /// What is read of it.
    pub columns: &'static [ForeignColumn],
}

/// A database of another system on PostgreSQL or MySQL. It is only read, and nothing of it need be as a store would have it.
pub struct ForeignDatabase {
    connections: DatabaseConnection,
    address: ServerAddress,
}

impl fmt::Debug for ForeignDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignDatabase").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What another system's database was asked in vain.
#[derive(Debug, thiserror::Error)]
#[error("the table {table} of {location} cannot be read")]
pub struct ForeignError {
    /// The table.
    pub table: &'static str,
    /// Where the server is.
    pub location: String,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl ForeignDatabase {
    /// Connects to the database at an address such as `mysql://user:password@host/database`.
    ///
    /// # Errors
    /// [`SqlStoreError::Open`] when it cannot be reached.
    pub async fn open(config: SqlConfig) -> Result<Self, SqlStoreError> {
        let location = config.location;
        let failed = |source: DbErr| SqlStoreError::Open { location: location.to_string(), source };
        let Location::Server(address) = location.clone() else {
            return Err(failed(DbErr::Custom("it is on no server".to_owned())));
        };
        let connected = location.clone();
        let connecting: BoxFuture<'static, Result<DatabaseConnection, DbErr>> =
            Box::pin(async move { dialect::connect(&connected).await });
        let connections = to_the_end(connecting).await.and_then(|connected| connected).map_err(failed)?;
        Ok(Self { connections, address })
    }

    /// At most `limit` rows behind the one with the key `after`, in the order of their keys.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub async fn page(
        &self,
        table: ForeignTable,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Map<String, Value>)>, ForeignError> {
        let question = self.select(table);
        let after = Bound::BigInt(Some(after.unwrap_or(i64::MIN)));
        let limit = Bound::BigInt(Some(i64::try_from(limit).unwrap_or(i64::MAX)));
        let rows = self.ask(table, question, vec![after, limit]).await?;
        rows.iter().map(|row| read(row, table)).collect::<Result<_, _>>().map_err(|error| self.failed(table, error))
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub async fn count(&self, table: ForeignTable) -> Result<i64, ForeignError> {
        Ok(self.number(table, "COUNT(*)").await?.unwrap_or_default())
    }

    /// The highest key of a table; `None` when it has no rows.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub async fn highest(&self, table: ForeignTable) -> Result<Option<i64>, ForeignError> {
        let highest = format!("MAX({})", self.integer(table.key));
        self.number(table, &highest).await
    }

    async fn number(&self, table: ForeignTable, of: &str) -> Result<Option<i64>, ForeignError> {
        let question = format!("SELECT {of} FROM {}", self.quoted(table.name));
        let rows = self.ask(table, question, Vec::new()).await?;
        let number = rows.first().map(|row| row.try_get_by_index(0)).transpose();
        number.map(Option::flatten).map_err(|error| self.failed(table, error))
    }

    async fn ask(
        &self,
        table: ForeignTable,
        question: String,
        values: Vec<Bound>,
    ) -> Result<Vec<QueryResult>, ForeignError> {
        let (connections, backend) = (self.connections.clone(), self.connections.get_database_backend());
        // The text is made of names that the program knows; what comes from outside is among the values.
        let statement = Statement::from_sql_and_values(backend, question, values);
        let asking = to_the_end(async move { connections.query_all_raw(statement).await });
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(answer) => answer.and_then(|rows| rows).map_err(|error| self.failed(table, error)),
            Err(late) => Err(self.failed(table, late)),
        }
    }

    fn failed(&self, table: ForeignTable, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ForeignError {
        ForeignError { table: table.name, location: self.address.to_string(), source: source.into() }
    }

    /// The question for a page. Everything comes as a number or a text, whatever type a column has.
    fn select(&self, table: ForeignTable) -> String {
        let key = self.quoted(table.key);
        let read = table.columns.iter().map(|column| match (column.of, self.is_mysql()) {
            (ForeignType::Integer, _) => self.integer(column.name),
            (ForeignType::Text, true) => format!("CAST({} AS CHAR)", self.quoted(column.name)),
            (ForeignType::Text, false) => format!("CAST({} AS TEXT)", self.quoted(column.name)),
            (ForeignType::Date, true) => {
                format!("CAST(DATE_FORMAT({}, '%Y-%m-%dT%H:%i:%s.%fZ') AS CHAR)", self.quoted(column.name))
            }
            (ForeignType::Date, false) => {
                format!(r#"TO_CHAR({}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"#, self.quoted(column.name))
            }
        });
        let columns: Vec<String> = std::iter::once(self.integer(table.key)).chain(read).collect();
        let (after, limit) = if self.is_mysql() { ("?", "?") } else { ("$1", "$2") };
        format!(
            "SELECT {} FROM {} WHERE {key} > {after} ORDER BY {key} LIMIT {limit}",
            columns.join(", "),
            self.quoted(table.name)
        )
    }

    fn is_mysql(&self) -> bool {
        self.connections.get_database_backend() == DbBackend::MySql
    }

    fn integer(&self, name: &str) -> String {
        format!("CAST({} AS {})", self.quoted(name), if self.is_mysql() { "SIGNED" } else { "BIGINT" })
    }

    fn quoted(&self, name: &str) -> String {
        if self.is_mysql() { format!("`{name}`") } else { format!("\"{name}\"") }
    }
}

fn read(row: &QueryResult, table: ForeignTable) -> Result<(i64, Map<String, Value>), DbErr> {
    let mut fields = Map::new();
    for (index, column) in table.columns.iter().enumerate() {
        let value = match column.of {
            ForeignType::Integer => row.try_get_by_index::<Option<i64>>(index + 1)?.map_or(Value::Null, Value::from),
            ForeignType::Text | ForeignType::Date => {
                row.try_get_by_index::<Option<String>>(index + 1)?.map_or(Value::Null, Value::from)
            }
        };
        fields.insert(column.told.to_owned(), value);
    }
    Ok((row.try_get_by_index(0)?, fields))
}
