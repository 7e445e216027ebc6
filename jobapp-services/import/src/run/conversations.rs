//! Conversations. Their summaries come with their messages.

use jobapp_kernel::RepositoryError;

use super::insert::{Outcomes, Ready, Stored, fresh, insert_all};
use super::people::people;
use crate::targets::Targets;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let fresh = fresh(&targets.conversations, rows, &mut outcomes).await?;
    let people = people(targets, rows, &["senderUsername", "receiverUsername"]).await?;
    let mut ready = Vec::new();
    for (row, old) in fresh {
        let Some(translated) = outcomes.translated(row, translate::conversation(old, &people)) else { continue };
        ready.push(Ready { row, value: translated.value, events: Vec::new(), notes: translated.notes });
    }
    insert_all(&targets.conversations, ready, &mut outcomes, stored).await?;
    Ok(outcomes.all())
}
