//! Why a store cannot be used at all.

use std::error::Error;

use crate::Fault;
use crate::failure::Failure;

/// Why a store could not be opened or prepared for a kind of aggregate.
#[derive(Debug, thiserror::Error)]
pub enum MongoStoreError {
    /// The database cannot be opened, or not be written to.
    #[error("the database {location} {}", if *is_away { "cannot be reached" } else { "cannot be opened" })]
    Open {
        /// Where it is.
        location: String,
        /// Whether its server cannot be reached.
        is_away: bool,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The collection of a kind of aggregate cannot be made or brought up to date; it is as it was before.
    #[error("the collection of {aggregate} in {location} cannot be brought up to date")]
    Migrate {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// Where it is.
        location: String,
        /// Why: a database error, or a stored value that cannot be read.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A new unique key cannot be introduced, since stored values share it; the collection is as it was before.
    #[error("stored values of {aggregate} share a value of the new unique key {key}")]
    NotUnique {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// The key.
        key: &'static str,
    },
}

impl MongoStoreError {
    pub(crate) fn open(location: &dyn ToString, failure: Failure) -> Self {
        Self::Open { location: location.to_string(), is_away: failure.is_lost(), source: failure.into() }
    }

    /// Whether its server cannot be reached: it may be later.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Open { is_away, .. } => *is_away,
            Self::Migrate { source, .. } => source.downcast_ref().is_some_and(Failure::is_lost),
            Self::NotUnique { .. } => false,
        }
    }

    /// What is wrong with the database, as far as the failure tells.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Open { source, .. } | Self::Migrate { source, .. } => source.downcast_ref().and_then(Fault::of),
            Self::NotUnique { .. } => None,
        }
    }
}
