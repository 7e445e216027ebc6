//! What the service listens to, one file per queue.

pub(crate) mod chat_asked;
pub(crate) mod chat_gig;
pub(crate) mod chat_message;
pub(crate) mod chat_told;
