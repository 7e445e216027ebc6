//! Ratings in documents of gigs and sellers.

use jobapp_kernel::{Ratings, Stars};
use serde::{Deserialize, Serialize};

/// How often each number of stars was given. `value` is the sum of stars of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RatingCategories {
    /// Five stars.
    pub five: RatingCategory,
    /// Four stars.
    pub four: RatingCategory,
    /// Three stars.
    pub three: RatingCategory,
    /// Two stars.
    pub two: RatingCategory,
    /// One star.
    pub one: RatingCategory,
}

/// The ratings of one number of stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RatingCategory {
    /// Their sum.
    pub value: i64,
    /// Their count.
    pub count: i64,
}

/// Rating totals as the wire shows them.
pub fn rating_categories(ratings: &Ratings) -> RatingCategories {
    let category = |stars: i64| {
        Stars::new(stars).map_or_else(
            |_| RatingCategory::default(),
            |stars| RatingCategory { value: ratings.sum_of(stars), count: ratings.count_of(stars) },
        )
    };
    RatingCategories { five: category(5), four: category(4), three: category(3), two: category(2), one: category(1) }
}
