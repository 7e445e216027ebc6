//! What can be said on the command line.

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use super::settings::Settings;
use crate::commands::Group;
use crate::commands::analytics::AnalyticsCommand;
use crate::commands::dead_letters::DeadLettersCommand;
use crate::commands::hold::HoldCommand;
use crate::commands::import::ImportCommand;
use crate::commands::keys::KeysCommand;
use crate::commands::migrate::MigrateCommand;
use crate::commands::operators::OperatorsCommand;
use crate::commands::search::SearchCommand;
use crate::commands::sessions::SessionsCommand;
use crate::commands::status::StatusCommand;

/// Looks after a marketplace of several programs: its databases, queues, dead letters and search index, and who runs it.
#[derive(Debug, Parser)]
#[command(name = "jobapp-ctl", version, about, long_about = None)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// A TOML file with settings.
    #[arg(long, global = true, env = "JOBAPP_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to log on standard error: a level, or targets with levels.
    #[arg(long, global = true, env = "JOBAPP_LOG", value_name = "FILTER", default_value = "warn,lapin=off")]
    pub log: String,
}

const EXAMPLES: &str = "\
Examples:
  jobapp-ctl status                        how everything is; exit code 1 when something is wrong
  jobapp-ctl status --json | jq .wrong
  jobapp-ctl migrate --plan                what an upgrade would do to the databases
  jobapp-ctl migrate auth order            bring the databases of these services up to date
  jobapp-ctl hold -- ./backup.sh           copy databases while nothing is under way between services
  jobapp-ctl dead-letters list             messages that could not be handled
  jobapp-ctl dead-letters replay order-review-queue --all --yes
  jobapp-ctl search rebuild                make the search index anew from the stored gigs
  jobapp-ctl analytics rebuild             count all stored ratings anew
  jobapp-ctl sessions end Marta            sign somebody out everywhere
  jobapp-ctl operators add Boss --email boss@example.org
  jobapp-ctl import --dry-run              what would come of the databases of the existing system
  jobapp-ctl completions bash              a script that completes commands in your shell

Exit codes: 0 all is well, 1 something is wrong or failed, 2 the command line or a setting is wrong.

A command needs only the settings of what it touches, and says which are missing. Each is an environment variable, or a line of the
TOML file (--config): those of the eight programs, and one for the database of each service where they differ.
";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say how everything is: databases, queues, dead letters, search, programs.
    Status(StatusCommand),
    /// Bring databases to the layout this version wants.
    Migrate(MigrateCommand),
    /// Run a command, such as a backup, while nothing is under way between services.
    Hold(HoldCommand),
    /// Messages that could not be handled.
    DeadLetters(Group<DeadLettersCommand>),
    /// The search index.
    Search(Group<SearchCommand>),
    /// How sellers and gigs were rated.
    Analytics(Group<AnalyticsCommand>),
    /// Where users are signed in.
    Sessions(Group<SessionsCommand>),
    /// Who runs the marketplace.
    #[command(alias = "operator")]
    Operators(Group<OperatorsCommand>),
    /// Take over what the existing system keeps. Nothing there is changed, and nobody is mailed.
    ///
    /// It may be ended at any moment, and goes on where it ended when it is run again.
    Import(ImportCommand),
    /// The keys that the one binary signs with. The eight programs are given theirs.
    Keys {
        /// The data folder of the marketplace.
        #[arg(long, env = "JOBAPP_DATA", value_name = "FOLDER", global = true)]
        data: Option<PathBuf>,
        /// What to do.
        #[command(flatten)]
        group: Group<KeysCommand>,
    },
    /// Print a script that completes commands and flags of `jobapp-ctl` in your shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Cli {
    /// Reads the command line. A wrong one ends the process with a message and exit code 2; `--help` ends it, too.
    pub fn read() -> Self {
        let matches = Self::definition().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// What the command line may hold.
    pub fn definition() -> clap::Command {
        let mut help = EXAMPLES.to_owned();
        for setting in Settings::known() {
            help.push_str(&format!("  {:<44} {}\n", setting.variables.join(", "), setting.about));
        }
        Self::command().after_help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together_and_tells_every_variable_without_a_value() {
        let mut definition = Cli::definition();
        definition.clone().debug_assert();
        let help = definition.render_long_help().to_string();
        for variable in
            ["JOBAPP_AUTH_STORE", "MYSQL_DB", "DATABASE_URL", "RABBITMQ_ENDPOINT", "REDIS_HOST", "JOBAPP_OLD_AUTH"]
        {
            assert!(help.contains(variable), "{variable}: {help}");
        }
    }
}
