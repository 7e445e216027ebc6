//! The same tests as of the one binary, against the eight programs with two of each, on RabbitMQ, Redis and PostgreSQL.
//!
//! Which marketplace is started is all that differs: `harness::server`. What is about the one binary's own folder and commands is not
//! here; everything that users and their clients see is.

#[path = "../it/access/mod.rs"]
mod access;
#[path = "../../../../tests/realtime/agent.rs"]
#[expect(dead_code, reason = "the tests of the realtime adapter use more of it")]
mod agent;
#[path = "../it/client/mod.rs"]
mod client;
#[path = "../it/defects/mod.rs"]
mod defects;
#[path = "../it/documents/mod.rs"]
mod documents;
#[path = "../it/files.rs"]
mod files;
mod harness;
#[path = "../it/input.rs"]
mod input;
#[path = "../it/isolation.rs"]
mod isolation;
#[path = "../it/openapi.rs"]
mod openapi;
#[path = "../it/races.rs"]
mod races;
#[path = "../it/routes/mod.rs"]
mod routes;
#[path = "../it/sockets.rs"]
mod sockets;
#[path = "../it/validation/mod.rs"]
mod validation;
