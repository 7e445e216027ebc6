//! What can go wrong with Elasticsearch.

use std::error::Error;

use jobapp_gigs::SearchError;
use serde::Deserialize;

/// How much of a reason is told: some quote what was sent.
const MOST_OF_A_REASON: usize = 300;

/// Why Elasticsearch did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ElasticError {
    /// No node answered lately, so none was asked.
    #[error("no node of Elasticsearch is there: {why}")]
    Away {
        /// What went wrong last.
        why: String,
    },
    /// No node answered, or not in time. It may have been done.
    #[error("Elasticsearch did not {attempt}")]
    Silent {
        /// What was attempted, as in `search`.
        attempt: &'static str,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It answered with an error.
    #[error("Elasticsearch did not {attempt}: {status} {reason}")]
    Refused {
        /// What was attempted.
        attempt: &'static str,
        /// The status of HTTP.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// Its answer is none that this version understands.
    #[error("Elasticsearch did not {attempt} in a way that is understood")]
    Strange {
        /// What was attempted.
        attempt: &'static str,
        /// What is wrong with the answer.
        source: serde_json::Error,
    },
}

impl ElasticError {
    /// Whether something that was named is not there.
    pub(crate) const fn is_about_nothing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

impl From<ElasticError> for SearchError {
    fn from(error: ElasticError) -> Self {
        Self::unavailable(error)
    }
}

/// What an answer says of an error, of which only this matters.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reason {
    Told {
        #[serde(default, rename = "type")]
        kind: String,
        reason: Option<String>,
    },
    Text(String),
    #[default]
    Unknown,
}

impl Reason {
    /// Whether the index has no place for a field of ours: somebody changed it, and no gig is to blame.
    pub(crate) fn is_about_the_fields(&self) -> bool {
        matches!(self, Self::Told { kind, .. } if kind == "strict_dynamic_mapping_exception")
    }

    /// Whether the index is in no state to take anything, as where the cluster may have no further one: no line is to blame.
    pub(crate) fn is_about_the_index(&self) -> bool {
        const SO: [&str; 2] = ["validation_exception", "index_closed_exception"];
        matches!(self, Self::Told { kind, .. } if SO.contains(&kind.as_str()))
    }

    /// In one line.
    pub(crate) fn text(&self) -> String {
        let text = match self {
            Self::Told { kind, reason } => format!("{kind}: {}", reason.as_deref().unwrap_or("no reason is told")),
            Self::Text(text) => text.clone(),
            Self::Unknown => "no reason is told".to_owned(),
        };
        text.chars().take(MOST_OF_A_REASON).collect()
    }
}
