//! Searches, as the server understands them. No text is ever read as a query: words are terms, compared as they are.

use jobapp_gigs::{MOST_HITS, Match, SearchDocument, SearchQuery, Start};
use serde_json::{Value, json};

use crate::form::{CATEGORY, DAYS, LISTED, PRICE, RATINGS, SORT_ID, TOP_RATED, WORDS, name_of};

/// How many of a gig's words are compared for similar ones: those that tell most.
const TELLING_WORDS: usize = 25;

/// The page a query asks for. Before a cursor it comes the wrong way round.
pub(crate) fn page(query: &SearchQuery, wanted: Match) -> Value {
    let mut meant = having(WORDS, &query.words, wanted);
    if let Some(days) = query.days {
        meant.push(json!({"term": {DAYS: days}}));
    }
    if query.min_price.is_some() || query.max_price.is_some() {
        let cents = |price: Option<jobapp_kernel::Money>| price.map(jobapp_kernel::Money::cents);
        meant.push(json!({"range": {PRICE: {"gte": cents(query.min_price), "lte": cents(query.max_price)}}}));
    }
    let size = query.size.max(1);
    let mut asked = listed(meant);
    // A cursor narrows the page and not the total.
    match query.start {
        Start::Offset(offset) if offset > MOST_HITS => paged(&mut asked, "asc", 0),
        Start::Offset(offset) => {
            paged(&mut asked, "asc", size);
            asked["from"] = offset.into();
        }
        Start::After(cursor) => {
            paged(&mut asked, "asc", size);
            asked["search_after"] = json!([cursor]);
        }
        Start::Before(cursor) => {
            paged(&mut asked, "desc", size);
            asked["search_after"] = json!([cursor]);
        }
    }
    asked
}

/// The newest gigs of a category with these words.
pub(crate) fn newest(category: &[String], wanted: Match, limit: usize) -> Value {
    let mut asked = listed(having(CATEGORY, category, wanted));
    paged(&mut asked, "desc", limit.max(1));
    asked
}

/// The top rated gigs of a category with these words.
pub(crate) fn top_rated(category: &[String], wanted: Match, limit: usize) -> Value {
    let mut meant = having(CATEGORY, category, wanted);
    meant.push(json!({"term": {TOP_RATED: true}}));
    let mut asked = listed(meant);
    paged(&mut asked, "desc", limit.max(1));
    asked["sort"] = json!([{RATINGS: "desc"}, {SORT_ID: "desc"}]);
    asked
}

/// Gigs that share words with this one.
pub(crate) fn similar(gig: &SearchDocument, limit: usize) -> Value {
    let alike = json!({"more_like_this": {
        "fields": [WORDS],
        "like": gig.words.join(" "),
        "analyzer": "whitespace",
        "max_query_terms": TELLING_WORDS,
        "min_term_freq": 1,
        "min_doc_freq": 1,
        "minimum_should_match": "1",
    }});
    let mut asked = listed(Vec::new());
    asked["query"]["bool"]["must"] = json!([alike]);
    asked["query"]["bool"]["must_not"] = json!([{"ids": {"values": [name_of(&gig.id)]}}]);
    asked["size"] = limit.max(1).into();
    asked["sort"] = json!(["_score", {SORT_ID: "desc"}]);
    asked
}

/// Gigs that can be found, of which all this is so.
fn listed(mut meant: Vec<Value>) -> Value {
    meant.push(json!({"term": {LISTED: true}}));
    json!({"query": {"bool": {"filter": meant}}, "track_total_hits": MOST_HITS})
}

/// In the order of sort ids, of which no two are the same: pages do not overlap, whichever copy of the index answers.
fn paged(asked: &mut Value, order: &str, size: usize) {
    asked["sort"] = json!([{SORT_ID: order}]);
    asked["size"] = size.into();
}

/// Gigs whose field has enough of these words.
fn having(field: &str, words: &[String], wanted: Match) -> Vec<Value> {
    match wanted {
        Match::All => words.iter().map(|word| json!({"term": {field: word}})).collect(),
        Match::Any => vec![json!({"terms": {field: words}})],
    }
}
