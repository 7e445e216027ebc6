//! What commands say to their user.
//!
//! `println!` panics once nobody reads any more, as behind `| head -1`: a command ends then, and a server goes on.

use std::fmt::Display;
use std::io::{self, BufRead, BufWriter, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jobapp_runtime::error_text;
use serde_json::Value;

/// How a command answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct Form {
    /// Answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What a command has to tell, once for people and once for programs.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// For people.
    pub lines: Vec<String>,
    /// For programs.
    pub json: Value,
    /// What people should know beside it; goes to standard error.
    pub warnings: Vec<String>,
    /// Whether all is as it should be: otherwise the exit code is 1.
    pub is_well: bool,
}

impl Answer {
    /// This, and all is well.
    pub const fn new(lines: Vec<String>, json: Value) -> Self {
        Self { lines, json, warnings: Vec::new(), is_well: true }
    }

    /// Tells it, and says with which exit code to end.
    ///
    /// # Errors
    /// As [`say`].
    pub fn tell(self, form: Form) -> anyhow::Result<ExitCode> {
        match form.json {
            true => say(&self.json)?,
            false => lines(&self.lines)?,
        }
        for warning in &self.warnings {
            complain(format_args!("warning: {warning}"));
        }
        Ok(if self.is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The command was not given what it needs: the exit code is 2, as for a command line that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Nobody reads standard output any more. A command that is told so has nothing left to do; it has not failed.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct NobodyReads;

/// Says what kept a command from its end, and with which exit code to end.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    // As behind `| head`: whoever asked has seen enough.
    if error.is::<NobodyReads>() {
        return ExitCode::SUCCESS;
    }
    complain(format_args!("error: {}", error_text(error.as_ref())));
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// Writes a line, or several, to standard output.
///
/// # Errors
/// [`NobodyReads`], or what else kept the text from being written, such as a full disk.
pub fn say(text: impl Display) -> anyhow::Result<()> {
    lines([text])
}

/// Writes many lines to standard output.
///
/// # Errors
/// As [`say`].
pub fn lines(lines: impl IntoIterator<Item = impl Display>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let write = || {
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()
    };
    write().map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => anyhow::Error::new(NobodyReads),
        _ => anyhow::Error::new(error).context("standard output cannot be written"),
    })
}

/// Writes a line to standard error. Where that is closed, too, there is nobody left to tell.
pub fn complain(text: impl Display) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Shows how far something is, of how many things if that is known. On a terminal only.
///
/// # Errors
/// Never: its template is one.
pub(crate) fn progress_bar(things: &str, total: Option<u64>) -> anyhow::Result<ProgressBar> {
    Ok(match total {
        Some(total) => {
            let style = ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {things}, {{elapsed}}"))?;
            ProgressBar::new(total).with_style(style)
        }
        None => {
            let style = ProgressStyle::with_template(&format!("{{spinner}} {{pos}} {things}, {{elapsed}}"))?;
            ProgressBar::no_length().with_style(style)
        }
    })
}

/// Asks whether something is really meant.
pub type Confirm<'a> = &'a (dyn Fn(&str) -> anyhow::Result<bool> + Send + Sync);

/// Asks on the terminal.
///
/// # Errors
/// [`Usage`] where there is none: nobody is there to be asked.
pub fn asking(question: &str) -> anyhow::Result<bool> {
    let stdin = io::stdin();
    if !stdin.is_terminal() || !io::stderr().is_terminal() {
        return Err(Usage(format!("{question} Nobody is there to be asked: say --yes if it is meant")).into());
    }
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ").and_then(|()| err.flush())?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
