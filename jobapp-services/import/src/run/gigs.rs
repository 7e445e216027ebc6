//! Gigs, of which the other services hear as of changed ones: their sellers counted them already.

use jobapp_directory::SellerId;
use jobapp_gigs::{FIRST_SORT_ID, Gig, GigEvent, GigState};
use jobapp_kernel::{Aggregate, RepositoryError};

use super::insert::{Outcomes, Ready, Stored, fresh, insert_all, known, named};
use crate::targets::Targets;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let fresh = fresh(&targets.gigs, rows, &mut outcomes).await?;
    let gone = known(&targets.deleted_gigs, rows.iter().filter_map(|row| named(row, "_id")).collect()).await?;
    let sellers = known(&targets.sellers, rows.iter().filter_map(|row| named(row, "sellerId")).collect()).await?;
    let mut ready = Vec::new();
    for (row, old) in fresh {
        if named::<jobapp_chat::GigId>(old, "_id").is_some_and(|id| gone.contains_key(&id)) {
            outcomes.set(row, Outcome::Refused("it was deleted here".to_owned()));
            continue;
        }
        let seller = named::<SellerId>(old, "sellerId").and_then(|id| sellers.get(&id));
        let Some(translated) = outcomes.translated(row, translate::gig(old, seller)) else { continue };
        let mut listing = translated.value;
        // Checked before it gets a number, so that none is lost.
        listing.sort_id = FIRST_SORT_ID;
        if let Err(error) = Gig::from_state(GigState::V1(Box::new(listing.clone()))) {
            outcomes.set(row, Outcome::Refused(error.to_string()));
            continue;
        }
        listing.sort_id = targets.gig_numbers.next(Gig::NUMBERS, FIRST_SORT_ID).await?;
        let event = GigEvent::Saved { gig: Box::new(listing.clone()), at: listing.created_at };
        match Gig::from_state(GigState::V1(Box::new(listing))) {
            Ok(value) => ready.push(Ready { row, value, events: vec![event], notes: translated.notes }),
            Err(error) => outcomes.set(row, Outcome::Refused(error.to_string())),
        }
    }
    insert_all(&targets.gigs, ready, &mut outcomes, stored).await?;
    Ok(outcomes.all())
}
