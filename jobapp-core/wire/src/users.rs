//! Bodies and documents of buyers and sellers.

mod body;
#[cfg(test)]
mod tests;

use jobapp_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::numbers::{optional_plain_number, plain_number};
use crate::ratings::RatingCategories;
pub use crate::ratings::rating_categories;
pub use body::SellerBody;
pub(crate) use body::documents;

/// A buyer. To others than the buyer only the public part is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BuyerDocument {
    /// The document id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Stored form.
    pub username: String,
    /// The address; only for the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// URL.
    pub profile_picture: String,
    /// Free text.
    pub country: String,
    /// Whether the user sells, too.
    pub is_seller: bool,
    /// Gig ids, once per approved order; only for the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchased_gigs: Option<Vec<String>>,
    /// When the account was made; only for the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// A language a seller speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LanguageItem {
    /// Its id; made by us when it is not sent.
    #[serde(rename = "_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The language.
    pub language: String,
    /// How well.
    pub level: String,
}

/// Something a seller worked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExperienceItem {
    /// Its id; made by us when it is not sent.
    #[serde(rename = "_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where.
    #[serde(default)]
    pub company: String,
    /// As what.
    #[serde(default)]
    pub title: String,
    /// Since when, in the client's words.
    #[serde(default)]
    pub start_date: String,
    /// Until when, in the client's words.
    #[serde(default)]
    pub end_date: String,
    /// Doing what.
    #[serde(default)]
    pub description: String,
    /// Whether it goes on.
    #[serde(default)]
    pub currently_working_here: bool,
}

/// Something a seller studied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EducationItem {
    /// Its id; made by us when it is not sent.
    #[serde(rename = "_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Free text.
    #[serde(default)]
    pub country: String,
    /// Where.
    #[serde(default)]
    pub university: String,
    /// The degree.
    #[serde(default)]
    pub title: String,
    /// The subject.
    #[serde(default)]
    pub major: String,
    /// The year, as a text.
    #[serde(default)]
    pub year: String,
}

/// Something a seller has on paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CertificateItem {
    /// Its id; made by us when it is not sent.
    #[serde(rename = "_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What.
    #[serde(default)]
    pub name: String,
    /// By whom.
    #[serde(default)]
    pub from: String,
    /// The year; left out when it is not known. A text of digits is read, too.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "optional_plain_number")]
    pub year: Option<f64>,
}

/// A seller. The address, the earnings and the cancelled jobs are shown to the seller alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SellerDocument {
    /// The document id. Never `id`.
    #[serde(rename = "_id")]
    pub id: String,
    /// The name shown.
    pub full_name: String,
    /// Stored form.
    pub username: String,
    /// The address; only for the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// URL.
    pub profile_picture: String,
    /// Id of the picture in the media store; may be empty.
    pub profile_public_id: String,
    /// The long description.
    pub description: String,
    /// Free text.
    pub country: String,
    /// One line.
    pub oneliner: String,
    /// At least one.
    pub skills: Vec<String>,
    /// At least one.
    pub languages: Vec<LanguageItem>,
    /// How many ratings.
    pub ratings_count: i64,
    /// Sum of the ratings.
    pub rating_sum: i64,
    /// The ratings by stars.
    pub rating_categories: RatingCategories,
    /// Hours.
    #[serde(serialize_with = "plain_number")]
    pub response_time: f64,
    /// When work was last approved; `null` before.
    pub recent_delivery: Option<Timestamp>,
    /// At least one.
    pub experience: Vec<ExperienceItem>,
    /// At least one.
    pub education: Vec<EducationItem>,
    /// URLs.
    pub social_links: Vec<String>,
    /// May be empty.
    pub certificates: Vec<CertificateItem>,
    /// Orders that are being worked on.
    pub ongoing_jobs: i64,
    /// Orders that were approved.
    pub completed_jobs: i64,
    /// Orders that were cancelled; only for the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_jobs: Option<i64>,
    /// In whole units; only for the seller.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "optional_plain_number")]
    pub total_earnings: Option<f64>,
    /// Gigs there are.
    pub total_gigs: i64,
    /// When the seller was made.
    pub created_at: Timestamp,
}
