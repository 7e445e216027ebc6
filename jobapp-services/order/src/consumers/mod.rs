//! What the service hears.

pub(crate) mod order_activity;
pub(crate) mod order_gig;
pub(crate) mod order_offer;
pub(crate) mod order_payment;
pub(crate) mod order_refund;
pub(crate) mod order_review;
pub(crate) mod order_told;

/// Nobody knows whether a telling without a version is news.
const NO_VERSION: &str = "it has no x-version, so nobody knows whether it is news";
