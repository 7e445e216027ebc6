//! What the use cases of users need from outside.

use std::sync::Arc;

use jobapp_kernel::{Clock, Ids, Repository, Sequence};

use crate::{Buyer, Seller};

/// A source of chance.
pub trait Dice: Send + Sync {
    /// A number from 0 to `sides` − 1, each as likely as the others; 0 when there are no sides.
    fn below(&self, sides: u64) -> u64;
}

/// The ports of [`crate::Users`].
#[derive(Clone)]
pub struct Ports {
    /// The buyers.
    pub buyers: Arc<dyn Repository<Buyer>>,
    /// The sellers.
    pub sellers: Arc<dyn Repository<Seller>>,
    /// Numbers the sellers, so that some can be drawn by lot without reading all.
    pub numbers: Arc<dyn Sequence>,
    /// Dates new sellers.
    pub clock: Arc<dyn Clock>,
    /// Makes ids of buyers, sellers and the parts of their profiles.
    pub ids: Arc<dyn Ids>,
    /// Draws sellers.
    pub dice: Arc<dyn Dice>,
}
