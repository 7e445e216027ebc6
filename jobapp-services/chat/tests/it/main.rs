//! The service on memory: what clients ask and what follows.

mod access;
mod app;
mod at_once;
mod events;
mod offers;
mod sending;
