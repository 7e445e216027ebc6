//! Sellers, of whom the other services hear as of new ones.

use jobapp_kernel::{Aggregate, RepositoryError};
use jobapp_users::{Seller, SellerEvent, SellerState};

use super::insert::{Outcomes, Ready, Stored, fresh, insert_all, text};
use super::people::{accounts, people};
use crate::targets::Targets;
use crate::translate::stored_name;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let fresh = fresh(&targets.sellers, rows, &mut outcomes).await?;
    let accounts = accounts(targets, rows, "username").await?;
    let people = people(targets, rows, &["username"]).await?;
    let mut ready = Vec::new();
    for (row, old) in fresh {
        let account = text(old, "username").and_then(|name| accounts.get(&stored_name(name)));
        let Some(translated) = outcomes.translated(row, translate::seller(old, account)) else { continue };
        let mut state = translated.value;
        // The users service marks the buyer of every seller it hears of: news of one without would wait for him in vain.
        if let Err(refusal) = people.named(&state.username) {
            outcomes.set(row, Outcome::Refused(format!("it has no buyer: {refusal}")));
            continue;
        }
        state.number = targets.seller_numbers.next(Seller::NAME, 1).await?;
        match Seller::from_state(SellerState::V1(Box::new(state))) {
            Ok(value) => {
                ready.push(Ready { row, events: vec![written(&value)], value, notes: translated.notes });
            }
            Err(error) => outcomes.set(row, Outcome::Refused(error.to_string())),
        }
    }
    insert_all(&targets.sellers, ready, &mut outcomes, stored).await?;
    Ok(outcomes.all())
}

fn written(seller: &Seller) -> SellerEvent {
    let profile = seller.profile();
    SellerEvent::ProfileWritten {
        seller_id: *seller.seller_id(),
        username: seller.username().to_owned(),
        email: seller.email().to_owned(),
        picture: profile.picture.clone(),
        country: profile.country.clone(),
        full_name: profile.full_name.clone(),
        oneliner: profile.oneliner.clone(),
    }
}
