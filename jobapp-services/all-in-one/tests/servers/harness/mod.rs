//! What the tests stand on: as of the one binary, but for the marketplace itself.

#[path = "../../it/harness/bodies.rs"]
pub mod bodies;
#[path = "../../it/harness/browser.rs"]
pub mod browser;
#[path = "../../it/harness/checks.rs"]
pub mod checks;
#[path = "../../it/harness/people.rs"]
#[expect(dead_code, reason = "the tests of the one binary's process use more of it")]
pub mod people;
#[path = "../../it/harness/raw.rs"]
pub mod raw;
pub mod server;

pub use browser::{Answer, Browser};
pub use checks::soon;
pub use people::{Person, Seller, Trade};
pub use server::{Server, shared};

/// Whether the marketplace is the one binary, which shows what waits in its folder, and how that is.
pub const IS_ONE_BINARY: bool = false;
