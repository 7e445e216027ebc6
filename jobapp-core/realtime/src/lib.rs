//! Realtime: who hears what, who is online, and what a socket that comes back has missed.
//!
//! Browsers hold sockets at gateways, and there may be several of these. What one learns all must hear, in one order: that
//! is the port [`Fanout`], which gives each event a [`Position`]. What gateways tell each other and no browser hears goes
//! to [`News`].
//!
//! Who is online at any of them is the port [`Presence`]. A gateway counts who is there in an [`Attendance`], tells presence,
//! and keeps [`Online`] by the changes it is told of in turn.
//!
//! A gateway keeps the last events in a [`Log`]; a socket that comes back shows its private id ([`Pid`]) and the position
//! it got to, and is told what it missed. [`Seen`] tells a repeated event from a new one.

mod attendance;
mod error;
mod fanout;
mod identity;
mod log;
mod news;
mod online;
mod pid;
mod position;
mod presence;
mod seen;

pub use attendance::Attendance;
pub use error::Unavailable;
pub use fanout::{Envelope, Fanout, Feed, Published, Since};
pub use identity::Identity;
pub use log::{Log, RecoveryConfig, Replay};
pub use news::News;
pub use online::Online;
pub use pid::Pid;
pub use position::{NoPosition, Position};
pub use presence::{Change, Presence, Watch};
pub use seen::{Seen, Sight};
