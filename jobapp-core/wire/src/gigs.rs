//! Bodies and documents of gigs and their search.

use jobapp_kernel::Timestamp;
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

/// A gig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GigDocument {
    /// 24 hexadecimal characters. Never `_id`.
    pub id: String,
    /// The seller's document id.
    pub seller_id: String,
    /// The seller's user name.
    pub username: String,
    /// URL of the seller's picture.
    pub profile_picture: String,
    /// The seller's address.
    pub email: String,
    /// The title.
    pub title: String,
    /// The long description.
    pub description: String,
    /// One category.
    pub categories: String,
    /// At least one.
    pub sub_categories: Vec<String>,
    /// At least one.
    pub tags: Vec<String>,
    /// Whether buyers can find it.
    pub active: bool,
    /// Such as `3 Days Delivery`.
    pub expected_delivery: String,
    /// Title of the basic package.
    pub basic_title: String,
    /// Description of the basic package.
    pub basic_description: String,
    /// How many ratings.
    pub ratings_count: i64,
    /// Sum of the ratings.
    pub rating_sum: i64,
    /// The ratings by stars.
    pub rating_categories: RatingCategories,
    /// In whole units.
    pub price: f64,
    /// URL.
    pub cover_image: String,
    /// Grows with every gig; above 10⁹.
    pub sort_id: i64,
    /// ISO.
    pub created_at: Timestamp,
}
