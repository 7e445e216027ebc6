//! The program `jobapp-ctl`: the commands on what the settings of the eight services name.
//!
//! A new command is a file in [`commands`](crate::commands), a variant of [`Command`], and an arm where commands are run.

mod command_line;
mod import;
mod run;
mod settings;
mod stores;

pub use self::command_line::{Cli, Command};
pub use self::run::run;
