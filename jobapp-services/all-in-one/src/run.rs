//! The program: reads settings, starts what was asked for, stops politely.

use std::process::ExitCode;

use anyhow::Context;
use jobapp_ctl::NobodyReads;
use jobapp_metrics::Metrics;
use jobapp_platform::config::Tracing;
use jobapp_platform::{LogServer, WaitError, keep_private, observe_logs, start_metrics, start_traces};
use jobapp_runtime::{Logging, STOP_LIMIT, Shutdown, Signals, behind, listen, start_logging};
use jobapp_telemetry::{Telling, Traces};
use tokio::runtime::Handle;

use crate::cli::{Cli, Command};
use crate::demo::Demo;
use crate::{Folder, Marketplace, Settings, backup, check, dump, operator, people, storage};

/// Does what the command line says. Failures are one message on standard error and exit code 1, or 2 where a command was not given what it needs.
pub fn run(cli: Cli) -> ExitCode {
    keep_private();
    let threads =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().and_then(|runtime| Ok((runtime, behind()?)));
    let (runtime, behind) = match threads {
        Ok(threads) => threads,
        Err(error) => {
            jobapp_ctl::complain(format_args!("error: the system gives no threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = prepare(&cli).map(|(settings, observed, telling)| {
        let outcome = runtime.block_on(start(cli, &settings, &observed, behind.handle()));
        (outcome, telling, observed)
    });
    // Blocking work that nobody waits for any more must not hold up the end.
    behind.shutdown_timeout(std::time::Duration::from_secs(2));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    let outcome = outcome.and_then(|(outcome, telling, observed)| {
        // Behind everything: what else there is to tell is told by then, and nobody waits for it.
        drop(telling);
        drop(observed);
        outcome
    });
    outcome.unwrap_or_else(|error| jobapp_ctl::exit_code(&error))
}

/// What tells how the process is. What is logged at the end is shipped, too; and what became of that is written.
struct Observed {
    metrics: Metrics,
    traces: Traces,
    log_server: Option<LogServer>,
    _logging: Logging,
}

fn prepare(cli: &Cli) -> anyhow::Result<(Settings, Observed, Telling)> {
    let settings = Settings::load(&cli.settings)?;
    // Commands tell whoever gave them.
    let is_server = matches!(cli.command, None | Some(Command::Serve)) && !cli.settings.check;
    let log_server = settings.log_server.as_ref().filter(|_| is_server).map(LogServer::open).transpose()?;
    let beside = log_server.as_ref().map(LogServer::beside);
    let logging = start_logging(settings.log_format, &settings.log, "jobapp", beside)?;
    let metrics = Metrics::new();
    let tracing = if is_server { settings.tracing.clone() } else { Tracing { to: None } };
    let (traces, telling) = start_traces(&tracing, &metrics)?;
    Ok((settings, Observed { metrics, traces, log_server, _logging: logging }, telling))
}

async fn start(cli: Cli, settings: &Settings, observed: &Observed, behind: &Handle) -> anyhow::Result<ExitCode> {
    match cli.command {
        None | Some(Command::Serve) if cli.settings.check => check::check(settings).await,
        None | Some(Command::Serve) => serve(settings, cli.settings.demo, observed, behind).await,
        Some(Command::Search(command)) => operator::search(settings, &command).await,
        Some(Command::Analytics(command)) => operator::analytics(settings, &command).await,
        Some(Command::DeadLetters(command)) => operator::dead_letters(settings, &command).await,
        Some(Command::Operator(command)) => people::operator(settings, &command).await,
        Some(Command::Status(command)) => operator::status(settings, &command).await,
        Some(Command::Sessions(command)) => people::sessions(settings, &command).await,
        Some(Command::Keys(command)) => people::keys(settings, &command),
        Some(Command::Check) => {
            let is_well = storage::check(&settings.data).await?;
            Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(Command::Health) => {
            jobapp_ctl::say(jobapp_platform::ask_ready(settings.address)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Dump { canonical }) => dump::print(settings, canonical).await,
        Some(Command::Backup { target }) => backup::backup(settings, &target).await,
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::definition(), "jobapp", &mut script);
            jobapp_ctl::say(String::from_utf8(script).context("the script is no text")?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn serve(settings: &Settings, fill: bool, observed: &Observed, behind: &Handle) -> anyhow::Result<ExitCode> {
    let Observed { metrics, traces, log_server, .. } = observed;
    // The port first: somebody who starts the program twice should hear of that before anything is opened.
    let listener = listen(settings.address).await?;
    let port = listener.local_addr().context("the address cannot be told")?.port();
    if settings.exposes_developer_pages() {
        tracing::warn!(
            "developer mode is on where others may reach it: the mailbox shows links and codes that open accounts"
        );
    }
    let folder = Folder::open(&settings.data)?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| format!("http://localhost:{port}"));
    let mut signals = Signals::listen().context("the system does not let us listen for signals")?;
    let shutdown = Shutdown::with_threads_behind(behind.clone());
    let demo = Demo::open(&folder)?;
    if settings.is_exposed() && demo.as_ref().is_some_and(Demo::has_known_password) {
        tracing::warn!(
            "the accounts of the demo have the password that everybody knows, and others may reach them; start on a new folder"
        );
    }
    observe_logs(metrics, log_server.as_ref());
    start_metrics(&shutdown, metrics, settings.observing).await.context("nobody can read metrics")?;
    let starting = Box::pin(Marketplace::start(settings, &folder, &public_url, (metrics, traces), &shutdown));
    let marketplace = match shutdown.starting(&mut signals, starting).await {
        Ok(marketplace) => marketplace,
        Err(error) => {
            if !error.downcast_ref().is_some_and(|error| matches!(error, WaitError::Stopped(_))) {
                return Err(error);
            }
            let ended = shutdown.run_with(signals, STOP_LIMIT).await;
            return Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    };
    jobapp_runtime::serve(&shutdown, listener, marketplace.door(), settings.server());

    tell(greeting(settings, &public_url, port))?;
    if fill {
        let local = format!("http://localhost:{port}");
        let filling = async {
            let (demo, is_new) =
                Demo::fill(demo, &local, &folder, settings.is_exposed(), &marketplace.confirm_payments()).await?;
            tell(demo.introduction(is_new, settings.developer_mode.then_some(&*local)))
        };
        tokio::select! {
            filled = filling => filled.context("the demo could not be filled in")?,
            () = shutdown.token().cancelled() => {}
        }
    }
    let ended = shutdown.run_with(signals, STOP_LIMIT).await;
    marketplace.close().await;
    drop(folder);
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells whoever started the server. It runs on when nobody reads.
fn tell(text: impl std::fmt::Display) -> anyhow::Result<()> {
    match jobapp_ctl::say(text) {
        Err(error) if error.is::<NobodyReads>() => Ok(()),
        told => told,
    }
}

fn greeting(settings: &Settings, public_url: &str, port: u16) -> String {
    let local = format!("http://localhost:{port}");
    let mut text = format!(
        "JobApp is running. Ctrl-C stops it.\n\n\
         API       {local}{}\n\
         Docs      {local}/docs\n",
        jobapp_client::Client::API
    );
    if settings.developer_mode {
        text.push_str(&format!("Mailbox   {local}/_dev/mail\nPayments  {local}/_dev/payments\n"));
    }
    let client = settings.client_url.as_deref().unwrap_or("none; links in mails lead to pages of this server");
    text.push_str(&format!("Client    {client}\nData      {}\n", settings.data.display()));
    if public_url != local {
        text.push_str(&format!("Public    {public_url}\n"));
    }
    text
}
