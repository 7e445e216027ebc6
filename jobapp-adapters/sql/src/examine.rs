//! Looking through a database for damage.

use std::path::Path;

use crate::dialect;
use crate::{Depth, Fault, SqlStoreError};

/// What is wrong with the content of a database file, in the database's own words; nothing when it is whole. It is only read,
/// and may be in use meanwhile.
///
/// # Errors
/// When it cannot be looked through at all, for another reason than damage.
pub async fn examine(path: &Path, depth: Depth) -> Result<Vec<String>, SqlStoreError> {
    match dialect::findings(path, depth).await {
        Ok(findings) => Ok(findings),
        Err(error) if Fault::of(&error) == Some(Fault::Damaged) => Ok(vec![error.to_string()]),
        Err(source) => Err(SqlStoreError::Open { location: path.display().to_string(), source }),
    }
}
