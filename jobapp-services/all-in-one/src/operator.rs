//! Commands for whoever runs the marketplace.

use std::process::ExitCode;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jobapp_gig_service::GigPorts;
use jobapp_gigs::Indexer;
use jobapp_kernel::{DeadLetter, DeadLetters};
use jobapp_platform::{Address, Search, Shared};
use jobapp_review_service::ReviewPorts;
use jobapp_sqlite::{Seal, SqliteBus, SqliteBusConfig};
use jobapp_wire::queues;

use crate::cli::{AnalyticsCommand, DeadLettersCommand, SearchCommand};
use crate::databases::{advised, advised_to_open};
use crate::stores::Stores;
use crate::{Folder, Secrets, Settings, output};

/// What is shown when there are none.
const NONE: &str = "No dead letters.";
/// How many dead letters of a queue are shown.
const SHOWN: usize = 1_000;

/// `jobapp search …`.
pub(crate) async fn search(settings: &Settings, command: &SearchCommand) -> anyhow::Result<ExitCode> {
    match command {
        SearchCommand::Rebuild => {
            let folder = Folder::open_used(&settings.data)?;
            let stores = Box::pin(Stores::open(&folder)).await?;
            let progress = ProgressBar::no_length();
            progress.set_style(ProgressStyle::with_template("{spinner} {pos} gigs, {elapsed}")?);
            let count = rebuild_search(&folder, &stores, &|done| {
                progress.set_position(u64::try_from(done).unwrap_or(u64::MAX))
            })
            .await?;
            progress.finish_and_clear();
            stores.close().await;
            output::say(format_args!("The search index holds {count} gigs."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the search index of a folder anew and returns how many gigs it holds.
async fn rebuild_search(
    folder: &Folder,
    stores: &Stores,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> anyhow::Result<usize> {
    let address = Address::new("--data", "tantivy", folder.within("search"));
    let search = Search::open(&address).context("the search index")?;
    let shared = Shared::in_memory();
    let opening = GigPorts::open(&stores.gig, &shared, &search);
    let ports = opening.await.map_err(advised_to_open).context("the store of gig")?;
    Ok(Indexer::new(ports.gigs, search.index).rebuild(progress).await?)
}

/// `jobapp analytics …`.
pub(crate) async fn analytics(settings: &Settings, command: &AnalyticsCommand) -> anyhow::Result<ExitCode> {
    match command {
        AnalyticsCommand::Rebuild => {
            let folder = Folder::open_used(&settings.data)?;
            let stores = Box::pin(Stores::open(&folder)).await?;
            let progress = ProgressBar::no_length();
            progress.set_style(ProgressStyle::with_template("{spinner} {pos} reviews, {elapsed}")?);
            let ports = ReviewPorts::open(&stores.review, &Shared::in_memory()).await;
            let ports = ports.map_err(advised_to_open).context("the store of review")?;
            let count =
                ports.rebuild_analytics(&|done| progress.set_position(u64::try_from(done).unwrap_or(u64::MAX))).await?;
            progress.finish_and_clear();
            stores.close().await;
            output::say(format_args!("The analytics count {count} ratings."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `jobapp dead-letters …`: works beside a running marketplace too.
pub(crate) async fn dead_letters(settings: &Settings, command: &DeadLettersCommand) -> anyhow::Result<ExitCode> {
    let path = settings.data.join("bus.db");
    if !path.exists() {
        Folder::require_used(&settings.data)?;
        // It was prepared, and never started.
        return match command {
            DeadLettersCommand::List { .. } => output::say(NONE).map(|()| ExitCode::SUCCESS),
            DeadLettersCommand::Replay { id, .. } | DeadLettersCommand::Drop { id, .. } => {
                bail!("there is no dead letter {id}")
            }
        };
    }
    let seal =
        Secrets::read(&settings.data)?.map(|secrets| secrets.sealing_key()).transpose()?.flatten().map(Seal::new);
    let config = SqliteBusConfig { seal, ..SqliteBusConfig::file(path).beside_its_owner() };
    let bus = SqliteBus::open(config).await.map_err(advised).context("the bus cannot be opened")?;
    let done = match command {
        DeadLettersCommand::List { queue } => list(&bus, queue.as_deref()).await,
        DeadLettersCommand::Replay { queue, id } => {
            bus.replay(queue, id).await.map_err(Into::into).map(|()| vec![format!("{id} is back in {queue}.")])
        }
        DeadLettersCommand::Drop { queue, id } => {
            bus.discard(queue, id).await.map_err(Into::into).map(|()| vec![format!("{id} is gone from {queue}.")])
        }
    };
    bus.close().await;
    output::lines(done?)?;
    Ok(ExitCode::SUCCESS)
}

async fn list(bus: &SqliteBus, only: Option<&str>) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for queue in queues::ALL.iter().map(|queue| queue.name).filter(|name| only.is_none_or(|only| only == *name)) {
        for letter in bus.list(queue, SHOWN).await? {
            lines.push(described(&letter));
        }
    }
    if lines.is_empty() {
        lines.push(NONE.to_owned());
    }
    Ok(lines)
}

fn described(letter: &DeadLetter) -> String {
    let DeadLetter { queue, id, died_at, attempts, reason, message, .. } = letter;
    let mut text = format!("{queue}  {id}  {died_at}\n  {} after {attempts} attempts: {reason}", message.kind);
    // Bodies of mail messages hold links and codes that open accounts: they are never printed.
    if let Some(id) = &message.id {
        text.push_str(&format!("\n  message {id}"));
    }
    text
}
