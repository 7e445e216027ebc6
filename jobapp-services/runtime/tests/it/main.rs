//! Relay and consumers on the adapters in memory.

mod consumers;
mod kettle;
mod relay;
