//! The commands of whoever runs a marketplace.
//!
//! Each takes ports and answers with what is to be told, so that the program `jobapp-ctl`, which opens them from the addresses of the
//! eight services, and the one binary, which has them in a folder, are of the same code. What is asked for goes to standard output as
//! [lines or JSON](Form); everything else goes to standard error.

pub mod commands;
mod output;
#[cfg(feature = "program")]
pub mod program;
mod secrets;
mod services;

pub use output::{Answer, Confirm, Form, NobodyReads, Usage, asking, complain, exit_code, lines, say};
pub use secrets::{KeyRing, SECRETS_FILE, SHORTEST_GRACE, Secrets, TokenKey, write_private};
pub use services::{SERVICES, declare, layout_of, layout_of_part};
