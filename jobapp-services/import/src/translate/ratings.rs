//! What ratings add up to.

use jobapp_kernel::Ratings;

use crate::fields::{Fields, Notes, Refusal};

/// By stars, in ascending order.
const NAMES: [&str; 5] = ["one", "two", "three", "four", "five"];

/// The counts by stars. Everything else follows from them: what the row says besides is compared, and told when it differs.
pub(super) fn ratings(fields: Fields<'_>, notes: &mut Notes) -> Result<Ratings, Refusal> {
    let mut counts = [0_u32; 5];
    if let Some(categories) = fields.document("ratingCategories")? {
        for (count, name) in counts.iter_mut().zip(NAMES) {
            let Some(said) = categories.document(name)?.map(|of| of.whole("count")).transpose()?.flatten() else {
                continue;
            };
            match u32::try_from(said) {
                Ok(said) => *count = said,
                Err(_) => notes.add(format!("ratingCategories.{name}.count is {said}: none are counted")),
            }
        }
    }
    let ratings = Ratings::from_counts(counts);
    let said = (fields.whole("ratingsCount")?.unwrap_or_default(), fields.whole("ratingSum")?.unwrap_or_default());
    if said != (ratings.count(), ratings.sum()) {
        notes.add(format!(
            "ratingsCount and ratingSum are {} and {}: by stars they are {} and {}",
            said.0,
            said.1,
            ratings.count(),
            ratings.sum()
        ));
    }
    Ok(ratings)
}
