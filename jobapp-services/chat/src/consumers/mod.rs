//! What the service listens to, one file per queue.

pub(crate) mod chat_gig;
pub(crate) mod chat_message;
