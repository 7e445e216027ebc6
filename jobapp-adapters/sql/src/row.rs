//! From a row to a value.

use jobapp_kernel::{Aggregate, RepositoryError, Stored, Version};
use sea_orm::{DbErr, QueryResult};

use crate::dialect;

/// The value of a row that starts with the columns `id`, `version` and `state`.
pub(crate) fn load<A: Aggregate>(row: &QueryResult) -> Result<Stored<A>, RepositoryError> {
    let id = dialect::text(row, 0).map_err(unreadable::<A>)?;
    from_columns(&id, row, 1)
}

/// The value with this id, of a row whose columns `version` and `state` start at `first`.
pub(crate) fn from_columns<A: Aggregate>(
    id: &str,
    row: &QueryResult,
    first: usize,
) -> Result<Stored<A>, RepositoryError> {
    let corrupt = |source| RepositoryError::Corrupt { aggregate: A::NAME, id: id.to_owned(), source };
    let version: i64 = row.try_get_by_index(first).map_err(|error| corrupt(error.into()))?;
    let version = Version::try_from(version).map_err(|error| corrupt(error.into()))?;
    let state = dialect::text(row, first + 1).map_err(|error| corrupt(error.into()))?;
    let state: A::State = serde_json::from_str(&state).map_err(|error| corrupt(error.into()))?;
    let value = A::from_state(state).map_err(|error| corrupt(error.into()))?;
    Ok(Stored { value, version })
}

/// A row without the columns that were asked for.
pub(crate) fn unreadable<A: Aggregate>(error: DbErr) -> RepositoryError {
    RepositoryError::unavailable(format!("read a {}", A::NAME), error)
}
