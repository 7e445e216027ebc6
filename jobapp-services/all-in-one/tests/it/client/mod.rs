//! What the existing browser client needs, and would break without.

mod lists;
mod mails;
mod orders;
mod ownership;
mod payments;
mod retries;
mod sessions;
mod transport;
