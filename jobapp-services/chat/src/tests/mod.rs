//! The service on memory: what clients ask and what follows.

mod access;
mod at_once;
mod events;
mod offers;
mod sending;
