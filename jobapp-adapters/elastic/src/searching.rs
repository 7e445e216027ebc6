//! The asking side.

use jobapp_gigs::{Extent, GigId, Hits, MOST_HITS, Match, SearchDocument, SearchError, SearchQuery, Start, words};
use jobapp_kernel::ObjectId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::form::LISTED;
use crate::{ElasticError, Inner, queries};

/// Of an answer only this is wanted; half an answer, because a part of the index is away, is an error.
const PARAMETERS: &str = "allow_partial_search_results=false&filter_path=hits.total.value,hits.hits._id";

/// What the server found.
#[derive(Deserialize)]
struct Found {
    hits: HitsFound,
}

#[derive(Deserialize)]
struct HitsFound {
    total: Total,
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Counted {
    count: u64,
}

#[derive(Deserialize)]
struct Total {
    value: usize,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: ObjectId,
}

impl Inner {
    /// How much the index holds that is searched.
    pub(crate) async fn extent(&self) -> Result<Extent, SearchError> {
        let Some(index) = self.seen().await?.live else { return Ok(Extent::default()) };
        let listed = self.count(&index, &json!({"term": {LISTED: true}})).await?;
        let known = self.count(&index, &json!({"match_all": {}})).await?;
        Ok(Extent { listed, known, generation: Some(index) })
    }

    async fn count(&self, index: &str, query: &Value) -> Result<u64, ElasticError> {
        let answer = self.client.search(&format!("/{index}/_count"), &json!({"query": query})).await?;
        Ok(answer.read::<Counted>()?.count)
    }

    /// The page a query asks for.
    pub(crate) async fn page(&self, query: &SearchQuery) -> Result<Hits, SearchError> {
        let (mut found, wanted) = self.all_or_any(query.words.len(), |wanted| queries::page(query, wanted)).await?;
        if matches!(query.start, Start::Before(_)) {
            if found.total > 0 && found.gigs.len() < query.size.max(1) {
                let first = SearchQuery { start: Start::Offset(0), ..query.clone() };
                return self.ask(&queries::page(&first, wanted)).await;
            }
            found.gigs.reverse();
        }
        Ok(found)
    }

    /// The newest gigs of a category.
    pub(crate) async fn newest(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let category = words(category.unwrap_or_default());
        let found = self.all_or_any(category.len(), |wanted| queries::newest(&category, wanted, limit)).await?;
        Ok(found.0)
    }

    /// The top rated gigs of a category.
    pub(crate) async fn top_rated(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        let category = words(category.unwrap_or_default());
        let found = self.all_or_any(category.len(), |wanted| queries::top_rated(&category, wanted, limit)).await?;
        Ok(found.0)
    }

    /// Gigs that share words with this one.
    pub(crate) async fn similar(&self, gig: &SearchDocument, limit: usize) -> Result<Hits, SearchError> {
        if gig.words.is_empty() {
            return Ok(Hits::default());
        }
        self.ask(&queries::similar(gig, limit)).await
    }

    /// The gigs that have all words; if none has, and there are several words, those that have any.
    async fn all_or_any(&self, words: usize, asked: impl Fn(Match) -> Value) -> Result<(Hits, Match), SearchError> {
        let with_all = self.ask(&asked(Match::All)).await?;
        if with_all.total > 0 || words < 2 {
            return Ok((with_all, Match::All));
        }
        Ok((self.ask(&asked(Match::Any)).await?, Match::Any))
    }

    async fn ask(&self, asked: &Value) -> Result<Hits, SearchError> {
        let path = format!("/{}/_search?{PARAMETERS}", self.names.live());
        let answer = match self.client.search(&path, asked).await {
            // The index that was searched may have been replaced meanwhile.
            Err(error) if error.is_about_nothing() => self.client.search(&path, asked).await,
            answer => answer,
        };
        let found: Result<Found, ElasticError> = answer.and_then(|answer| answer.read());
        match found {
            Ok(Found { hits }) => Ok(Hits {
                total: hits.total.value.min(MOST_HITS),
                gigs: hits.hits.into_iter().map(|hit| GigId(hit.id)).collect(),
            }),
            Err(error) if error.is_about_nothing() => Err(SearchError::Incomplete),
            Err(error) => Err(error.into()),
        }
    }
}
