//! Defects of the existing system that must not come back: each test is named after what went wrong there, and tries it here.
//!
//! Who may do what is tested for all routes in `access`, and what happens among many users in `isolation`.

mod errors;
mod identity;
mod input;
