//! `analytics …`: how sellers and gigs were rated.

use clap::Subcommand;
use jobapp_review_service::ReviewPorts;
use serde_json::json;

use crate::output::{Answer, progress_bar};

/// Commands for the analytics of reviews.
#[derive(Debug, Subcommand)]
pub enum AnalyticsCommand {
    /// Count them anew from the stored reviews. Whoever asks meanwhile is answered as before.
    Rebuild,
}

/// Does what the command says. A store that knows how many reviews there are says so in `total`.
///
/// # Errors
/// What the store or the analytics say, or that another process does the same; the analytics are as before then.
pub async fn run(ports: &ReviewPorts, command: &AnalyticsCommand, total: Option<u64>) -> anyhow::Result<Answer> {
    match command {
        AnalyticsCommand::Rebuild => {
            let progress = progress_bar("reviews", total)?;
            let told = |done| progress.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            let count = ports.rebuild_analytics(&told).await?;
            progress.finish_and_clear();
            Ok(Answer::new(vec![format!("The analytics count {count} ratings.")], json!({ "ratings": count })))
        }
    }
}
