//! Reviews and their totals. Nobody else hears of them: sellers, gigs and orders have counted them already.

use std::collections::{BTreeMap, BTreeSet};

use jobapp_kernel::RepositoryError;
use jobapp_orders::Order;
use jobapp_reviews::{FormerReview, RatedReview, Review, ReviewId, ReviewSide};

use super::insert::{Outcomes, Stored, apart, ask_each, outcome_of, text};
use crate::fields::Translated;
use crate::target::Inserted;
use crate::targets::Targets;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let orders = orders(targets, rows).await?;
    let mut ready = Vec::new();
    for (row, old) in rows.iter().enumerate() {
        let order = text(old, "orderId").and_then(|number| orders.get(number));
        let Some(Translated { value, notes }) = outcomes.translated(row, translate::review(old, order)) else {
            continue;
        };
        ready.push((row, Review::taken_over(value.clone()), value, notes));
    }
    let (at_once, later) = apart(ready, |(_, review, ..)| review)?;
    let write = |(row, _, former, notes): (usize, Review, FormerReview, Vec<String>)| async move {
        Ok::<_, RepositoryError>((row, write(targets, former, notes, stored).await?))
    };
    for (row, outcome) in ask_each(at_once, write).await? {
        outcomes.set(row, outcome);
    }
    for ready in later {
        let (row, outcome) = write(ready).await?;
        outcomes.set(row, outcome);
    }
    Ok(outcomes.all())
}

/// The orders that rows name, by number.
pub(super) async fn orders(targets: &Targets, rows: &[OldRow]) -> Result<BTreeMap<String, Order>, RepositoryError> {
    let numbers: BTreeSet<&str> = rows.iter().filter_map(|row| text(row, "orderId")).collect();
    let found = ask_each(numbers, |number| async move {
        let found = targets.orders.find_by(Order::NUMBER, number.into()).await?;
        Ok(found.map(|stored| (number.to_owned(), stored.value)))
    })
    .await?;
    Ok(found.into_iter().flatten().collect())
}

/// The totals come first: a review that is here is counted.
async fn write(
    targets: &Targets,
    mut former: FormerReview,
    mut notes: Vec<String>,
    stored: Stored<'_>,
) -> Result<Outcome, RepositoryError> {
    let key = Review::order_side(&former.order, former.side);
    if let Some(other) = targets.reviews.find_by(Review::ORDER_SIDE, key).await? {
        let is_same = other.value.created_at() == former.created_at && other.value.text() == former.text;
        let number = *jobapp_kernel::Aggregate::id(&other.value);
        let refused = || Outcome::Refused(format!("that side of the order has review {number} here"));
        return Ok(if is_same { Outcome::There } else { refused() });
    }
    if targets.reviews.find(&former.id).await?.is_some() {
        let number = targets.review_numbers.next(Review::NUMBERS, 1).await?;
        notes.push(format!("id is {}, which is another review's here: it is {number}", former.id));
        former.id = ReviewId(number);
    }
    if let (Some(analytics), ReviewSide::Buyer) = (&targets.analytics, former.side) {
        let (order, at) = (former.order.as_str(), former.created_at);
        let rated = RatedReview::new(order, &former.seller_id, &former.gig_id, former.rating, at);
        let rated = match rated {
            Ok(rated) => rated,
            Err(error) => return Ok(Outcome::Refused(error.to_string())),
        };
        analytics.record(&rated).await?;
    }
    let inserted = targets.reviews.insert(Review::taken_over(former), Vec::new()).await?;
    if inserted == Inserted::Stored {
        stored();
    }
    Ok(outcome_of::<Review>(inserted, notes))
}
