//! From a document to a value.

use jobapp_kernel::{Aggregate, RepositoryError, Stored, Version};
use mongodb::bson::{Bson, Document};

use crate::failure::Failure;
use crate::fields::{STATE, VERSION};

/// The id of a document.
pub(crate) fn id_of(document: &Document) -> Result<&str, Failure> {
    document.get_str("_id").map_err(|error| Failure::Other(format!("a document has no id that is a text: {error}")))
}

/// The number in a field; `None` when there is none. Some servers store small numbers in another type.
pub(crate) fn number(document: &Document, field: &str) -> Option<i64> {
    match document.get(field)? {
        Bson::Int64(number) => Some(*number),
        Bson::Int32(number) => Some(i64::from(*number)),
        _ => None,
    }
}

/// The texts in a field that is a list of them; none when there is no such field.
pub(crate) fn texts(document: &Document, field: &str) -> Vec<String> {
    let texts = document.get_array(field).map(Vec::as_slice).unwrap_or_default();
    texts.iter().filter_map(Bson::as_str).map(str::to_owned).collect()
}

/// The version in a document, as a version.
pub(crate) fn version(document: &Document) -> Option<Version> {
    number(document, VERSION).and_then(|version| Version::try_from(version).ok())
}

/// The value that a document has the version and the state of.
pub(crate) fn load<A: Aggregate>(document: &Document) -> Result<Stored<A>, RepositoryError> {
    let id = id_of(document).map_err(|error| unreadable::<A>(error))?;
    let corrupt = |source: Box<dyn std::error::Error + Send + Sync>| RepositoryError::Corrupt {
        aggregate: A::NAME,
        id: id.to_owned(),
        source,
    };
    let version = version(document).ok_or_else(|| corrupt("it has no version".into()))?;
    let state = document.get_str(STATE).map_err(|error| corrupt(error.into()))?;
    let state: A::State = serde_json::from_str(state).map_err(|error| corrupt(error.into()))?;
    let value = A::from_state(state).map_err(|error| corrupt(error.into()))?;
    Ok(Stored { value, version })
}

/// A document without what every document has.
pub(crate) fn unreadable<A: Aggregate>(failure: Failure) -> RepositoryError {
    RepositoryError::unavailable(format!("read a {}", A::NAME), failure)
}
