//! What the service hears from others and from itself.

pub(crate) mod gig_asked;
pub(crate) mod gig_search;
pub(crate) mod gig_update;
pub(crate) mod seed_gig;
