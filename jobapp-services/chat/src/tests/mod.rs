//! The service on memory: what clients ask and what follows.

mod access;
mod events;
mod offers;
mod sending;
