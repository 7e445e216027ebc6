//! Buyers, of whom the other services hear as of new ones.

use jobapp_kernel::RepositoryError;
use jobapp_users::{Buyer, BuyerEvent};

use super::insert::{Outcomes, Ready, Stored, fresh, insert_all, text};
use super::people::accounts;
use crate::targets::Targets;
use crate::translate::stored_name;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let fresh = fresh(&targets.buyers, rows, &mut outcomes).await?;
    let accounts = accounts(targets, rows, "username").await?;
    let mut ready = Vec::new();
    for (row, old) in fresh {
        let account = text(old, "username").and_then(|name| accounts.get(&stored_name(name)));
        let Some(translated) = outcomes.translated(row, translate::buyer(old, account)) else { continue };
        let events = vec![created(&translated.value)];
        ready.push(Ready { row, value: translated.value, events, notes: translated.notes });
    }
    insert_all(&targets.buyers, ready, &mut outcomes, stored).await?;
    Ok(outcomes.all())
}

fn created(buyer: &Buyer) -> BuyerEvent {
    BuyerEvent::BuyerCreated {
        buyer_id: *buyer.buyer_id(),
        username: buyer.username().to_owned(),
        email: buyer.email().to_owned(),
        picture: buyer.picture().to_owned(),
        country: buyer.country().to_owned(),
    }
}
