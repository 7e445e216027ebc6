//! The commands, a file each: what can be said on the command line, and what is done then.

pub mod analytics;
pub mod dead_letters;
pub mod hold;
#[cfg(feature = "program")]
pub mod import;
pub mod keys;
pub mod migrate;
pub mod operators;
pub mod search;
pub mod sessions;
pub mod status;

use clap::{Args, Subcommand};

use crate::Form;

/// Commands of one kind, and how they answer.
#[derive(Debug, Args)]
pub struct Group<C: Subcommand> {
    /// What to do.
    #[command(subcommand)]
    pub command: C,
    /// How to answer.
    #[command(flatten)]
    pub form: Form,
}
