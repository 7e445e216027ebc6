//! What an index holds of a gig, and what indexes are called.

use jobapp_gigs::{GigId, MOST_HITS, MOST_ON_A_PAGE, SearchDocument};
use serde_json::{Value, json};
use uuid::Uuid;

/// The form of the index. To be raised whenever fields, words or their meaning change: each form has indexes of its own.
pub(crate) const FORM: u32 = 1;

pub(crate) const LISTED: &str = "listed";
pub(crate) const SORT_ID: &str = "sort_id";
pub(crate) const PRICE: &str = "price";
pub(crate) const DAYS: &str = "days";
pub(crate) const WORDS: &str = "words";
pub(crate) const CATEGORY: &str = "category";
pub(crate) const TOP_RATED: &str = "top_rated";
pub(crate) const RATINGS: &str = "ratings";

/// The names of the indexes and aliases of one marketplace.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    index: String,
}

impl Names {
    pub(crate) fn new(index: &str) -> Self {
        Self { index: index.to_owned() }
    }

    /// The alias of the index that is searched.
    pub(crate) fn live(&self) -> String {
        format!("{}-v{FORM}", self.index)
    }

    /// The alias of the index that is being built.
    pub(crate) fn building(&self) -> String {
        format!("{}-v{FORM}-building", self.index)
    }

    /// A new index.
    pub(crate) fn fresh(&self) -> String {
        format!("{}-v{FORM}-{}", self.index, Uuid::new_v4().simple())
    }

    /// All of them, of every form.
    pub(crate) fn every(&self) -> String {
        format!("{}-v*", self.index)
    }

    /// The form of an index of this marketplace; `None` of what is none.
    pub(crate) fn form_of(&self, index: &str) -> Option<u32> {
        let (form, which) = index.strip_prefix(&self.index)?.strip_prefix("-v")?.split_once('-')?;
        let is_ours = which.len() == 32 && which.bytes().all(|byte| byte.is_ascii_hexdigit());
        form.parse().ok().filter(|_| is_ours)
    }
}

/// What an index is made with.
pub(crate) fn settings() -> Value {
    // The core's words stand in the field with a blank between them. How often a word is in a gig counts for similar ones only.
    let words = |counted| json!({"type": "text", "analyzer": "whitespace", "index_options": counted});
    json!({
        "settings": {
            "index": {
                // One scale for how alike gigs are. A million gigs are some gigabytes.
                "number_of_shards": 1,
                "auto_expand_replicas": "0-1",
                // Said, so that an index that nobody searched for a while is refreshed as well.
                "refresh_interval": "250ms",
                // The last page begins at the largest offset.
                "max_result_window": MOST_HITS + MOST_ON_A_PAGE,
            }
        },
        "mappings": {
            "dynamic": "strict",
            // Gigs are read from the store.
            "_source": {"enabled": false},
            "properties": {
                LISTED: {"type": "boolean", "doc_values": false},
                SORT_ID: {"type": "long"},
                PRICE: {"type": "long"},
                DAYS: {"type": "integer", "doc_values": false},
                WORDS: words("freqs"),
                CATEGORY: words("docs"),
                TOP_RATED: {"type": "boolean", "doc_values": false},
                RATINGS: {"type": "long"},
            }
        }
    })
}

/// The name of a gig's document.
pub(crate) fn name_of(id: &GigId) -> String {
    id.0.to_string()
}

/// What the index holds of a gig. Of one that cannot be found, or is gone, that its version is known.
pub(crate) fn document(gig: Option<&SearchDocument>) -> Value {
    let Some(gig) = gig.filter(|gig| gig.active) else { return json!({LISTED: false}) };
    json!({
        LISTED: true,
        SORT_ID: gig.sort_id,
        PRICE: gig.price.cents(),
        DAYS: gig.days,
        WORDS: gig.words.join(" "),
        CATEGORY: gig.category.join(" "),
        TOP_RATED: gig.top_rated,
        RATINGS: gig.ratings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_known_by_its_name() {
        let names = Names::new("shop");
        assert_eq!(names.form_of(&names.fresh()), Some(FORM));
        assert_eq!(names.form_of("shop-v12-0123456789abcdef0123456789abcdef"), Some(12));
        for other in [
            "shop",
            "shop-v1",
            "shop-v1-building",
            "shop-vx-0123456789abcdef0123456789abcdef",
            "shop-v1-v1-0123456789abcdef0123456789abcdef",
            "workshop-v1-0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(names.form_of(other), None, "{other}");
        }
    }
}
