//! The whole marketplace, as its users see it: every test talks to a running `jobapp` over HTTP.

mod client;
mod documents;
mod harness;
mod input;
mod process;
mod races;
mod routes;
mod validation;
