//! `search …`: the search index.

use clap::Subcommand;
use jobapp_gigs::Indexer;
use serde_json::json;

use crate::output::{Answer, progress_bar};

/// Commands for the search index.
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Make the index anew from the stored gigs. Searches go on meanwhile.
    Rebuild,
}

/// Does what the command says. A store that knows how many gigs there are says so in `total`.
///
/// # Errors
/// What the store or the index says; the index is as before then.
pub async fn run(indexer: &Indexer, command: &SearchCommand, total: Option<u64>) -> anyhow::Result<Answer> {
    match command {
        SearchCommand::Rebuild => rebuild(indexer, total).await,
    }
}

async fn rebuild(indexer: &Indexer, total: Option<u64>) -> anyhow::Result<Answer> {
    let progress = progress_bar("gigs", total)?;
    let told = |done| progress.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    let count = indexer.rebuild(&told).await?;
    progress.finish_and_clear();
    Ok(Answer::new(vec![format!("The search index holds {count} gigs.")], json!({ "documents": count })))
}
