//! Conversations. Their summaries come with their messages.

use jobapp_kernel::{ObjectId, RepositoryError};

use super::insert::{Outcomes, Ready, Stored, insert_all, known, named};
use super::people::people;
use crate::targets::Targets;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let here = known(&targets.conversations, rows.iter().filter_map(|row| named(row, "_id")).collect()).await?;
    let people = people(targets, rows, &["senderUsername", "receiverUsername"]).await?;
    let mut ready = Vec::new();
    for (row, old) in rows.iter().enumerate() {
        if named::<ObjectId>(old, "_id").is_some_and(|id| here.contains_key(&id)) {
            outcomes.set(row, Outcome::There);
            continue;
        }
        let Some(translated) = outcomes.translated(row, translate::conversation(old, &people)) else { continue };
        ready.push(Ready { row, value: translated.value, events: Vec::new(), notes: translated.notes });
    }
    insert_all(&targets.conversations, ready, &mut outcomes, stored).await?;
    Ok(outcomes.all())
}
