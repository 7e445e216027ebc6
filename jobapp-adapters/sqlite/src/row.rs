//! From a row to a value.

use jobapp_kernel::{Aggregate, RepositoryError, Stored, Version};
use rusqlite::Row;

use crate::SqliteError;

/// The value of a row that starts with the columns `id`, `version` and `state`.
pub(crate) fn load<A: Aggregate>(row: &Row<'_>) -> Result<Stored<A>, RepositoryError> {
    let id = row.get_ref(0).map_err(unreadable::<A>)?;
    let id = id.as_str().map_err(|error| RepositoryError::unavailable(format!("read a {}", A::NAME), error))?;
    from_columns(id, row, 1)
}

/// The value with this id, of a row whose columns `version` and `state` start at `first`. The state is read where the database
/// has it.
pub(crate) fn from_columns<A: Aggregate>(id: &str, row: &Row<'_>, first: usize) -> Result<Stored<A>, RepositoryError> {
    read(row, first).map_err(|source| RepositoryError::Corrupt { aggregate: A::NAME, id: id.to_owned(), source })
}

fn read<A: Aggregate>(row: &Row<'_>, first: usize) -> Result<Stored<A>, Box<dyn std::error::Error + Send + Sync>> {
    let version = Version::try_from(row.get::<_, i64>(first)?)?;
    let state: A::State = serde_json::from_str(row.get_ref(first + 1)?.as_str()?)?;
    Ok(Stored { value: A::from_state(state)?, version })
}

/// A row without the columns that were asked for.
pub(crate) fn unreadable<A: Aggregate>(error: rusqlite::Error) -> RepositoryError {
    unavailable::<A>("read", SqliteError::from(error))
}

/// The store could not do this with a value.
pub(crate) fn unavailable<A: Aggregate>(attempt: &str, error: SqliteError) -> RepositoryError {
    RepositoryError::unavailable(format!("{attempt} a {}", A::NAME), error)
}
