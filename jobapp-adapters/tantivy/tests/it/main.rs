//! The embedded index keeps what every index promises, outlives its process, heals, and is shared by processes.

mod healing;
mod search;
mod sharing;
