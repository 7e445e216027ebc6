//! The auth service on stores in memory, through its router.

mod app;
mod passwords;
mod sessions;
mod sign_in;
mod sign_up;
mod surface;
