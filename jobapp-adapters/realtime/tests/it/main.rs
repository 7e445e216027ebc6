//! The server under the client the browsers use.

mod admission;
#[path = "../../../../tests/realtime/agent.rs"]
mod agent;
mod delivery;
mod feed;
mod lifecycle;
mod order;
mod ownership;
mod presence;
mod raw;
mod recovery;
mod world;
