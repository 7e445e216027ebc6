//! The bodies of answers.

use jobapp_wire::users::{BuyerDocument, SellerDocument};
use serde::Serialize;
use utoipa::ToSchema;

/// A buyer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BuyerAnswer {
    /// For people.
    message: &'static str,
    /// The buyer.
    buyer: BuyerDocument,
}

impl BuyerAnswer {
    pub(crate) const fn new(buyer: BuyerDocument) -> Self {
        Self { message: "Buyer profile", buyer }
    }
}

/// A seller, or nobody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SellerAnswer {
    /// For people.
    message: &'static str,
    /// The seller; `null` only where a name was asked for.
    seller: Option<SellerDocument>,
}

impl SellerAnswer {
    pub(crate) const fn new(message: &'static str, seller: Option<SellerDocument>) -> Self {
        Self { message, seller }
    }
}

/// Several sellers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SellersAnswer {
    /// For people.
    pub(crate) message: &'static str,
    /// The sellers.
    pub(crate) sellers: Vec<SellerDocument>,
}

/// Nothing but a text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageAnswer {
    /// For people.
    pub(crate) message: &'static str,
}
