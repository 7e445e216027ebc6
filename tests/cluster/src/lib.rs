//! The eight programs beside each other on this machine, on servers in containers.
//!
//! A [`Plan`] says which databases they stand on and how many of each there are; [`Cluster::start`] starts servers of its own, then
//! the programs, and returns once every one is ready. Everything is under the test's hand: each [`Process`] can be killed, asked
//! to stop, paused and started again at its address, and each server stopped, paused and started, or put behind a faulty network.
//! What is left running ends with the process that started it.

mod cluster;
pub mod observability;
mod plan;
mod ports;
mod process;
mod servers;
mod settings;

pub use cluster::{Cluster, program};
pub use plan::{Databases, Plan, SERVICES};
pub use process::Process;
pub use servers::{Place, Servers};
pub use settings::settings_page;
