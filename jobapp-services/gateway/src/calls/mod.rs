//! Calls to the services: through their guards, with what they need to know, and answers that are kept for a while.

pub(crate) mod answers;
pub(crate) mod auth;
pub(crate) mod guards;
pub(crate) mod reading;
pub(crate) mod segment;
pub(crate) mod shared_answers;
pub(crate) mod upstreams;
