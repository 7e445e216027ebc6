//! Gigs that are gone: nobody can offer them any more.

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, MAX_KEY_BYTES};
use serde::{Deserialize, Serialize};

/// The id of a gig, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GigId(String);

impl GigId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for GigId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for GigId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            return Err(InvalidId::new(text, "the id of a gig"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A gig that was deleted. Remembered, so that an offer written at the same moment does not stay open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedGig {
    id: GigId,
}

impl DeletedGig {
    /// The gig with this id is gone.
    pub const fn new(id: GigId) -> Self {
        Self { id }
    }
}

/// What is stored of a deleted gig.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum DeletedGigState {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        /// The gig.
        id: GigId,
    },
}

impl Aggregate for DeletedGig {
    const NAME: &'static str = "deleted_gig";
    type Id = GigId;
    type Event = ();
    type State = DeletedGigState;

    fn id(&self) -> &GigId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> DeletedGigState {
        DeletedGigState::V1 { id: self.id.clone() }
    }

    fn from_state(state: DeletedGigState) -> Result<Self, InvalidState> {
        let DeletedGigState::V1 { id } = state;
        Ok(Self { id })
    }
}
