//! Payment providers.
//!
//! [`FakePayments`] behaves as Stripe does, without money: the same states, idempotency keys, secrets of the same form and
//! signed notices. It keeps its payments in a store, so they survive a restart. [`dev_page()`] shows them and lets a
//! developer confirm or decline them.

mod dev_page;
mod fake;
mod intent;
mod notice;

pub use dev_page::{ListedIntent, dev_page};
pub use fake::FakePayments;
pub use intent::{FakeIntent, FakeIntentId, FakeIntentState, FakeIntentV1, FakeStatus};
