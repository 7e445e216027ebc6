//! The store on MongoDB, or on what stands in for it.

mod claims;
mod cuts;
mod documents;
mod inbox;
mod migrations;
mod opening;
mod place;
mod plans;
mod sealed;
mod sharing;
mod suites;
