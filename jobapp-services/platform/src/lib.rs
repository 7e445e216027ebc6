//! What every process shares.
//!
//! A [`Service`] says what it serves, consumes and looks after, each in the same form, so that whoever runs one need not know
//! which it is. It is made of its ports, and these of its [`Store`] and of what all services of a process have in
//! [common](Shared). An [`App`] runs it, alone or beside others.

mod app;
mod service;
mod shared;
mod store;

pub use app::App;
pub use service::{Need, Service, Task};
pub use shared::Shared;
pub use store::{Kept, KeptValue, OpenError, Store};
