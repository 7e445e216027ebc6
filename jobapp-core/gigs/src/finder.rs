//! Finding gigs: the index says which, the store says what they are. Without an index the store answers alone.

use std::sync::Arc;

use jobapp_kernel::{Direction, Key, KeyValue, PageRequest, Repository};

use crate::error::GigError;
use crate::gig::{Gig, GigId, Listing};
use crate::ports::{GigSearch, Hits, SearchError};
use crate::query::{MOST_HITS, Match, SearchDocument, SearchQuery, query_words};

/// The most gigs in the lists of a category and of top rated gigs.
pub const MOST_OF_A_CATEGORY: usize = 10;
/// The most gigs like another one.
pub const MOST_SIMILAR: usize = 5;
/// How many gigs are read from the store at a time while it answers alone.
const READ_AT_ONCE: usize = 200;
/// How many gigs are looked at while the store answers alone.
const MOST_LOOKED_AT: usize = MOST_HITS;
/// How many of a category's newest gigs are looked at for the top rated ones while the store answers alone.
const MOST_LOOKED_AT_FOR_TOP: usize = 1000;

/// Gigs that were found.
#[derive(Debug)]
pub struct SearchPage {
    /// How many there are on all pages: at most [`MOST_HITS`].
    pub total: usize,
    /// Those of this page, as they are now.
    pub gigs: Vec<Listing>,
    /// Why the store had to answer in place of the index; `None` when the index answered.
    pub degraded: Option<SearchError>,
}

impl SearchPage {
    /// Nothing was looked for.
    pub const fn empty() -> Self {
        Self { total: 0, gigs: Vec::new(), degraded: None }
    }
}

/// Finds gigs.
#[derive(Clone)]
pub struct Finder {
    gigs: Arc<dyn Repository<Gig>>,
    search: Arc<dyn GigSearch>,
}

impl Finder {
    /// Finds the gigs of this store with this index.
    pub fn new(gigs: Arc<dyn Repository<Gig>>, search: Arc<dyn GigSearch>) -> Self {
        Self { gigs, search }
    }

    /// The page a query asks for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn search(&self, query: &SearchQuery) -> Result<SearchPage, GigError> {
        match self.search.search(query).await {
            Ok(hits) => self.loaded(hits, None).await,
            Err(error) => {
                let hits = self.scan(query).await?;
                self.loaded(hits, Some(error)).await
            }
        }
    }

    /// The newest gigs of a category; of all when it is `None`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn by_category(&self, category: Option<&str>) -> Result<SearchPage, GigError> {
        match self.search.by_category(category, MOST_OF_A_CATEGORY).await {
            Ok(hits) => self.loaded(hits, None).await,
            Err(error) => Ok(shown(self.newest(category, MOST_OF_A_CATEGORY).await?, error)),
        }
    }

    /// The gigs of a category that everybody gave five stars; of all when it is `None`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn top_rated(&self, category: Option<&str>) -> Result<SearchPage, GigError> {
        match self.search.top_rated(category, MOST_OF_A_CATEGORY).await {
            Ok(hits) => self.loaded(hits, None).await,
            Err(error) => {
                let mut gigs = self.newest(category, MOST_LOOKED_AT_FOR_TOP).await?;
                gigs.retain(Listing::is_top_rated);
                gigs.sort_by_key(|gig| std::cmp::Reverse((gig.ratings.count(), gig.sort_id)));
                gigs.truncate(MOST_OF_A_CATEGORY);
                Ok(shown(gigs, error))
            }
        }
    }

    /// Gigs like this one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn similar(&self, gig: &Listing) -> Result<SearchPage, GigError> {
        match self.search.similar(&SearchDocument::from(gig), MOST_SIMILAR).await {
            Ok(hits) => self.loaded(hits, None).await,
            Err(error) => {
                let mut gigs = self.newest(Some(&gig.content.category), MOST_SIMILAR + 1).await?;
                gigs.retain(|other| other.id != gig.id);
                gigs.truncate(MOST_SIMILAR);
                Ok(shown(gigs, error))
            }
        }
    }

    /// Reads what was found. Gigs that were deleted or paused since are left out.
    async fn loaded(&self, hits: Hits, degraded: Option<SearchError>) -> Result<SearchPage, GigError> {
        let stored = self.gigs.find_many(&hits.gigs).await?;
        let gigs = stored.into_iter().map(|stored| stored.value.into_listing());
        Ok(SearchPage { total: hits.total, gigs: gigs.filter(|gig| gig.active).collect(), degraded })
    }

    /// Looks at the gigs one by one: at those of a category when its name is all that is asked for, otherwise at all.
    async fn scan(&self, query: &SearchQuery) -> Result<Hits, GigError> {
        let category = KeyValue::from(query.words.join(" "));
        let first = self.gigs.list(Gig::CATEGORY, category.clone(), PageRequest::first(1)).await?;
        if !first.items.is_empty() {
            let hits = self.scan_list(Gig::CATEGORY, category, query, Match::All).await?;
            if hits.total > 0 {
                return Ok(hits);
            }
        }
        let hits = self.scan_list(Gig::LISTED, Gig::yes(), query, Match::All).await?;
        if hits.total > 0 || query.words.len() < 2 {
            return Ok(hits);
        }
        self.scan_list(Gig::LISTED, Gig::yes(), query, Match::Any).await
    }

    async fn scan_list(
        &self,
        key: Key<Gig>,
        value: KeyValue,
        query: &SearchQuery,
        wanted: Match,
    ) -> Result<Hits, GigError> {
        let mut found: Vec<(i64, GigId)> = Vec::new();
        let mut after = None;
        for _ in 0..MOST_LOOKED_AT.div_ceil(READ_AT_ONCE) {
            let page = self.gigs.list(key, value.clone(), PageRequest::first(READ_AT_ONCE).after(after)).await?;
            let listings = page.items.iter().map(|stored| stored.value.listing());
            let matching = listings.filter(|gig| query.matches(&SearchDocument::from(*gig), wanted));
            found.extend(matching.map(|gig| (gig.sort_id, gig.id)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let page = query.page(&found, |(sort_id, _)| *sort_id);
        Ok(Hits { total: found.len().min(MOST_HITS), gigs: page.into_iter().map(|(_, id)| id).collect() })
    }

    async fn newest(&self, category: Option<&str>, limit: usize) -> Result<Vec<Listing>, GigError> {
        let (key, value) = match category.filter(|category| !query_words(category).is_empty()) {
            Some(category) => (Gig::CATEGORY, Gig::category_key(category)),
            None => (Gig::LISTED, Gig::yes()),
        };
        let page = PageRequest { limit, after: None, direction: Direction::Descending };
        let found = self.gigs.list(key, value, page).await?;
        Ok(found.items.into_iter().map(|stored| stored.value.into_listing()).collect())
    }
}

fn shown(gigs: Vec<Listing>, error: SearchError) -> SearchPage {
    SearchPage { total: gigs.len(), gigs, degraded: Some(error) }
}
