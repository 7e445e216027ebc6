//! The search index, whatever keeps it.

use std::sync::Arc;

#[cfg(feature = "elastic")]
use jobapp_elastic::{ElasticConfig, ElasticSearch};
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
    #[cfg(feature = "elastic")]
    "elasticsearch://<user>:<password>@<host>",
    #[cfg(feature = "elastic")]
    "http://<user>:<password>@<host>:9200",
    #[cfg(feature = "elastic")]
    "https://<user>:<password>@<host>:9200",
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

    /// Opens the index at this address. One on a server need not be there yet: meanwhile the store answers.
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
            #[cfg(feature = "elastic")]
            "elasticsearch" | "http" | "https" => Ok(Self::new(Arc::new(elastic(address)?))),
            _ => Err(OpenError::unknown(address, "a search index", KNOWN)),
        }
    }

    /// Opens the index at this address as it is, and makes none: for who looks after it beside the processes that use it.
    ///
    /// # Errors
    /// As [`Search::open`], and when there is none of this version in a folder.
    pub fn open_beside(address: &Address) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Err(OpenError::of("an index in memory is seen by its own process alone")),
            #[cfg(feature = "tantivy")]
            "tantivy" => {
                TantivySearch::attach(address.path()).map(|index| Self::new(Arc::new(index))).map_err(OpenError::of)
            }
            _ => Self::open(address),
        }
    }

    /// Looks whether there is an index at this address, or can be one, and changes nothing.
    ///
    /// # Errors
    /// As [`Search::open`]; a server that does not answer is away.
    pub async fn look(address: &Address) -> Result<(), OpenError> {
        match address.scheme() {
            "memory" => Ok(()),
            #[cfg(feature = "tantivy")]
            "tantivy" if !address.path().exists() || address.path().is_dir() => Ok(()),
            #[cfg(feature = "tantivy")]
            "tantivy" => Err(OpenError::of(format!("{} is no folder", address.path().display()))),
            #[cfg(feature = "elastic")]
            "elasticsearch" | "http" | "https" => elastic(address)?.ping().await.map_err(OpenError::away),
            _ => Err(OpenError::unknown(address, "a search index", KNOWN)),
        }
    }

    /// What is wrong with it, in words; `None` while all is well. Meanwhile the store answers.
    pub async fn trouble(&self) -> Option<String> {
        match self.index.needs_rebuild().await {
            Ok(false) => None,
            Ok(true) => Some("it is being built; the store answers in its place".to_owned()),
            Err(error) => Some(jobapp_runtime::error_text(&error)),
        }
    }
}

#[cfg(feature = "elastic")]
fn elastic(address: &Address) -> Result<ElasticSearch, OpenError> {
    let config = ElasticConfig::from_url(&address.url());
    let config = config.map_err(|error| OpenError::of(format!("{}: {error}", address.setting())))?;
    Ok(ElasticSearch::open(config))
}

#[cfg(all(test, feature = "elastic"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_away_is_not_waited_for_and_told() {
        // Nobody listens there.
        let address = Address::parse("ELASTIC_SEARCH_URL", "http://elastic:hush@127.0.0.1:1");
        let search = Search::open(&address).unwrap();
        let trouble = search.trouble().await.unwrap();
        assert!(trouble.contains("127.0.0.1:1") || trouble.contains("did not"), "{trouble}");
        assert!(!trouble.contains("hush"), "{trouble}");
        assert!(Search::look(&address).await.unwrap_err().may_pass());
    }

    #[tokio::test]
    async fn what_is_wrong_with_an_address_is_told_with_its_setting_and_without_its_password() {
        for text in ["https://elastic:hush@es.test?index=*", "elastic://elastic:hush@es.test"] {
            let address = Address::parse("ELASTIC_SEARCH_URL", text);
            for error in [Search::open(&address).err().unwrap(), Search::look(&address).await.unwrap_err()] {
                let told = error.to_string();
                assert!(told.starts_with("ELASTIC_SEARCH_URL: ") && !told.contains("hush"), "{told}");
                assert!(!error.may_pass());
            }
        }
    }
}
