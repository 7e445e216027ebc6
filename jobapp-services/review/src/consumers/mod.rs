//! What the service listens to, one file per queue.

pub(crate) mod review_analytics;
pub(crate) mod review_order;
