//! From a command line to an import.

mod command_line;

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use jobapp_import::{Bars, ImportError, Legacy, Options, Ours, Progress, Silent, Summary, import};
use jobapp_kernel::error_text;
use jobapp_platform::{Address, SealingKey, Store};

use command_line::{CommandLine, OurPlaces};

/// Everything that was read is here.
const DONE: u8 = 0;
/// Some rows were not taken; the report says which and why.
const SOME_REFUSED: u8 = 1;
/// The command line cannot be understood, or asks for what cannot be yet.
const USAGE: u8 = 2;
/// It could not be brought to its end; another run goes on.
const FAILED: u8 = 3;

pub(crate) fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => {
            // Whoever does not read what was wrong cannot be told that either.
            drop(error.print());
            return if error.use_stderr() { USAGE.into() } else { DONE.into() };
        }
    };
    log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure(&anyhow::Error::new(error), FAILED),
    };
    match runtime.block_on(run(&command_line)) {
        Ok(summary) => match told(&command_line, &summary) {
            Ok(()) if summary.total().refused == 0 => DONE.into(),
            Ok(()) => SOME_REFUSED.into(),
            Err(error) => failure(&error, FAILED),
        },
        Err(error) => {
            let is_early = matches!(error.downcast_ref(), Some(ImportError::Missing { .. }));
            failure(&error, if is_early { USAGE } else { FAILED })
        }
    }
}

async fn run(command_line: &CommandLine) -> anyhow::Result<Summary> {
    let old = Legacy::open(&command_line.old.places()).await?;
    let kinds = match command_line.only.as_slice() {
        [] => old.kinds().collect(),
        only => only.iter().copied().collect(),
    };
    let report: Option<Box<dyn Write + Send>> = match &command_line.report {
        None => None,
        Some(path) => {
            let file = File::options().create(true).append(true).open(path);
            let file = file.with_context(|| format!("the report {} cannot be written", path.display()))?;
            Some(Box::new(BufWriter::new(file)))
        }
    };
    let options = Options {
        kinds,
        dry_run: command_line.dry_run,
        again: command_line.again,
        page: usize::from(command_line.page),
        report,
        owner: command_line.owner.clone().unwrap_or_else(name),
    };
    let ours = open(&command_line.ours).await?;
    let progress: Box<dyn Progress> = if std::io::stderr().is_terminal() && !command_line.json {
        Box::new(Bars::default())
    } else {
        Box::new(Silent)
    };
    Ok(Box::pin(import(options, &old, &ours, &*progress)).await?)
}

async fn open(places: &OurPlaces) -> anyhow::Result<Ours> {
    let key = places.sealing_key.as_deref().map(key).transpose()?;
    let store = async |option: &str, place: &str, service: &str| {
        let address = Address::parse(option, place).in_namespace(service);
        Box::pin(Store::open(&address, key)).await.with_context(|| format!("the store of {service}"))
    };
    Ok(Ours {
        auth: store("--auth", &places.auth, "auth").await?,
        users: store("--users", &places.users, "users").await?,
        gig: store("--gig", &places.gig, "gig").await?,
        chat: store("--chat", &places.chat, "chat").await?,
        order: store("--order", &places.order, "order").await?,
        review: store("--review", &places.review, "review").await?,
    })
}

/// A name that no other process has: numbers of processes are the same in many containers.
fn name() -> String {
    format!("import {:016x}", RandomState::new().hash_one(std::process::id()))
}

fn key(text: &str) -> anyhow::Result<SealingKey> {
    let mut key = SealingKey::default();
    hex::decode_to_slice(text, &mut key).context("JOBAPP_SEALING_KEY is not 64 hexadecimal digits")?;
    Ok(key)
}

/// Tells what it came to.
fn told(command_line: &CommandLine, summary: &Summary) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if command_line.json {
        serde_json::to_writer(&mut out, summary)?;
        writeln!(out)?;
        return Ok(());
    }
    write!(out, "{summary}")?;
    if command_line.dry_run {
        writeln!(out, "Nothing was stored.")?;
    }
    Ok(())
}

fn failure(error: &anyhow::Error, code: u8) -> ExitCode {
    // The sources of our errors say what they do not.
    let text = error_text(error.as_ref());
    drop(writeln!(std::io::stderr().lock(), "jobapp-import: {text}"));
    code.into()
}

fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("JOBAPP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
