//! The whole marketplace, as its users see it: every test talks to a running `jobapp` over HTTP.

mod access;
#[path = "../../../../tests/realtime/agent.rs"]
#[expect(dead_code, reason = "the tests of the realtime adapter use more of it")]
mod agent;
mod client;
#[path = "../../../../tests/traces/collector.rs"]
#[expect(dead_code, reason = "the tests of the adapter use more of it")]
mod collector;
mod defects;
mod documents;
mod files;
mod harness;
mod input;
mod isolation;
mod metrics;
mod newcomer;
mod openapi;
mod process;
mod races;
mod routes;
mod secrecy;
mod sockets;
mod traces;
mod validation;
