//! `import`: takes over what the existing system keeps.

mod bars;

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use jobapp_import::{ImportError, Kind, OldSystem, Options, Ours, PAGE, Summary, import};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::bars::Bars;
use crate::output::{Answer, Form, Usage};

/// What to import, and how.
#[derive(Debug, Args)]
pub struct ImportCommand {
    /// The data folder of the one binary, which must be stopped: import into it instead of the databases of the eight programs.
    #[arg(long, env = "JOBAPP_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Only this kind: accounts, buyers, sellers, gigs, conversations, messages, orders, notifications or reviews; may be repeated.
    #[arg(long, value_name = "KIND")]
    pub only: Vec<Kind>,
    /// Do everything but store, and say what it would come to.
    #[arg(long)]
    pub dry_run: bool,
    /// Begin with the first row again, for those that were refused and may be taken by now.
    #[arg(long)]
    pub again: bool,
    /// Append a line of JSON to this file for each row that is not taken, or not taken as it is.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// What this run is known by to others. One with the name of a run that was killed goes on at once; one with another name waits
    /// for half a minute until that one is given up.
    #[arg(long, value_name = "NAME", env = "JOBAPP_IMPORT_OWNER")]
    pub owner: Option<String>,
    /// How many rows are read at a time.
    #[arg(long, value_name = "ROWS", default_value_t = PAGE, value_parser = page)]
    pub page: usize,
    /// How to answer.
    #[command(flatten)]
    pub form: Form,
}

/// A page is kept in memory.
const LARGEST_PAGE: usize = 10_000;

fn page(text: &str) -> Result<usize, String> {
    let rows = text.parse().ok().filter(|rows| (1..=LARGEST_PAGE).contains(rows));
    rows.ok_or_else(|| format!("it is not 1 to {LARGEST_PAGE} rows"))
}

/// Does what the command says. What can be read is of these kinds. It ends early, and leaves everything to the next run, when `stop` is
/// cancelled.
///
/// # Errors
/// [`Usage`] when a kind is wanted that cannot be read, or that speaks of one that is not here yet; what the existing system, the stores
/// or the report say.
pub async fn run(
    command: &ImportCommand,
    old: &dyn OldSystem,
    readable: &BTreeSet<Kind>,
    ours: &Ours,
    stop: CancellationToken,
) -> anyhow::Result<Answer> {
    let kinds = kinds(&command.only, readable)?;
    let options = Options {
        kinds,
        dry_run: command.dry_run,
        again: command.again,
        page: command.page,
        report: command.report.as_deref().map(report).transpose()?,
        owner: command.owner.clone().unwrap_or_else(name),
        stop,
    };
    let bars = Bars::default();
    let done = Box::pin(import(options, old, ours, &bars)).await;
    bars.clear()?;
    match done {
        Ok(summary) => Ok(answer(command, &summary)),
        Err(error @ ImportError::Missing { .. }) => Err(Usage(error.to_string()).into()),
        Err(error) => Err(error.into()),
    }
}

/// Those that are wanted, or all that can be read.
fn kinds(wanted: &[Kind], readable: &BTreeSet<Kind>) -> anyhow::Result<BTreeSet<Kind>> {
    let wanted: BTreeSet<Kind> = if wanted.is_empty() { readable.clone() } else { wanted.iter().copied().collect() };
    if let Some(kind) = wanted.difference(readable).next() {
        let variable = kind.service().to_uppercase();
        let text = format!("it is not known where the {kind} of the existing system are: set JOBAPP_OLD_{variable}");
        return Err(Usage(text).into());
    }
    Ok(wanted)
}

fn report(path: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    let file = File::options().create(true).append(true).open(path);
    let file = file.with_context(|| format!("the report {} cannot be written", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}

/// A name that no other process has: numbers of processes are the same in many containers.
fn name() -> String {
    format!("import {:016x}", RandomState::new().hash_one(std::process::id()))
}

fn answer(command: &ImportCommand, summary: &Summary) -> Answer {
    let total = summary.total();
    let mut lines: Vec<String> = summary.to_string().lines().map(ToOwned::to_owned).collect();
    if command.dry_run {
        lines.push("Nothing was stored.".to_owned());
    }
    let json = json!({ "isDryRun": command.dry_run, "kinds": summary, "total": total });
    let mut answer = Answer::new(lines, json);
    answer.is_well = total.refused == 0;
    if total.refused > 0 && command.report.is_none() {
        let text = format!("{} rows are refused; --again --report FILE tells which, and why", total.refused);
        answer.warnings.push(text);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_is_imported_unless_less_is_wanted() {
        let readable = BTreeSet::from([Kind::Accounts, Kind::Gigs]);
        assert_eq!(kinds(&[], &readable).unwrap(), readable);
        assert_eq!(kinds(&[Kind::Gigs, Kind::Gigs], &readable).unwrap(), BTreeSet::from([Kind::Gigs]));
        let unknown = kinds(&[Kind::Gigs, Kind::Messages], &readable).unwrap_err();
        assert!(unknown.is::<Usage>() && unknown.to_string().ends_with("set JOBAPP_OLD_CHAT"), "{unknown}");
    }

    #[test]
    fn pages_have_rows() {
        assert_eq!((page("1"), page("10000")), (Ok(1), Ok(10_000)));
        for text in ["0", "10001", "-1", "many"] {
            assert!(page(text).is_err(), "{text}");
        }
    }
}
