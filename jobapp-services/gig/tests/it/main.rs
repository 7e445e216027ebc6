//! The gig service on adapters in memory, and once on the embedded index and a bus.

mod at_once;
mod consumers;
mod gigs;
mod keeping;
mod lists;
mod media_host;
mod search;
mod whole;
mod world;
