//! What the tests stand on: a running marketplace, browsers that keep cookies, and people who trade.

pub mod bodies;
pub mod browser;
pub mod checks;
pub mod people;
pub mod raw;
pub mod server;

pub use browser::{Answer, Browser};
pub use checks::soon;
pub use people::{Person, Seller, Trade};
pub use server::{Server, shared};

/// Whether the marketplace is the one binary, which shows what waits in its folder, and how that is.
pub const IS_ONE_BINARY: bool = true;
