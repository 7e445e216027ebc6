//! The bus on a real broker: every promise of a bus, and what brokers and networks do to them.

mod contract;
mod dead_letters;
mod declaring;
mod foreign;
mod network;
mod publishing;
mod restarts;
mod world;
