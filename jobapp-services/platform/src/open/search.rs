//! The search index, whatever keeps it.

use std::sync::Arc;

use jobapp_gigs::{GigSearch, SearchIndex};
use jobapp_memory::MemorySearch;
#[cfg(feature = "tantivy")]
use jobapp_tantivy::TantivySearch;

use super::{Address, OpenError};

/// How its addresses look.
const KNOWN: &[&str] = &[
    "memory:",
    #[cfg(feature = "tantivy")]
    "tantivy:<folder>",
];

/// The index that gigs are searched in. A clone is another handle.
#[derive(Clone)]
pub struct Search {
    /// To ask.
    pub search: Arc<dyn GigSearch>,
    /// The same index, to change.
    pub index: Arc<dyn SearchIndex>,
}

impl Search {
    /// This index.
    pub fn new<I: GigSearch + SearchIndex + 'static>(index: Arc<I>) -> Self {
        Self { search: index.clone(), index }
    }

    /// An empty index in memory.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(MemorySearch::new()))
    }

    /// Opens the index at this address.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub fn open(address: &Address) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(Self::in_memory()),
            #[cfg(feature = "tantivy")]
            "tantivy" => {
                TantivySearch::open(address.path()).map(|index| Self::new(Arc::new(index))).map_err(OpenError::of)
            }
            _ => Err(OpenError::unknown(address, "a search index", KNOWN)),
        }
    }

    /// Looks whether there is an index at this address, or can be one, and changes nothing.
    ///
    /// # Errors
    /// As [`Search::open`].
    pub fn look(address: &Address) -> Result<(), OpenError> {
        match address.scheme() {
            "memory" => Ok(()),
            #[cfg(feature = "tantivy")]
            "tantivy" if !address.path().exists() || address.path().is_dir() => Ok(()),
            #[cfg(feature = "tantivy")]
            "tantivy" => Err(OpenError::of(format!("{} is no folder", address.path().display()))),
            _ => Err(OpenError::unknown(address, "a search index", KNOWN)),
        }
    }
}
