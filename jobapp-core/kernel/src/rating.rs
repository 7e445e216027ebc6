//! Stars, and what the stars of many reviews add up to.

use serde::{Deserialize, Serialize};

/// A rating: one to five stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Stars(u8);

/// A number that is no rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a rating from 1 to 5")]
pub struct InvalidStars(pub i64);

impl Stars {
    /// The fewest stars.
    pub const MIN: Self = Self(1);
    /// The most stars.
    pub const MAX: Self = Self(5);

    /// This many stars.
    ///
    /// # Errors
    /// [`InvalidStars`] for anything but 1 to 5.
    pub fn new(stars: i64) -> Result<Self, InvalidStars> {
        match u8::try_from(stars) {
            Ok(stars @ 1..=5) => Ok(Self(stars)),
            _ => Err(InvalidStars(stars)),
        }
    }

    /// How many.
    pub const fn get(self) -> i64 {
        self.0 as i64
    }
}

impl TryFrom<i64> for Stars {
    type Error = InvalidStars;

    fn try_from(stars: i64) -> Result<Self, InvalidStars> {
        Self::new(stars)
    }
}

impl From<Stars> for i64 {
    fn from(stars: Stars) -> Self {
        stars.get()
    }
}

/// What the ratings of a seller or a gig add up to: how often each number of stars was given. All else follows from that,
/// so count, sum and the parts by stars never disagree.
///
/// ```
/// use jobapp_kernel::{Ratings, Stars};
/// let mut ratings = Ratings::default();
/// ratings.add(Stars::new(5)?);
/// ratings.add(Stars::new(4)?);
/// ratings.add(Stars::new(5)?);
/// assert_eq!((ratings.count(), ratings.sum()), (3, 14));
/// assert_eq!(ratings.count_of(Stars::MAX), 2);
/// assert_eq!(ratings.sum_of(Stars::MAX), 10);
/// # Ok::<(), jobapp_kernel::InvalidStars>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ratings {
    /// How often one star was given, two stars, and so on.
    counts: [u32; 5],
}

impl Ratings {
    /// Totals where one star was given `counts[0]` times, two stars `counts[1]` times, and so on.
    pub const fn from_counts(counts: [u32; 5]) -> Self {
        Self { counts }
    }

    /// Counts one more rating.
    pub fn add(&mut self, stars: Stars) {
        self.add_many(stars, 1);
    }

    /// Counts this many more ratings of this many stars.
    pub fn add_many(&mut self, stars: Stars, times: u32) {
        let count = &mut self.counts[index(stars)];
        *count = count.saturating_add(times);
    }

    /// How many ratings.
    pub fn count(&self) -> i64 {
        self.each().map(|stars| self.count_of(stars)).sum()
    }

    /// The sum of all stars.
    pub fn sum(&self) -> i64 {
        self.each().map(|stars| self.sum_of(stars)).sum()
    }

    /// The average number of stars; `None` without ratings.
    pub fn average(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 ratings")]
        let (sum, count) = (self.sum() as f64, self.count() as f64);
        (count > 0.0).then(|| sum / count)
    }

    /// How many ratings of this many stars.
    pub fn count_of(&self, stars: Stars) -> i64 {
        i64::from(self.counts[index(stars)])
    }

    /// The sum of the stars of those ratings.
    pub fn sum_of(&self, stars: Stars) -> i64 {
        self.count_of(stars) * stars.get()
    }

    /// One to five stars.
    fn each(&self) -> impl Iterator<Item = Stars> + use<> {
        (Stars::MIN.0..=Stars::MAX.0).map(Stars)
    }
}

/// Counts the ratings of both.
impl std::ops::AddAssign for Ratings {
    fn add_assign(&mut self, other: Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
    }
}

fn index(stars: Stars) -> usize {
    usize::from(stars.0 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_one_to_five_stars_are_a_rating() {
        for stars in [i64::MIN, -1, 0, 6, 99, 257, i64::MAX] {
            assert_eq!(Stars::new(stars), Err(InvalidStars(stars)));
        }
        assert!((1..=5).all(|stars| Stars::new(stars).is_ok()));
        assert!(serde_json::from_str::<Stars>("99").is_err());
    }

    proptest! {
        #[test]
        fn the_parts_add_up_to_the_whole(given in prop::collection::vec(1_i64..=5, 0..200)) {
            let mut ratings = Ratings::default();
            for stars in &given {
                ratings.add(Stars::new(*stars).unwrap());
            }
            prop_assert_eq!(ratings.count(), i64::try_from(given.len()).unwrap());
            prop_assert_eq!(ratings.sum(), given.iter().sum::<i64>());
            let read: Ratings = serde_json::from_str(&serde_json::to_string(&ratings).unwrap()).unwrap();
            prop_assert_eq!(read, ratings);
            let mut twice = ratings;
            twice += ratings;
            prop_assert_eq!((twice.sum(), twice.average()), (2 * ratings.sum(), ratings.average()));
            prop_assert_eq!(ratings.average().is_none(), given.is_empty());
        }
    }
}
