//! What every process shares.
//!
//! A [`Service`] says what it serves, consumes and looks after, each in the same form, so that whoever runs one need not know
//! which it is. It is made of its ports, and these of its [`Store`] and of what all services of a process have in
//! [common](Shared). An [`App`] runs it, alone or beside others.
//!
//! What a process stands on is opened from [`Address`]es, whose schemes choose the technology; [`config`] reads where they, and all
//! other settings, stand.

mod app;
pub mod config;
pub mod developer;
mod dump;
mod entrance;
mod health;
mod observed;
mod open;
mod privacy;
#[cfg(feature = "program")]
pub mod program;
mod readiness;
mod service;
mod shared;
mod vitals;
mod waiting;

pub use app::App;
pub use dump::dump;
pub use entrance::Entrance;
pub use health::ask_ready;
pub use observed::{measured, observe_logs, parts as observe_parts, serve_metrics, start_metrics, start_traces};
pub use open::*;
pub use privacy::keep_private;
pub use readiness::{Readiness, Verdict};
pub use service::{Need, Service, Task};
pub use shared::Shared;
pub use vitals::{NoParts, Part, Vitals};
pub use waiting::{WaitError, until_there};
