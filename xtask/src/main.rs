//! The front door for tests, checks and benches: `cargo xtask`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks to its user")]

mod bench;
mod dist;
mod docs;
mod layers;
mod openapi;
mod profile;
mod sources;
mod suites;
mod test;
mod up;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tests, checks and benches of JobApp")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test, with the servers they need in containers; `test fast` runs those that need none.
    ///
    /// Where no container engine answers and no official image can be pulled, root on Debian gets both: see `docs/testing.md`.
    Test {
        /// `fast` first, and what is passed on to `cargo test`, such as `-p jobapp-orders` or a part of a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the eight services on servers in containers, beside each other on this machine, until Ctrl-C.
    ///
    /// Where no container engine answers and no official image can be pulled, root on Debian gets both: see `docs/testing.md`.
    Up {
        /// Build the programs optimised; it takes longer.
        #[arg(long)]
        release: bool,
        /// What is passed on, such as `--each 2 --databases both`; `--help` behind `--` tells all.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Write the page of all settings of the eight programs, as these tell them: `docs/settings.md`.
    Settings,
    /// Everything a change must pass: format, clippy, layers, docs, the OpenAPI document, all tests.
    Ci {
        /// Without the tests that need servers.
        #[arg(long)]
        fast: bool,
    },
    /// Check that the core stays pure and every driver has one user.
    Layers,
    /// Check that every path the documentation names exists.
    DocPaths,
    /// Check that the marketplace does what its OpenAPI document says: schemathesis calls every operation, signed in.
    ///
    /// Python with its module `venv` is needed; schemathesis is installed below `target`.
    Openapi {
        /// Only the paths this regular expression finds, such as `/gig/`.
        only: Option<String>,
    },
    /// Build `jobapp` as it is to be distributed: optimised as a whole, with a profile of itself at work.
    ///
    /// `llvm-profdata` is needed. Two builds of everything: some forty minutes on two cores.
    Dist,
    /// Measure and print figures; nothing fails.
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Subcommand)]
enum Bench {
    /// Start, memory and CPU of the one binary with 10,000 gigs.
    Footprint {
        /// How many gigs.
        #[arg(long, default_value_t = 10_000)]
        gigs: usize,
        /// Another `jobapp` than that of a release build, such as `target/dist/jobapp`.
        #[arg(long)]
        program: Option<PathBuf>,
    },
    /// A small answer through the gateway with every rule on, next to nginx on the same core.
    ///
    /// The gateway is built with a profile of itself at this work (`llvm-profdata` is needed): two builds of the whole,
    /// ten minutes and more on two cores, and again after each change of the code.
    Gateway {
        /// How long each measurement takes.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Without a profile: one build.
        #[arg(long)]
        plain: bool,
    },
    /// Memory of idle signed-in sockets in the gateway.
    Realtime {
        /// How many.
        #[arg(long, default_value_t = 5_000)]
        sockets: usize,
    },
    /// Messages, gigs, orders and sign-ups over 1, 32 and 256 connections: rates, times, CPU and fsyncs of each, with all that
    /// follows it.
    ///
    /// fsyncs are counted where `perf` is installed and may count them.
    Writes {
        /// How long each figure is measured.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Another `jobapp` than that of a release build, such as `target/dist/jobapp`.
        #[arg(long, conflicts_with = "on")]
        program: Option<PathBuf>,
        /// Measure the eight programs, with servers in containers: on `postgres`, `mysql`, `both` or `polyglot`.
        #[arg(long)]
        on: Option<String>,
        /// Measure these alone: `messages`, `gigs`, `orders`, `sign-ups`.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// A search and lists of orders over 1 and 32 connections: rates, times and CPU of each.
    Reads {
        /// How long each figure is measured.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Another `jobapp` than that of a release build, such as `target/dist/jobapp`.
        #[arg(long)]
        program: Option<PathBuf>,
    },
    /// How long each of the eight programs takes to get ready, and what it holds when idle; servers in containers.
    Services,
    /// Events a second from the outbox of each database to the confirm of RabbitMQ, next to publishing alone; servers in containers.
    Relay {
        /// How many events.
        #[arg(long, default_value_t = 20_000)]
        events: usize,
    },
    /// Search over many gigs: building the index, searches, memory; embedded, and in a container.
    Search {
        /// How many gigs.
        #[arg(long, default_value_t = 1_000_000)]
        gigs: usize,
        /// Which indexes: `embedded`, `elasticsearch`.
        #[arg(long, default_value = "embedded,elasticsearch")]
        on: String,
    },
    /// What lists, look-ups and saves take as a store grows; database servers in containers.
    Growth {
        /// Which stores: `sqlite`, `postgres`, `mysql`, `mongodb`.
        #[arg(long, default_value = "sqlite,postgres,mysql,mongodb")]
        on: String,
        /// At how many rows.
        #[arg(long, default_value = "1000,100000,1000000")]
        rows: String,
    },
    /// Sign-ins a second, next to Argon2id alone with the same parameters.
    Signin {
        /// How long each measurement takes.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Test { arguments } => test::run(&arguments),
        Task::Up { release, arguments } => up::run(release, &arguments),
        Task::Settings => up::settings(),
        Task::Ci { fast } => ci(fast),
        Task::Layers => layers::check(),
        Task::DocPaths => docs::check_paths(),
        Task::Openapi { only } => openapi::check(only.as_deref()),
        Task::Dist => dist::build(),
        Task::Bench(Bench::Footprint { gigs, program }) => {
            bench::of_marketplace("footprint", &gigs.to_string(), program.as_deref(), &[])
        }
        Task::Bench(Bench::Services) => up::bench_services(),
        Task::Bench(Bench::Relay { events }) => up::bench_on_servers("relay", &[&events.to_string()]),
        Task::Bench(Bench::Search { gigs, on }) => up::bench_on_servers("search", &[&gigs.to_string(), &on]),
        Task::Bench(Bench::Growth { on, rows }) => up::bench_on_servers("growth", &[&on, &rows]),
        Task::Bench(Bench::Writes { seconds, on: Some(databases), only, .. }) => {
            up::bench_writes(&databases, seconds, &only)
        }
        Task::Bench(Bench::Writes { seconds, program, on: None, only }) => {
            bench::of_marketplace("writes", &seconds.to_string(), program.as_deref(), &only)
        }
        Task::Bench(Bench::Reads { seconds, program }) => {
            bench::of_marketplace("reads", &seconds.to_string(), program.as_deref(), &[])
        }
        Task::Bench(Bench::Gateway { seconds, plain }) => bench::gateway(seconds, plain),
        Task::Bench(Bench::Realtime { sockets }) => bench::realtime(sockets),
        Task::Bench(Bench::Signin { seconds }) => bench::signin(seconds),
    }
}

fn ci(fast: bool) -> anyhow::Result<()> {
    step("format");
    cargo(&["fmt", "--all", "--check"], &[])?;
    step("layers");
    layers::check()?;
    step("paths in the documentation");
    docs::check_paths()?;
    step("clippy");
    cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"], &[])?;
    step("documentation");
    cargo(&["doc", "--workspace", "--all-features", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    step("OpenAPI document");
    openapi::check(None)?;
    step("tests");
    let without_servers = ["fast".to_owned()];
    test::run(if fast { &without_servers } else { &[] })
}

/// Says what comes next.
pub(crate) fn step(name: &str) {
    eprintln!("\n== {name}");
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Runs cargo in the workspace and fails with it.
pub(crate) fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    finish(cargo_command(arguments).envs(environment.iter().copied()))
}

/// Cargo in the workspace, to be run.
pub(crate) fn cargo_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command and fails with it.
pub(crate) fn finish(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} could not be started"))?;
    if !status.success() {
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        bail!("{program} {} failed", arguments.join(" "));
    }
    Ok(())
}
