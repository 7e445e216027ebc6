//! Draws sellers by lot, each set of them as likely as any other.

use std::collections::BTreeSet;

use jobapp_kernel::{Bounds, Cursor, KeyValue, PageRequest, Repository, RepositoryError};

use crate::{Dice, Seller};

const PAGE: usize = 200;

/// At most `size` different sellers, in an order that means nothing.
///
/// Draws numbers and looks up who has them: numbers nobody has are drawn again, so nobody profits from a gap beside him. Where
/// that would be no cheaper than reading everybody, everybody is read.
pub(crate) async fn random_sellers(
    sellers: &dyn Repository<Seller>,
    dice: &dyn Dice,
    size: usize,
) -> Result<Vec<Seller>, RepositoryError> {
    let last = sellers.range(Seller::NUMBER, Bounds::default(), PageRequest::newest(1)).await?;
    let Some(last) = last.items.first().map(|stored| stored.value.number()) else { return Ok(Vec::new()) };
    let highest = u64::try_from(last).unwrap_or(0);
    let wanted = u64::try_from(size).unwrap_or(u64::MAX);
    if highest / 4 > wanted
        && let Some(drawn) = by_number(sellers, dice, size, highest).await?
    {
        return Ok(drawn);
    }
    let mut sample = from_all(sellers, dice, size).await?;
    shuffle(&mut sample, dice);
    Ok(sample)
}

/// `None` when too many numbers nobody has were drawn: the sellers are few, after all.
async fn by_number(
    sellers: &dyn Repository<Seller>,
    dice: &dyn Dice,
    size: usize,
    highest: u64,
) -> Result<Option<Vec<Seller>>, RepositoryError> {
    let mut seen = BTreeSet::new();
    let mut drawn = Vec::with_capacity(size);
    let mut draws_left = 4 * size + 16;
    while drawn.len() < size {
        if draws_left == 0 {
            return Ok(None);
        }
        draws_left -= 1;
        let number = i64::try_from(1 + dice.below(highest)).unwrap_or(i64::MAX);
        if !seen.insert(number) {
            continue;
        }
        if let Some(stored) = sellers.find_by(Seller::NUMBER, KeyValue::Int(number)).await? {
            drawn.push(stored.value);
        }
    }
    Ok(Some(drawn))
}

/// Reads everybody once and keeps a fair sample of those seen so far.
async fn from_all(
    sellers: &dyn Repository<Seller>,
    dice: &dyn Dice,
    size: usize,
) -> Result<Vec<Seller>, RepositoryError> {
    let mut sample = Vec::with_capacity(size);
    let mut seen = 0_u64;
    let mut after: Option<Cursor> = None;
    loop {
        let page = sellers.range(Seller::NUMBER, Bounds::default(), PageRequest::first(PAGE).after(after)).await?;
        for stored in page.items {
            seen += 1;
            if sample.len() < size {
                sample.push(stored.value);
            } else if let Some(place) = usize::try_from(dice.below(seen)).ok().and_then(|place| sample.get_mut(place)) {
                *place = stored.value;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(sample);
        }
    }
}

fn shuffle<T>(items: &mut [T], dice: &dyn Dice) {
    for last in (1..items.len()).rev() {
        let sides = u64::try_from(last + 1).unwrap_or(u64::MAX);
        let other = usize::try_from(dice.below(sides)).unwrap_or(0);
        items.swap(last, other.min(last));
    }
}
