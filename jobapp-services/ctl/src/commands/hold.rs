//! `hold`: a command is run while nothing is under way between services, so that copies of several databases fit together.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use jobapp_kernel::Queues;
use jobapp_runtime::{Exclusive, holding_back};
use jobapp_wire::queues;
use tokio::process::Command;
use tokio::time::Instant;

use crate::output::complain;

/// How long queues have to be empty: a broker does not tell what is with consumers, which have done it by then.
const EMPTY_FOR: Duration = Duration::from_secs(10);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs a command, such as one that copies databases, while events wait in the databases and nothing is in the queues: copies that are
/// made then fit together, one after the other, on however many servers. People go on meanwhile; what follows from what they
/// do is late. Ends with the exit code of the command.
///
/// Dead letters stay in their queues, and are in no copy.
#[derive(Debug, Clone, Args)]
pub struct HoldCommand {
    /// How long the queues may take to become empty, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub patience: u64,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Holds the events of these stores back, waits until the queues are empty, and runs the command: how it ended.
///
/// # Errors
/// When events cannot be held back to the end, queues do not become empty, or the command cannot be run.
pub async fn run(
    stores: &[(String, Exclusive)],
    lengths: &dyn Queues,
    command: &HoldCommand,
) -> anyhow::Result<ExitStatus> {
    let (name, arguments) = command.command.split_first().context("there is no command")?;
    complain("events are held back …");
    let done = holding_back(stores, async {
        let dead = emptied(lengths, Duration::from_secs(command.patience)).await?;
        if dead > 0 {
            complain(format_args!("warning: {dead} dead letters are in no copy: jobapp-ctl dead-letters list"));
        }
        complain(format_args!("nothing is under way; running {name} …"));
        // It ends with us, also when the hold is lost.
        let mut running = Command::new(name).args(arguments).kill_on_drop(true).spawn();
        let running = running.as_mut().map_err(|error| anyhow::anyhow!("{name} cannot be run: {error}"))?;
        running.wait().await.with_context(|| format!("the end of {name} is not known"))
    });
    done.await?
}

/// Waits until nothing is in the queues: how many dead letters there are.
async fn emptied(lengths: &dyn Queues, patience: Duration) -> anyhow::Result<u64> {
    let began = Instant::now();
    let mut empty_since = None;
    loop {
        let (mut waiting, mut dead) = (Vec::new(), 0);
        for queue in queues::ALL {
            let Some(length) = lengths.length(queue.name).await? else { continue };
            dead += length.dead;
            let count = length.waiting + length.in_flight.unwrap_or(0);
            if count > 0 {
                waiting.push(format!("{} ({count})", queue.name));
            }
        }
        if waiting.is_empty() {
            if empty_since.get_or_insert_with(Instant::now).elapsed() >= EMPTY_FOR {
                return Ok(dead);
            }
        } else {
            empty_since = None;
            ensure!(
                began.elapsed() < patience,
                "queues are not empty after {} s: {}. What waits there is tried again later, or has no consumer: jobapp-ctl status; \
                 or wait longer with --patience",
                patience.as_secs(),
                waiting.join(", ")
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
