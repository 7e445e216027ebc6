//! Relay and consumers on the adapters in memory, and the server.

mod connections;
mod consumers;
mod exclusive;
mod kettle;
mod relay;
