//! The users service on adapters in memory.

mod buyers;
mod consumers;
mod sellers;
mod world;
