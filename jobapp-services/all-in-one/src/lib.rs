//! The whole marketplace in one process.
//!
//! [`run`] is the program. [`Marketplace`] is what it starts: the eight service libraries on SQLite, tantivy, a folder of
//! mails and a folder of media, talking through a durable message bus in the same process.

mod backup;
mod check;
mod cli;
mod compose;
mod databases;
mod demo;
mod dump;
mod folder;
mod media;
mod operator;
mod parts;
mod people;
mod private;
mod run;
mod settings;
mod status;
mod storage;
mod stores;

pub use cli::{Cli, Command, Flags};
pub use compose::Marketplace;
pub use folder::Folder;
pub use jobapp_ctl::{KeyRing, SHORTEST_GRACE, Secrets, TokenKey};
pub use run::run;
pub use settings::{ReferenceSecrets, Settings};
