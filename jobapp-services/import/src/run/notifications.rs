//! Notifications about orders.

use jobapp_kernel::RepositoryError;

use super::insert::{Outcomes, Ready, Stored, fresh, insert_all, text};
use super::people::people;
use super::reviews::orders;
use crate::targets::Targets;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let fresh = fresh(&targets.notifications, rows, &mut outcomes).await?;
    let people = people(targets, rows, &["userTo"]).await?;
    let orders = orders(targets, rows).await?;
    let mut ready = Vec::new();
    for (row, old) in fresh {
        let order = text(old, "orderId").and_then(|number| orders.get(number));
        let Some(translated) = outcomes.translated(row, translate::notification(old, &people, order)) else { continue };
        ready.push(Ready { row, value: translated.value, events: Vec::new(), notes: translated.notes });
    }
    insert_all(&targets.notifications, ready, &mut outcomes, stored).await?;
    Ok(outcomes.all())
}
