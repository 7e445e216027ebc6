//! Bodies and documents of reviews.

use jobapp_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::whole;
use crate::ratings::RatingCategories;
use crate::validate::{ADDRESS, Field, Invalid, NAME, Schema, document_of_all, number, text};

const BEFORE_RATING: Schema = Schema::lenient(&[
    Field::text("gigId").required().blank().at_most(NAME),
    Field::text("reviewerId").required().blank().at_most(NAME),
    Field::text("reviewerImage").required().blank().at_most(ADDRESS),
    Field::text("sellerId").required().blank().at_most(NAME),
    Field::text("review").required().length(
        1,
        2000,
        "\"review\" length must be less than or equal to 2000 characters long",
    ),
]);

const RATING: Schema =
    Schema::lenient(&[Field::number("rating").required().whole().from_to(1.0, 5.0).looks_like("^[1-5]$")]);

const BEHIND_RATING: Schema = Schema::lenient(&[
    Field::text("orderId").required().at_most(NAME),
    Field::one_of(
        "reviewType",
        &["buyer-review", "seller-review"],
        "\"reviewType\" must be one of [buyer-review, seller-review]",
    )
    .required(),
    Field::text("reviewerUsername").required().blank().at_most(NAME),
    Field::text("country").required().blank().at_most(NAME),
]);

/// What the document says of the bodies whose name comes first.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    vec![("ReviewBody", document_of_all(&[BEFORE_RATING, RATING, BEHIND_RATING]))]
}

/// `POST /review`. What it says of the reviewer, the gig and the seller must be there and is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct ReviewBody {
    /// The public number of the order.
    pub order_id: String,
    /// `buyer-review` or `seller-review`.
    pub review_type: String,
    /// 1 to 5.
    pub rating: i64,
    /// The words.
    pub review: String,
}

impl ReviewBody {
    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        BEFORE_RATING.check(body)?;
        RATING.check(body)?;
        let rating = body.get("rating").and_then(number).and_then(whole);
        let rating = match rating.ok_or_else(|| Invalid::new("\"rating\" must be an integer"))? {
            ..1 => return Err(Invalid::new("\"rating\" must be greater than or equal to 1")),
            6.. => return Err(Invalid::new("\"rating\" must be less than or equal to 5")),
            rating => rating,
        };
        BEHIND_RATING.check(body)?;
        Ok(Self {
            order_id: text(body, "orderId").to_owned(),
            review_type: text(body, "reviewType").to_owned(),
            rating,
            review: text(body, "review").to_owned(),
        })
    }
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReviewDocument {
    /// A number. Never `_id`.
    pub id: i64,
    /// The gig that was ordered.
    pub gig_id: String,
    /// The buyer's or the seller's document id.
    pub reviewer_id: String,
    /// The public number of the order.
    pub order_id: String,
    /// The seller of the order.
    pub seller_id: String,
    /// The words.
    pub review: String,
    /// URL.
    pub reviewer_image: String,
    /// Who wrote it.
    pub reviewer_username: String,
    /// The reviewer's country.
    pub country: String,
    /// `buyer-review` (the buyer about the seller) or `seller-review`.
    pub review_type: String,
    /// 1 to 5.
    pub rating: i64,
    /// When.
    pub created_at: Timestamp,
}

/// How a seller or a gig was rated, without bounds of time and in the days, weeks or months of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AnalyticsDocument {
    /// How many ratings there are.
    pub ratings_count: i64,
    /// The sum of their stars.
    pub rating_sum: i64,
    /// Their average; `null` without ratings.
    pub average: Option<f64>,
    /// How often each number of stars was given.
    pub rating_categories: RatingCategories,
    /// What the trend is told by: `day`, `week` or `month`.
    pub by: String,
    /// Its first day, in UTC: `2026-11-24`.
    pub from: String,
    /// Its last day.
    pub to: String,
    /// Every day, week or month of it, the earliest first, those without ratings included.
    pub trend: Vec<TrendDocument>,
}

/// The ratings of a day, a week or a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TrendDocument {
    /// Its first day, in UTC, that is asked for: `2026-11-24`.
    pub from: String,
    /// Its last one.
    pub to: String,
    /// How many ratings were given on these days.
    pub ratings_count: i64,
    /// The sum of their stars.
    pub rating_sum: i64,
    /// Their average; `null` without ratings.
    pub average: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn valid() -> Value {
        json!({"gigId": "g", "reviewerId": "b", "reviewerImage": "m.png", "sellerId": "s", "review": "Quick and tidy.",
            "rating": 5, "orderId": "JO1", "reviewType": "buyer-review", "reviewerUsername": "Marta", "country": "Marta",
            "createdAt": "Tue Nov 24 2026 10:20:00 GMT+0000 (Coordinated Universal Time)", "more": 1})
    }

    #[test]
    fn what_the_client_sends_is_read() {
        let body = ReviewBody::parse(&valid()).unwrap();
        assert_eq!((body.order_id.as_str(), body.rating, body.review_type.as_str()), ("JO1", 5, "buyer-review"));
    }

    #[test]
    fn missing_fields_answer_in_order() {
        let mut body = json!({});
        for key in [
            "gigId",
            "reviewerId",
            "reviewerImage",
            "sellerId",
            "review",
            "rating",
            "orderId",
            "reviewType",
            "reviewerUsername",
            "country",
        ] {
            assert_eq!(ReviewBody::parse(&body).unwrap_err().message, format!("\"{key}\" is required"));
            body[key] = valid()[key].clone();
        }
        assert!(ReviewBody::parse(&body).is_ok());
    }

    #[test]
    fn every_wrong_value_has_its_text() {
        for (key, value, expected) in [
            ("review", json!(""), "\"review\" is not allowed to be empty"),
            ("review", json!("  "), "\"review\" is not allowed to be empty"),
            ("review", json!("\u{200b}\u{2800} \u{3164}"), "\"review\" is not allowed to be empty"),
            ("review", json!("👩\u{200d}💻"), "ok"),
            ("review", json!(5), "\"review\" must be a string"),
            ("review", json!("a".repeat(2001)), "\"review\" length must be less than or equal to 2000 characters long"),
            ("rating", json!("many"), "\"rating\" must be a number"),
            ("rating", json!(4.5), "\"rating\" must be an integer"),
            ("rating", json!(0), "\"rating\" must be greater than or equal to 1"),
            ("rating", json!(99), "\"rating\" must be less than or equal to 5"),
            ("rating", json!("5"), "ok"),
            ("orderId", json!({"$ne": null}), "\"orderId\" must be a string"),
            ("orderId", json!(""), "\"orderId\" is not allowed to be empty"),
            ("reviewType", json!("other"), "\"reviewType\" must be one of [buyer-review, seller-review]"),
            ("reviewerImage", json!(""), "ok"),
            (
                "reviewerImage",
                json!("a".repeat(2049)),
                "\"reviewerImage\" length must be less than or equal to 2048 characters long",
            ),
            ("orderId", json!("a".repeat(501)), "\"orderId\" length must be less than or equal to 500 characters long"),
            ("country", json!("a".repeat(501)), "\"country\" length must be less than or equal to 500 characters long"),
            ("country", json!(1), "\"country\" must be a string"),
        ] {
            let mut body = valid();
            body[key] = value.clone();
            let text = ReviewBody::parse(&body).map_or_else(|invalid| invalid.message, |_| "ok".to_owned());
            assert_eq!(text, expected, "{key}: {value}");
        }
    }
}
