//! The gig index in memory, and the categories users looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jobapp_gigs::{
    EveryGig, Extent, GigId, GigSearch, Hits, IndexChange, LONGEST_CATEGORY, MOST_HITS, Match, SearchDocument,
    SearchError, SearchIndex, SearchQuery, SelectedCategories, words,
};
use jobapp_kernel::Version;
use parking_lot::Mutex;

/// The gig index in memory: looks at every gig for every search, so it is for tests and small marketplaces.
#[derive(Debug, Default)]
pub struct MemorySearch {
    gigs: Mutex<Known>,
    /// Held while it is changed: what is told during a rebuild waits, so that the rebuild does not lose it.
    changing: tokio::sync::Mutex<()>,
    away: AtomicBool,
    incomplete: AtomicBool,
}

/// What is known of each gig, deleted ones included: their versions must not be forgotten.
type Known = BTreeMap<GigId, (Version, Option<Box<SearchDocument>>)>;

impl MemorySearch {
    /// An index that knows all there is: nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An index that has to be built from a store that is older than this process.
    pub fn behind() -> Self {
        Self { incomplete: AtomicBool::new(true), ..Self::default() }
    }

    /// From now on every call fails, or none does.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn check_away(&self) -> Result<(), SearchError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(SearchError::unavailable("the index was told to be away"));
        }
        Ok(())
    }

    /// The gigs that can be found and fit, by sort id.
    fn all(&self, fits: impl Fn(&SearchDocument) -> bool) -> Result<Vec<SearchDocument>, SearchError> {
        self.check_away()?;
        if self.incomplete.load(Ordering::SeqCst) {
            return Err(SearchError::Incomplete);
        }
        let gigs = self.gigs.lock();
        let documents = gigs.values().filter_map(|(_, document)| document.as_deref());
        let mut found: Vec<SearchDocument> = documents.filter(|gig| gig.active && fits(gig)).cloned().collect();
        found.sort_unstable_by_key(|gig| gig.sort_id);
        Ok(found)
    }

    /// The gigs of a category: with all its words, or with any when none has all.
    fn of_category(
        &self,
        category: Option<&str>,
        fits: impl Fn(&SearchDocument) -> bool,
    ) -> Result<Vec<SearchDocument>, SearchError> {
        let wanted = words(category.unwrap_or_default());
        let found = self.all(|gig| fits(gig) && Match::All.holds(&wanted, &gig.category))?;
        if found.is_empty() {
            return self.all(|gig| fits(gig) && Match::Any.holds(&wanted, &gig.category));
        }
        Ok(found)
    }
}

fn take(known: &mut Known, change: IndexChange) {
    match known.get(&change.id) {
        Some((version, _)) if *version >= change.version => {}
        _ => {
            known.insert(change.id, (change.version, change.document));
        }
    }
}

fn first(gigs: &[SearchDocument], limit: usize) -> Hits {
    Hits { total: gigs.len().min(MOST_HITS), gigs: gigs.iter().take(limit).map(|gig| gig.id).collect() }
}

#[async_trait]
impl GigSearch for MemorySearch {
    async fn search(&self, query: &SearchQuery) -> Result<Hits, SearchError> {
        let mut found = self.all(|gig| query.matches(gig, Match::All))?;
        if found.is_empty() {
            found = self.all(|gig| query.matches(gig, Match::Any))?;
        }
        let page = query.page(&found, |gig| gig.sort_id);
        Ok(Hits { total: found.len().min(MOST_HITS), gigs: page.iter().map(|gig| gig.id).collect() })
    }

    async fn by_category(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let mut found = self.of_category(category, |_| true)?;
        found.reverse();
        Ok(first(&found, limit))
    }

    async fn top_rated(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let mut found = self.of_category(category, |gig| gig.top_rated)?;
        found.sort_by_key(|gig| std::cmp::Reverse((gig.ratings, gig.sort_id)));
        Ok(first(&found, limit))
    }

    async fn similar(&self, gig: &SearchDocument, limit: usize) -> Result<Hits, SearchError> {
        let wanted: BTreeSet<&String> = gig.words.iter().collect();
        let others = self.all(|other| other.id != gig.id)?;
        let mut holders: HashMap<&String, usize> = HashMap::new();
        let shared: Vec<BTreeSet<&String>> =
            others.iter().map(|other| other.words.iter().filter(|word| wanted.contains(word)).collect()).collect();
        for word in shared.iter().flatten() {
            *holders.entry(word).or_default() += 1;
        }
        // A word that few gigs have says more than one that all have.
        let mut scored: Vec<(f64, &SearchDocument)> = Vec::new();
        for (other, words) in others.iter().zip(&shared).filter(|(_, words)| !words.is_empty()) {
            #[expect(clippy::cast_precision_loss, reason = "an index in memory has far fewer gigs than 2^52")]
            let weight = |word: &&String| (1.0 + others.len() as f64 / holders[*word] as f64).ln();
            scored.push((words.iter().map(weight).sum(), other));
        }
        scored.sort_by(|(left, a), (right, b)| right.total_cmp(left).then(b.sort_id.cmp(&a.sort_id)));
        Ok(Hits {
            total: scored.len().min(MOST_HITS),
            gigs: scored.iter().take(limit).map(|(_, gig)| gig.id).collect(),
        })
    }
}

#[async_trait]
impl SearchIndex for MemorySearch {
    async fn extent(&self) -> Result<Extent, SearchError> {
        self.check_away()?;
        let gigs = self.gigs.lock();
        let listed = gigs.values().filter(|(_, document)| document.as_ref().is_some_and(|gig| gig.active)).count();
        Ok(Extent { listed: listed as u64, known: gigs.len() as u64, generation: None })
    }

    async fn apply(&self, changes: Vec<IndexChange>) -> Result<(), SearchError> {
        self.check_away()?;
        let _changing = self.changing.lock().await;
        let mut known = self.gigs.lock();
        for change in changes {
            take(&mut known, change);
        }
        Ok(())
    }

    async fn needs_rebuild(&self) -> Result<bool, SearchError> {
        self.check_away()?;
        Ok(self.incomplete.load(Ordering::SeqCst))
    }

    async fn rebuild(
        &self,
        gigs: &mut dyn EveryGig,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, SearchError> {
        self.check_away()?;
        let _changing = self.changing.lock().await;
        let mut known = Known::new();
        loop {
            let some = gigs.next().await?;
            if some.is_empty() {
                break;
            }
            for change in some {
                take(&mut known, change);
            }
            progress(known.len());
        }
        let count = known.len();
        *self.gigs.lock() = known;
        self.incomplete.store(false, Ordering::SeqCst);
        Ok(count)
    }
}

/// How many users' categories are remembered.
const MOST_USERS: usize = 10_000;

/// The categories users looked at, in memory: those of the ten thousand users who chose one most recently.
#[derive(Debug, Default)]
pub struct MemoryCategories(Mutex<Chosen>);

#[derive(Debug, Default)]
struct Chosen {
    /// By user name in lower case: the category and the number of the choice.
    of: HashMap<String, (String, u64)>,
    order: VecDeque<(String, u64)>,
    count: u64,
}

impl MemoryCategories {
    /// Nobody chose anything yet.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl SelectedCategories for MemoryCategories {
    async fn of(&self, username: &str) -> Result<Option<String>, SearchError> {
        Ok(self.0.lock().of.get(&username.to_lowercase()).map(|(category, _)| category.clone()))
    }

    async fn select(&self, username: &str, category: &str) -> Result<(), SearchError> {
        let mut chosen = self.0.lock();
        let Chosen { of, order, count } = &mut *chosen;
        *count += 1;
        let (name, category) = (username.to_lowercase(), category.chars().take(LONGEST_CATEGORY).collect());
        of.insert(name.clone(), (category, *count));
        order.push_back((name, *count));
        // Choices that were followed by another one of the same user are only skipped.
        while of.len() > MOST_USERS || order.len() > 2 * MOST_USERS {
            let Some((name, number)) = order.pop_front() else { break };
            if of.get(&name).is_some_and(|(_, newest)| *newest == number) {
                of.remove(&name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_so_many_users_are_remembered() {
        let categories = MemoryCategories::new();
        for number in 0..=MOST_USERS {
            categories.select("busy", "music").await.unwrap();
            categories.select(&format!("user {number}"), "music").await.unwrap();
        }
        let chosen = categories.0.lock();
        assert!(chosen.of.len() <= MOST_USERS && chosen.order.len() <= 2 * MOST_USERS);
        assert!(chosen.of.contains_key("busy") && !chosen.of.contains_key("user 0"));
    }

    #[tokio::test]
    async fn an_index_that_is_behind_says_so_until_it_is_built() {
        struct Nothing;
        #[async_trait]
        impl EveryGig for Nothing {
            async fn next(&mut self) -> Result<Vec<IndexChange>, jobapp_kernel::RepositoryError> {
                Ok(Vec::new())
            }
        }
        let index = MemorySearch::behind();
        assert!(index.needs_rebuild().await.unwrap());
        assert!(matches!(index.search(&SearchQuery::default()).await, Err(SearchError::Incomplete)));
        assert_eq!(index.rebuild(&mut Nothing, &|_| {}).await.unwrap(), 0);
        assert!(!index.needs_rebuild().await.unwrap());
        index.search(&SearchQuery::default()).await.unwrap();
    }
}
