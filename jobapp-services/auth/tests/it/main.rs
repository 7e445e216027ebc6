//! The auth service on stores in memory, through its router.

mod app;
mod at_once;
mod enumeration;
mod guessing;
mod hasher;
mod passwords;
mod races;
mod second_factor;
mod sessions;
mod sign_in;
mod sign_up;
mod surface;
