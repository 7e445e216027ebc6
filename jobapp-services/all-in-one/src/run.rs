//! The program: reads settings, starts what was asked for, stops politely.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program speaks to its user")]

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use jobapp_runtime::{Logging, STOP_LIMIT, Shutdown, Signals, listen, reserve_descriptors, start_logging};

use crate::cli::{Cli, Command};
use crate::{Folder, Marketplace, Settings, demo, dump, operator, people, private, storage};

/// Does what the command line says. Failures are one message on standard error and exit code 1.
pub fn run(cli: Cli) -> ExitCode {
    private::from_now_on();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the system gives no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = prepare(&cli).and_then(|(settings, logging)| Ok((runtime.block_on(start(cli, &settings))?, logging)));
    // Blocking work that nobody waits for any more must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match outcome {
        Ok((code, _logging)) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn prepare(cli: &Cli) -> anyhow::Result<(Settings, Logging)> {
    let settings = Settings::load(&cli.settings)?;
    let logging = start_logging(settings.log_format, &settings.log)?;
    Ok((settings, logging))
}

async fn start(cli: Cli, settings: &Settings) -> anyhow::Result<ExitCode> {
    match cli.command {
        None | Some(Command::Serve) => serve(settings, cli.settings.demo).await,
        Some(Command::Search(command)) => operator::search(settings, &command).await,
        Some(Command::DeadLetters(command)) => operator::dead_letters(settings, &command).await,
        Some(Command::Operator(command)) => people::operator(settings, &command).await,
        Some(Command::Keys(command)) => people::keys(settings, &command),
        Some(Command::Check) => {
            let is_well = storage::check(&settings.data).await?;
            Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(Command::Dump { canonical }) => dump::print(settings, canonical).await,
    }
}

async fn serve(settings: &Settings, fill: bool) -> anyhow::Result<ExitCode> {
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
    let signals = Signals::listen().context("the system does not let us listen for signals")?;
    let shutdown = Shutdown::new();
    let marketplace = Marketplace::start(settings, &folder, &public_url, &shutdown).await?;
    let server = settings.server(reserve_descriptors(settings.max_connections));
    jobapp_runtime::serve(&shutdown, listener, marketplace.door(), server);

    print!("{}", greeting(settings, &public_url, port));
    std::io::stdout().flush().context("standard output is closed")?;
    if fill {
        let local = format!("http://localhost:{port}");
        let filling = async {
            if demo::is_filled(&local).await? {
                println!("The demo is there already.");
                return anyhow::Ok(());
            }
            demo::fill(&local, &marketplace.confirm_payments()).await?;
            println!(
                "The demo is filled in. Sign in as Iria (sells) or Marta (buys); the password is \"{}\".",
                demo::PASSWORD
            );
            Ok(())
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
