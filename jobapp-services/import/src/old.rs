//! The existing system, as the import sees it.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::Kind;

/// One row or document, as it is kept there. Ids of documents are texts of 24 hexadecimal digits, dates are texts or numbers of
/// milliseconds; nothing else is known of it: the databases of the existing system check next to nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct OldRow {
    /// Its primary key, as a text.
    pub id: String,
    /// What it says, by the names of the columns or fields.
    pub fields: Map<String, Value>,
}

/// The existing system. Nothing in it is changed.
#[async_trait]
pub trait OldSystem: Send + Sync {
    /// At most `limit` rows behind the one with the primary key `after`, in the order of their primary keys. There are no more
    /// once a page is empty.
    ///
    /// # Errors
    /// [`OldSystemError`]; the same page may be asked for again.
    async fn page(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<OldRow>, OldSystemError>;

    /// How many rows there are, for showing how far the import is.
    ///
    /// # Errors
    /// [`OldSystemError`].
    async fn count(&self, kind: Kind) -> Result<u64, OldSystemError>;

    /// The highest number in use, of kinds whose primary keys are numbers; `None` when there are no rows.
    ///
    /// # Errors
    /// [`OldSystemError`].
    async fn highest(&self, kind: Kind) -> Result<Option<i64>, OldSystemError>;
}

/// The existing system could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the {kind} of the existing system cannot be read")]
pub struct OldSystemError {
    /// What was to be read.
    pub kind: Kind,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
