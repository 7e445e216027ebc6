//! Bodies and documents of gigs and their search.

use jobapp_kernel::{Price, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::numbers::plain_number;
use crate::price::{HIGHEST, decimal, price};
use crate::validate::{self, DESCRIPTION, ENTRIES, ENTRY, Field, Invalid, NAME, Schema, boolean, number, text, texts};

pub use crate::ratings::{RatingCategories, RatingCategory};

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
    /// The seller's address. Not there for people without a session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
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
    #[serde(serialize_with = "plain_number")]
    pub price: f64,
    /// URL.
    pub cover_image: String,
    /// Grows with every gig; above 10⁹.
    pub sort_id: i64,
    /// ISO.
    pub created_at: Timestamp,
}

/// What a seller writes about a gig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "title": "I will draw a logo for your shop", "description": "Three drafts on paper, one finished as a vector file.",
    "categories": "Graphics & Design", "subCategories": ["Logo Design"], "tags": ["logo", "hand-drawn"], "price": 60,
    "coverImage": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGPgqo0CIgYIBQAXagOFqgsYiQAAAABJRU5ErkJggg==",
    "expectedDelivery": "3 Days Delivery", "basicTitle": "One logo", "basicDescription": "One draft, two revisions"
})))]
#[serde(rename_all = "camelCase")]
pub struct GigContentBody {
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
    /// In whole units, above 4.99 and at most 947,867.29. A text that is a number is read, too.
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub price: Price,
    /// A base64 data URL or the URL of a picture.
    pub cover_image: String,
    /// Such as `3 Days Delivery`.
    pub expected_delivery: String,
    /// Title of the basic package.
    pub basic_title: String,
    /// Description of the basic package.
    pub basic_description: String,
}

/// What is sent to create a gig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreateGigBody {
    /// The seller's document id: the caller's own, or `me`.
    pub seller_id: String,
    /// Taken and ignored: a gig shows the seller's own picture.
    pub profile_picture: String,
    /// The gig.
    #[serde(flatten)]
    pub content: GigContentBody,
}

/// What is sent to pause a gig or to let it be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "active": true })))]
pub struct GigActiveBody {
    /// Whether buyers can find it.
    pub active: bool,
}

/// A text with its three messages.
const fn required(name: &'static str, wrong_type: &'static str, empty: &'static str) -> Field {
    Field::text(name).required().says(wrong_type, empty, empty)
}

const SELLER_ID: Field =
    required("sellerId", "Seller Id must be of type string", "Seller Id is required").at_most(NAME);
const PROFILE_PICTURE: Field =
    required("profilePicture", "Please add a profile picture", "Profile picture is required");
const TITLE: Field = required("title", "Please add a gig title", "Gig title is required").at_most(validate::TITLE);
const ABOUT: Field =
    required("description", "Please add a gig description", "Gig description is required").at_most(DESCRIPTION);
const CATEGORIES: Field = required("categories", "Please select a category", "Gig category is required").at_most(ENTRY);
const SUB_CATEGORIES: Field = Field::texts("subCategories", 1)
    .required()
    .missing("Gig subcategories are required")
    .rule("Please add at least one subcategory")
    .at_most(ENTRY)
    .up_to(ENTRIES);
const TAGS: Field = Field::texts("tags", 1)
    .required()
    .missing("Gig tags are required")
    .rule("Please add at least one tag")
    .at_most(ENTRY)
    .up_to(ENTRIES);
const PRICE: Field = Field::number("price")
    .required()
    .above(4.99, "Gig price must be greater than $4.99")
    .from_to(4.995, HIGHEST)
    .looks_like(r"^([5-9]|[1-9][0-9]{1,4})(\.[0-9]{1,2})?$")
    .missing("Gig price is required");
const COVER_IMAGE: Field = required("coverImage", "Please add a cover image", "Gig cover image is required");
const EXPECTED_DELIVERY: Field =
    required("expectedDelivery", "Please add expected delivery", "Gig expected delivery is required").at_most(ENTRY);
const BASIC_TITLE: Field =
    required("basicTitle", "Please add basic title", "Gig basic title is required").at_most(validate::TITLE);
const BASIC_DESCRIPTION: Field =
    required("basicDescription", "Please add basic description", "Gig basic description is required")
        .at_most(DESCRIPTION);

const CREATE: Schema = Schema::new(&[
    SELLER_ID,
    PROFILE_PICTURE,
    TITLE,
    ABOUT,
    CATEGORIES,
    SUB_CATEGORIES,
    TAGS,
    PRICE,
    COVER_IMAGE,
    EXPECTED_DELIVERY,
    BASIC_TITLE,
    BASIC_DESCRIPTION,
]);

const UPDATE: Schema = Schema::new(&[
    TITLE,
    ABOUT,
    CATEGORIES,
    SUB_CATEGORIES,
    TAGS,
    PRICE,
    COVER_IMAGE,
    EXPECTED_DELIVERY,
    BASIC_TITLE,
    BASIC_DESCRIPTION,
]);

/// What the document says of the bodies whose name comes first.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    vec![
        ("CreateGigBody", CREATE.document()),
        ("GigContentBody", UPDATE.document()),
        ("GigActiveBody", ACTIVE.document()),
    ]
}

const ACTIVE: Schema = Schema::lenient(&[Field::boolean("active").required()]);

impl CreateGigBody {
    /// Reads the body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        CREATE.check(body)?;
        Ok(Self {
            seller_id: text(body, "sellerId").to_owned(),
            profile_picture: text(body, "profilePicture").to_owned(),
            content: GigContentBody::checked(body)?,
        })
    }
}

impl GigContentBody {
    /// Reads the body of an update.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        UPDATE.check(body)?;
        Self::checked(body)
    }

    fn checked(body: &Value) -> Result<Self, Invalid> {
        let price = price(body.get("price").and_then(number).unwrap_or_default(), "price")?;
        Ok(Self {
            title: text(body, "title").to_owned(),
            description: text(body, "description").to_owned(),
            categories: text(body, "categories").to_owned(),
            sub_categories: texts(body, "subCategories"),
            tags: texts(body, "tags"),
            price,
            cover_image: text(body, "coverImage").to_owned(),
            expected_delivery: text(body, "expectedDelivery").to_owned(),
            basic_title: text(body, "basicTitle").to_owned(),
            basic_description: text(body, "basicDescription").to_owned(),
        })
    }
}

impl GigActiveBody {
    /// Reads the body.
    ///
    /// # Errors
    /// When `active` is not there or no boolean.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        ACTIVE.check(body)?;
        Ok(Self { active: body.get("active").and_then(boolean).unwrap_or_default() })
    }
}

/// An answer with a gig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GigAnswer {
    /// For people.
    pub message: String,
    /// The gig.
    pub gig: GigDocument,
}

/// An answer with gigs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GigsAnswer {
    /// For people.
    pub message: String,
    /// The gigs.
    pub gigs: Vec<GigDocument>,
}

/// An answer with gigs that were searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GigSearchAnswer {
    /// For people.
    pub message: String,
    /// How many there are on all pages: at most 10,000.
    pub total: usize,
    /// Those of this page.
    pub gigs: Vec<GigDocument>,
    /// There, and true, while the search index is away and the store answers in its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
}

/// An answer with nothing but a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GigMessageAnswer {
    /// For people.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn a_body() -> Value {
        json!({
            "sellerId": "66f0c0ffee0000000000a001", "profilePicture": "https://img.example.org/p/2.png",
            "title": "I will draw your logo", "description": "A logo for your shop.", "categories": "Graphics & Design",
            "subCategories": ["Logo Design"], "tags": ["logo"], "price": "20", "coverImage": "https://img.example.org/c/1.png",
            "expectedDelivery": "3 Days Delivery", "basicTitle": "One logo", "basicDescription": "One draft",
        })
    }

    fn an_update() -> Value {
        let mut body = a_body();
        body.as_object_mut().unwrap().retain(|key, _| key != "sellerId" && key != "profilePicture");
        body
    }

    #[test]
    fn a_good_body_is_read() {
        let body = CreateGigBody::parse(&a_body()).unwrap();
        assert_eq!(body.content.price.money().cents(), 20_00);
        assert_eq!(body.content.sub_categories, ["Logo Design"]);
        assert_eq!(GigContentBody::parse(&an_update()).unwrap(), body.content);
    }

    #[test]
    fn the_highest_price_is_read() {
        for mut body in [a_body(), an_update()] {
            body["price"] = json!(947_867.29);
            let content = match body.get("sellerId") {
                Some(_) => CreateGigBody::parse(&body).unwrap().content,
                None => GigContentBody::parse(&body).unwrap(),
            };
            assert_eq!(content.price, Price::HIGHEST);
        }
    }

    #[test]
    fn every_text_has_its_three_messages() {
        for (field, wrong_type, empty) in [
            ("sellerId", "Seller Id must be of type string", "Seller Id is required"),
            ("profilePicture", "Please add a profile picture", "Profile picture is required"),
            ("title", "Please add a gig title", "Gig title is required"),
            ("description", "Please add a gig description", "Gig description is required"),
            ("categories", "Please select a category", "Gig category is required"),
            ("coverImage", "Please add a cover image", "Gig cover image is required"),
            ("expectedDelivery", "Please add expected delivery", "Gig expected delivery is required"),
            ("basicTitle", "Please add basic title", "Gig basic title is required"),
            ("basicDescription", "Please add basic description", "Gig basic description is required"),
        ] {
            for (value, expected) in [(Some(json!(5)), wrong_type), (Some(json!("")), empty), (None, empty)] {
                let answer = |mut body: Value| {
                    match &value {
                        Some(value) => body[field] = value.clone(),
                        None => drop(body.as_object_mut().unwrap().remove(field)),
                    }
                    body
                };
                assert_eq!(CreateGigBody::parse(&answer(a_body())).unwrap_err().message, expected, "{field} {value:?}");
                if field != "sellerId" && field != "profilePicture" {
                    let update = GigContentBody::parse(&answer(an_update())).unwrap_err();
                    assert_eq!(update.message, expected, "{field} {value:?}");
                }
            }
        }
    }

    #[test]
    fn lists_and_prices_have_their_messages() {
        for (field, value, expected) in [
            ("subCategories", None, "Gig subcategories are required"),
            ("subCategories", Some(json!([])), "Please add at least one subcategory"),
            ("subCategories", Some(json!([""])), "Gig subcategories are required"),
            ("subCategories", Some(json!("x")), "\"subCategories\" must be an array"),
            ("tags", None, "Gig tags are required"),
            ("tags", Some(json!([])), "Please add at least one tag"),
            ("tags", Some(json!({})), "\"tags\" must be an array"),
            ("price", None, "Gig price is required"),
            ("price", Some(json!(4.99)), "Gig price must be greater than $4.99"),
            ("price", Some(json!("4.99")), "Gig price must be greater than $4.99"),
            ("price", Some(json!("cheap")), "\"price\" must be a number"),
            ("price", Some(json!(947_868)), "\"price\" must be less than or equal to 947867.29"),
            ("price", Some(json!("947867.3")), "\"price\" must be less than or equal to 947867.29"),
            ("price", Some(json!(1e300)), "\"price\" must be less than or equal to 947867.29"),
            ("rating", Some(json!(5)), "\"rating\" is not allowed"),
        ] {
            for mut body in [a_body(), an_update()] {
                let create = body.get("sellerId").is_some();
                match &value {
                    Some(value) => body[field] = value.clone(),
                    None => drop(body.as_object_mut().unwrap().remove(field)),
                }
                let answer =
                    if create { CreateGigBody::parse(&body).map(drop) } else { GigContentBody::parse(&body).map(drop) };
                assert_eq!(answer.unwrap_err().message, expected, "{field} {value:?}");
            }
        }
    }

    #[test]
    fn everything_but_the_pictures_has_a_limit() {
        for (field, most) in [
            ("sellerId", 500),
            ("title", 200),
            ("description", 20_000),
            ("categories", 200),
            ("expectedDelivery", 200),
            ("basicTitle", 200),
            ("basicDescription", 20_000),
        ] {
            let mut body = a_body();
            body[field] = json!("ä".repeat(most));
            assert!(CreateGigBody::parse(&body).is_ok(), "{field}");
            body[field] = json!("ä".repeat(most + 1));
            let expected = format!("\"{field}\" length must be less than or equal to {most} characters long");
            assert_eq!(CreateGigBody::parse(&body).unwrap_err().message, expected);
        }
        for field in ["subCategories", "tags"] {
            let mut body = an_update();
            body[field] = json!(vec!["x".repeat(200); 100]);
            assert!(GigContentBody::parse(&body).is_ok(), "{field}");
            body[field] = json!(vec!["x"; 101]);
            let expected = format!("\"{field}\" must contain less than or equal to 100 items");
            assert_eq!(GigContentBody::parse(&body).unwrap_err().message, expected);
            body[field] = json!(["x", "x".repeat(201)]);
            let expected = format!("\"{field}[1]\" length must be less than or equal to 200 characters long");
            assert_eq!(GigContentBody::parse(&body).unwrap_err().message, expected);
        }
        let mut body = a_body();
        (body["coverImage"], body["profilePicture"]) = (json!("x".repeat(100_000)), json!("x".repeat(100_000)));
        assert!(CreateGigBody::parse(&body).is_ok(), "the store of pictures has its own limits");
    }

    #[test]
    fn the_address_is_left_out_when_it_is_empty() {
        let gig = json!({"id": "1", "sellerId": "2", "username": "Iria", "profilePicture": "", "title": "", "description": "",
            "categories": "", "subCategories": [], "tags": [], "active": true, "expectedDelivery": "", "basicTitle": "",
            "basicDescription": "", "ratingsCount": 0, "ratingSum": 0,
            "ratingCategories": crate::gigs::RatingCategories::default(), "price": 5, "coverImage": "", "sortId": 1,
            "createdAt": "2026-11-24T10:15:42.000Z"});
        let read: GigDocument = serde_json::from_value(gig.clone()).unwrap();
        assert_eq!((read.email.as_str(), serde_json::to_value(&read).unwrap()), ("", gig));
    }

    #[test]
    fn the_first_broken_rule_answers_and_an_update_names_no_seller() {
        assert_eq!(CreateGigBody::parse(&json!({})).unwrap_err().message, "Seller Id is required");
        assert_eq!(GigContentBody::parse(&json!([])).unwrap_err().message, "Gig title is required");
        let mut body = an_update();
        body["sellerId"] = json!("66f0c0ffee0000000000a001");
        assert_eq!(GigContentBody::parse(&body).unwrap_err().message, "\"sellerId\" is not allowed");
    }

    #[test]
    fn active_is_a_boolean_and_nothing_else() {
        for (value, expected) in [(json!(true), true), (json!(false), false), (json!("false"), false)] {
            assert_eq!(GigActiveBody::parse(&json!({"active": value})).unwrap().active, expected);
        }
        for value in [json!("yes"), json!(1), json!(null), json!({}), json!("")] {
            let refused = GigActiveBody::parse(&json!({"active": value})).unwrap_err();
            assert_eq!(refused.message, "\"active\" must be a boolean");
        }
        assert_eq!(GigActiveBody::parse(&json!({})).unwrap_err().message, "\"active\" is required");
    }

    #[test]
    fn an_answer_says_degraded_only_when_it_is() {
        let answer = GigSearchAnswer { message: "m".into(), total: 0, gigs: vec![], degraded: false };
        assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"message": "m", "total": 0, "gigs": []}));
        let degraded = GigSearchAnswer { degraded: true, ..answer };
        assert_eq!(serde_json::to_value(&degraded).unwrap()["degraded"], true);
    }
}
