//! The embedded index keeps what every index promises, outlives its process, and heals.

mod healing;
mod search;
