//! From a row of the existing system to what we keep, or the reason why not. Nothing is asked here: what a row speaks of is handed
//! in.

mod account;
mod buyer;
mod conversation;
mod gig;
mod message;
mod notification;
mod order;
mod people;
mod ratings;
mod review;
mod seller;
#[cfg(test)]
mod testing;

pub(crate) use account::account;
pub(crate) use buyer::buyer;
pub(crate) use conversation::conversation;
pub(crate) use gig::gig;
pub(crate) use message::{Written, message};
pub(crate) use notification::notification;
pub(crate) use order::order;
pub(crate) use people::{People, Person, stored_name};
pub(crate) use review::review;
pub(crate) use seller::seller;
