//! What can be asked for.

use std::path::PathBuf;

use clap::{Args, Parser};
use jobapp_import::{Kind, Places};

/// Takes over what the existing system keeps.
///
/// Nothing there is changed, and nobody is mailed. It may be ended at any moment and goes on where it ended. Addresses hold passwords:
/// give them in the environment.
///
/// Exit codes: 0 done, 1 some rows were not taken, 2 wrong usage, 3 failed; run it again to go on.
#[derive(Debug, Parser)]
#[command(name = "jobapp-import", version)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) old: OldPlaces,
    #[command(flatten)]
    pub(crate) ours: OurPlaces,
    /// Only this kind: accounts, buyers, sellers, gigs, conversations, messages, orders, notifications or reviews; may be repeated
    #[arg(long, value_name = "KIND")]
    pub(crate) only: Vec<Kind>,
    /// Do everything but store, and say what a run would come to
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Begin with the first row again, for those that were refused and may be taken by now
    #[arg(long)]
    pub(crate) again: bool,
    /// Append a line of JSON for each row that is not taken, or taken otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print the summary as JSON, and no progress
    #[arg(long)]
    pub(crate) json: bool,
    /// What this run is known by to others, a new name each time: one with the name of a run that was killed need not wait for half a
    /// minute until that is given up
    #[arg(long, value_name = "NAME", env = "JOBAPP_IMPORT_OWNER")]
    pub(crate) owner: Option<String>,
    /// How many rows are read at a time
    #[arg(long, value_name = "ROWS", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) page: u16,
}

/// Where the existing system keeps everything. What is not said is not read.
#[derive(Debug, Args)]
#[command(next_help_heading = "The existing system")]
pub(crate) struct OldPlaces {
    /// MySQL of its auth service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_OLD_AUTH", hide_env_values = true)]
    old_auth: Option<String>,
    /// MongoDB of its users service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_OLD_USERS", hide_env_values = true)]
    old_users: Option<String>,
    /// MongoDB of its gig service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_OLD_GIG", hide_env_values = true)]
    old_gig: Option<String>,
    /// MongoDB of its chat service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_OLD_CHAT", hide_env_values = true)]
    old_chat: Option<String>,
    /// MongoDB of its order service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_OLD_ORDER", hide_env_values = true)]
    old_order: Option<String>,
    /// PostgreSQL of its review service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_OLD_REVIEW", hide_env_values = true)]
    old_review: Option<String>,
}

impl OldPlaces {
    pub(crate) fn places(&self) -> Places {
        Places {
            auth: self.old_auth.clone(),
            users: self.old_users.clone(),
            gig: self.old_gig.clone(),
            chat: self.old_chat.clone(),
            order: self.old_order.clone(),
            review: self.old_review.clone(),
        }
    }
}

/// The stores of our services, as their own settings name them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Our stores")]
pub(crate) struct OurPlaces {
    /// Of the auth service, such as mysql://user:password@host/database or sqlite:data/auth.db
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_AUTH_STORE", hide_env_values = true)]
    pub(crate) auth: String,
    /// Of the users service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_USERS_STORE", hide_env_values = true)]
    pub(crate) users: String,
    /// Of the gig service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_GIG_STORE", hide_env_values = true)]
    pub(crate) gig: String,
    /// Of the chat service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_CHAT_STORE", hide_env_values = true)]
    pub(crate) chat: String,
    /// Of the order service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_ORDER_STORE", hide_env_values = true)]
    pub(crate) order: String,
    /// Of the review service
    #[arg(long, value_name = "ADDRESS", env = "JOBAPP_REVIEW_STORE", hide_env_values = true)]
    pub(crate) review: String,
    /// What the outboxes are sealed with, if they are
    #[arg(long, value_name = "DIGITS", env = "JOBAPP_SEALING_KEY", hide_env_values = true)]
    pub(crate) sealing_key: Option<String>,
}
