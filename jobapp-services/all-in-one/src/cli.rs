//! What can be said on the command line.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use jobapp_ctl::commands::Group;
use jobapp_ctl::commands::analytics::AnalyticsCommand;
use jobapp_ctl::commands::dead_letters::DeadLettersCommand;
use jobapp_ctl::commands::keys::KeysCommand;
use jobapp_ctl::commands::operators::OperatorsCommand;
use jobapp_ctl::commands::search::SearchCommand;
use jobapp_ctl::commands::sessions::SessionsCommand;
use jobapp_ctl::commands::status::StatusCommand;
use jobapp_platform::config::{Sources, Tracing};

/// A freelance marketplace in one process: accounts, gigs, search, chat, orders, payments, reviews and mails. It needs
/// nothing installed and keeps everything in one folder.
#[derive(Debug, Parser)]
#[command(name = "jobapp", version, about, long_about = None, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; without a command the marketplace runs.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings.
    #[command(flatten)]
    pub settings: Flags,
}

const EXAMPLES: &str = "\
Examples:
  jobapp                         run on http://localhost:4000, data in your user's data directory
  jobapp --demo --data ./shop    fill a new folder with sellers, gigs, orders and chats, then run
  jobapp --port 0                run on a free port and print it
  jobapp search rebuild          make the search index anew from the stored gigs
  jobapp analytics rebuild       count all stored ratings anew
  jobapp status                  say how everything is: databases, queues, dead letters, search
  jobapp check                   look for damage in what is stored
  jobapp dead-letters list       show messages that could not be handled
  jobapp operator create Boss --email boss@example.org
                                 make an account that runs the marketplace
  jobapp keys rotate             sign with new keys; nobody is signed out
  jobapp backup ./shop-backup    copy everything, also while it runs
  jobapp --check                 say whether it could start, and what is in the way

Every setting can also be an environment variable (named with each flag) or a line of a TOML file (--config, or
jobapp.toml in the data folder), where names have underscores: client_url = \"http://localhost:3000\".
A flag wins over the environment, the environment over the file.";

/// The flags that concern commands as well as the server.
const COMMON: [&str; 5] = ["data", "config", "log", "log_format", "json"];

impl Cli {
    /// Reads the command line. Wrong ones end the process with a message, as does `--help`.
    pub fn read() -> Self {
        let matches = Self::definition().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        cli.settings.from_environment = from_environment(&matches);
        let of_traces = Tracing::ALL.iter().flat_map(|setting| setting.variables);
        let set = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
        cli.settings.of_traces = of_traces.filter_map(set).collect();
        cli
    }

    /// What the command line may hold. The server's settings are read everywhere, as before a command so behind it, but the
    /// help of a command is about the command.
    pub(crate) fn definition() -> clap::Command {
        let mut definition = Self::command();
        definition.build();
        let names: Vec<String> = definition.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        names
            .iter()
            .filter(|name| *name != "serve")
            .fold(definition, |definition, name| definition.mut_subcommand(name, without_settings_of_the_server))
    }
}

/// The settings that the environment has, and not the command line.
fn from_environment(matches: &ArgMatches) -> BTreeSet<String> {
    let is_from_there = |name: &&str| matches.value_source(name) == Some(ValueSource::EnvVariable);
    // What is global within a command is among the ids, too, and no argument of ours.
    let own = Cli::command();
    let own: BTreeSet<&str> = own.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    let ids = matches.ids().map(clap::Id::as_str).filter(|name| own.contains(name));
    ids.filter(is_from_there).map(str::to_owned).collect()
}

fn without_settings_of_the_server(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let command = command.mut_args(|argument| {
        let hidden = argument.is_global_set() && !COMMON.contains(&argument.get_id().as_str());
        if hidden { argument.hide(true) } else { argument }
    });
    names.iter().fold(command, |command, name| command.mut_subcommand(name, without_settings_of_the_server))
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the marketplace (what happens without a command).
    Serve,
    /// The search index.
    Search(Group<SearchCommand>),
    /// How sellers and gigs were rated.
    Analytics(Group<AnalyticsCommand>),
    /// Messages that could not be handled.
    DeadLetters(Group<DeadLettersCommand>),
    /// Who runs the marketplace. It must not be running on the folder.
    #[command(visible_alias = "operators")]
    Operator(Group<OperatorsCommand>),
    /// Say how everything is: databases, queues, dead letters, search. It works beside a running marketplace.
    Status(StatusCommand),
    /// Where users are signed in. The marketplace must not be running on the folder.
    Sessions(Group<SessionsCommand>),
    /// The keys tokens are signed with.
    Keys(Group<KeysCommand>),
    /// Look through every database and the search index for damage. It works beside a running marketplace.
    Check,
    /// Ask the marketplace that runs, by the same settings, whether it wants requests: exit code 0 if it does.
    Health,
    /// Copy the data folder to a new folder that a marketplace can be started on, also while it runs. The copy is of one
    /// moment.
    Backup {
        /// The new folder.
        #[arg(value_name = "FOLDER")]
        target: PathBuf,
    },
    /// Print a script that completes commands and flags of `jobapp` in your shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print everything stored as JSON lines, one aggregate a line. The marketplace must not be running on the folder.
    Dump {
        /// Replace ids, times, secrets and everything else that differs between two equal runs.
        #[arg(long)]
        canonical: bool,
    },
}

/// Settings as flags or environment variables. All are texts here, so that every wrong one is reported at once.
#[derive(Debug, Default, Args)]
pub struct Flags {
    /// The folder that keeps everything [default: jobapp in your user's data directory].
    #[arg(long, global = true, env = "JOBAPP_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// A TOML file with settings [default: jobapp.toml in the data folder, if it is there].
    #[arg(long, global = true, env = "JOBAPP_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The address to listen on [default: 127.0.0.1].
    #[arg(long, global = true, env = "BIND", value_name = "ADDRESS")]
    pub bind: Option<String>,
    /// The port to listen on; 0 takes a free one [default: 4000].
    #[arg(long, global = true, env = "PORT", value_name = "PORT")]
    pub port: Option<String>,
    /// Where the browser client lives: links in mails lead there, and it may call. Without one, links lead to small pages of
    /// this server, and a client's development server at http://localhost:3000 may call.
    #[arg(long, global = true, env = "CLIENT_URL", value_name = "URL")]
    pub client_url: Option<String>,
    /// Where this server is reached; https makes cookies secure [default: http://localhost, with the port].
    #[arg(long, global = true, env = "JOBAPP_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Further origins that may call, separated by commas.
    #[arg(long, global = true, env = "JOBAPP_ALLOWED_ORIGINS", value_name = "URLS")]
    pub allowed_origins: Option<String>,
    /// Developer mode: mailbox at /_dev/mail, payments at /_dev/payments [default: true on a loopback address].
    #[arg(long, global = true, env = "JOBAPP_DEV", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub dev: Option<String>,
    /// Whether the seed routes exist [default: false].
    #[arg(long, global = true, env = "JOBAPP_SEED_ROUTES", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub seed_routes: Option<String>,
    /// Once it runs, fill the marketplace with sellers, gigs, orders, reviews and chats, unless that was done before, and say
    /// who they are. Where others may reach them, their password is a random one.
    #[arg(long, global = true)]
    pub demo: bool,
    /// Say what the settings come to and whether the marketplace could start with them, and change nothing.
    #[arg(long)]
    pub check: bool,
    /// The largest body of words, in bytes [default: 262144].
    #[arg(long, global = true, env = "JOBAPP_BODY_LIMIT", value_name = "BYTES")]
    pub body_limit: Option<String>,
    /// The largest body with a picture, in bytes [default: 20971520].
    #[arg(long, global = true, env = "JOBAPP_PICTURE_BODY_LIMIT", value_name = "BYTES")]
    pub picture_body_limit: Option<String>,
    /// The largest body with a chat or delivery file, in bytes [default: 146800640].
    #[arg(long, global = true, env = "JOBAPP_FILE_BODY_LIMIT", value_name = "BYTES")]
    pub file_body_limit: Option<String>,
    /// `reference` also accepts access tokens of the system this one takes the place of, as long as its users move over.
    #[arg(long, global = true, env = "JOBAPP_COMPAT", value_name = "SYSTEM")]
    pub compat: Option<String>,
    /// With --compat reference: the secret its users' tokens are signed with. Better not on the command line, where others can
    /// see it.
    #[arg(long, global = true, env = "JWT_TOKEN", hide_env_values = true, value_name = "SECRET")]
    pub jwt_token: Option<String>,
    /// With --compat reference: the secret its gateway's tokens are signed with.
    #[arg(long, global = true, env = "GATEWAY_JWT_TOKEN", hide_env_values = true, value_name = "SECRET")]
    pub gateway_jwt_token: Option<String>,
    /// Proxies before the server, separated by commas: addresses or networks whose X-Forwarded-For is believed [default: none].
    #[arg(long, global = true, env = "JOBAPP_TRUSTED_PROXIES", value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// How often one may call: on, off, a factor such as 10, or auto, which is on but spares this machine in developer mode
    /// [default: auto].
    #[arg(long, global = true, env = "JOBAPP_RATE_LIMITS", value_name = "HOW")]
    pub rate_limits: Option<String>,
    /// How long the gateway keeps answers about gigs, in seconds; 0 keeps none [default: 60].
    #[arg(long, global = true, env = "JOBAPP_CACHE_SECONDS", value_name = "SECONDS")]
    pub cache_seconds: Option<String>,
    /// How many connections are open at most; further ones wait [default: 10000].
    #[arg(long, global = true, env = "JOBAPP_MAX_CONNECTIONS", value_name = "NUMBER")]
    pub max_connections: Option<String>,
    /// How many of them one address may have; further ones are turned away. Proxies that are named, and this machine where
    /// rates spare it, are not counted [default: a quarter, at least 16].
    #[arg(long, global = true, env = "JOBAPP_MAX_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER")]
    pub max_connections_per_address: Option<String>,
    /// What to log: a level, or targets with levels [default: info; info,access=warn in developer mode].
    #[arg(long, global = true, env = "JOBAPP_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How log lines look: auto, text or json [default: auto, text on a terminal].
    #[arg(long, global = true, env = "JOBAPP_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// The Elasticsearch that log lines go to beside standard error; none is none. Better not on the command line if it has a
    /// password, since others can see it there [default: none].
    #[arg(long, global = true, env = "JOBAPP_LOG_SERVER", hide_env_values = true, value_name = "URL")]
    pub log_server: Option<String>,
    /// The port at which Prometheus reads /metrics; 0 is none [default: 0].
    #[arg(long, global = true, env = "JOBAPP_METRICS_PORT", value_name = "PORT")]
    pub metrics_port: Option<String>,
    /// The address of that port. What is told there is for operators, not for the world [default: 127.0.0.1].
    #[arg(long, global = true, env = "JOBAPP_METRICS_BIND", value_name = "ADDRESS")]
    pub metrics_bind: Option<String>,
    /// The settings among them that come from the environment.
    #[arg(skip)]
    pub from_environment: BTreeSet<String>,
    /// What the environment says of traces. It has variables of its own for that, which are no flags.
    #[arg(skip)]
    pub of_traces: Vec<(String, String)>,
}

impl Flags {
    /// Everything that was set, and where.
    pub(crate) fn sources(&self) -> Sources {
        let set = [
            ("bind", "BIND", &self.bind),
            ("port", "PORT", &self.port),
            ("client_url", "CLIENT_URL", &self.client_url),
            ("public_url", "JOBAPP_PUBLIC_URL", &self.public_url),
            ("allowed_origins", "JOBAPP_ALLOWED_ORIGINS", &self.allowed_origins),
            ("dev", "JOBAPP_DEV", &self.dev),
            ("seed_routes", "JOBAPP_SEED_ROUTES", &self.seed_routes),
            ("body_limit", "JOBAPP_BODY_LIMIT", &self.body_limit),
            ("picture_body_limit", "JOBAPP_PICTURE_BODY_LIMIT", &self.picture_body_limit),
            ("file_body_limit", "JOBAPP_FILE_BODY_LIMIT", &self.file_body_limit),
            ("compat", "JOBAPP_COMPAT", &self.compat),
            ("jwt_token", "JWT_TOKEN", &self.jwt_token),
            ("gateway_jwt_token", "GATEWAY_JWT_TOKEN", &self.gateway_jwt_token),
            ("trusted_proxies", "JOBAPP_TRUSTED_PROXIES", &self.trusted_proxies),
            ("rate_limits", "JOBAPP_RATE_LIMITS", &self.rate_limits),
            ("cache_seconds", "JOBAPP_CACHE_SECONDS", &self.cache_seconds),
            ("max_connections", "JOBAPP_MAX_CONNECTIONS", &self.max_connections),
            ("max_connections_per_address", "JOBAPP_MAX_CONNECTIONS_PER_ADDRESS", &self.max_connections_per_address),
            ("log", "JOBAPP_LOG", &self.log),
            ("log_format", "JOBAPP_LOG_FORMAT", &self.log_format),
            ("log_server", "JOBAPP_LOG_SERVER", &self.log_server),
            ("metrics_port", "JOBAPP_METRICS_PORT", &self.metrics_port),
            ("metrics_bind", "JOBAPP_METRICS_BIND", &self.metrics_bind),
        ];
        let of_traces = Sources::new().environment(self.of_traces.iter().cloned());
        set.into_iter().fold(of_traces, |sources, (name, variable, value)| match value {
            None => sources,
            Some(value) if self.from_environment.contains(name) => {
                sources.environment([(variable.to_owned(), value.clone())])
            }
            Some(value) => sources.flag(name, value.clone()),
        })
    }
}
