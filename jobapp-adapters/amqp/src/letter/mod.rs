//! Messages as the broker carries them.
//!
//! What the port's [`Message`](jobapp_kernel::Message) has is in the properties every client knows. What became of a message while it
//! waited is in headers of ours, the marks; a handler sees none of them.

mod copying;
mod envelope;
mod marks;
mod reading;
mod writing;

pub(crate) use copying::{buried, parked, replayed};
pub(crate) use envelope::{Letter, short};
pub(crate) use marks::{Death, Marks};
pub(crate) use reading::{Received, dead_letter};
