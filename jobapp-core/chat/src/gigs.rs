//! What chatting knows of gigs: whose they are, and which are gone. Nobody can offer what is not his.

use jobapp_directory::SellerId;
use jobapp_kernel::{Aggregate, InvalidState, Key};
use serde::{Deserialize, Serialize};

jobapp_kernel::object_id!(
    /// The id of a gig.
    GigId
);

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
        DeletedGigState::V1 { id: self.id }
    }

    fn from_state(state: DeletedGigState) -> Result<Self, InvalidState> {
        let DeletedGigState::V1 { id } = state;
        Ok(Self { id })
    }
}

/// Whose a gig is. That never changes; what is known not to exist may be made later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GigSeller {
    id: GigId,
    seller: Option<SellerId>,
}

impl GigSeller {
    /// The gig is this seller's, or, without one, there is none.
    pub const fn new(id: GigId, seller: Option<SellerId>) -> Self {
        Self { id, seller }
    }

    /// Whose it is; `None` when there was no such gig when somebody asked for it.
    pub const fn seller(&self) -> Option<SellerId> {
        self.seller
    }
}

/// What is stored of whose a gig is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum GigSellerState {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        /// The gig.
        id: GigId,
        /// Its seller.
        seller: Option<SellerId>,
    },
}

impl Aggregate for GigSeller {
    const NAME: &'static str = "gig_seller";
    type Id = GigId;
    type Event = ();
    type State = GigSellerState;

    fn id(&self) -> &GigId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> GigSellerState {
        GigSellerState::V1 { id: self.id, seller: self.seller }
    }

    fn from_state(state: GigSellerState) -> Result<Self, InvalidState> {
        let GigSellerState::V1 { id, seller } = state;
        Ok(Self { id, seller })
    }
}
