//! Bodies and documents of buyers and sellers.

use jobapp_kernel::{Ratings, Stars, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gigs::{RatingCategories, RatingCategory};
use crate::validate::{
    ADDRESS, DESCRIPTION, ENTRIES, ENTRY, Field, Invalid, NAME, NOTE, Schema, boolean, number, optional_text, text,
    texts,
};

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

/// What a client says of a seller. Counters, ratings, identity and dates may be sent, too, and are ignored: they are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SellerBody {
    /// The name to show.
    pub full_name: String,
    /// Id of the picture in the media store; may be empty.
    #[serde(default)]
    pub profile_public_id: String,
    /// A base64 data URL or the URL of a picture.
    pub profile_picture: String,
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
    /// Hours, above zero.
    pub response_time: f64,
    /// At least one.
    pub experience: Vec<ExperienceItem>,
    /// At least one.
    pub education: Vec<EducationItem>,
    /// `http` and `https` URLs; may be empty.
    #[serde(default)]
    pub social_links: Vec<String>,
    /// May be empty.
    #[serde(default)]
    pub certificates: Vec<CertificateItem>,
}

/// A short text.
const fn name(name: &'static str) -> Field {
    Field::text(name).at_most(NAME)
}

const LANGUAGE: Schema = Schema::new(&[name("_id").blank(), name("language").required(), name("level").required()]);

// We answer absent texts of sub-items as empty ones, and clients send the whole document back: so empty ones are accepted.
const EXPERIENCE: Schema = Schema::new(&[
    name("_id").blank(),
    name("company").blank(),
    name("title").blank(),
    name("startDate").blank(),
    name("endDate").blank(),
    Field::text("description").at_most(NOTE).blank(),
    Field::boolean("currentlyWorkingHere").blank(),
]);

const EDUCATION: Schema = Schema::new(&[
    name("_id").blank(),
    name("country").blank(),
    name("university").blank(),
    name("title").blank(),
    name("major").blank(),
    name("year").blank(),
]);

const CERTIFICATE: Schema =
    Schema::new(&[name("_id").blank(), name("name").blank(), name("from").blank(), Field::number("year").blank()]);

const STAR: Schema = Schema::new(&[Field::number("value"), Field::number("count")]);

const STARS: Schema = Schema::new(&[
    Field::object("five", &STAR),
    Field::object("four", &STAR),
    Field::object("three", &STAR),
    Field::object("two", &STAR),
    Field::object("one", &STAR),
]);

const SELLER: Schema = Schema::new(&[
    name("fullName").required().says("Fullname must be of type string", "Fullname is required", "Fullname is required"),
    name("_id"),
    name("id"),
    name("username"),
    name("email"),
    name("profilePublicId").blank(),
    Field::text("profilePicture").required().says(
        "Please add a profile picture",
        "Profile picture is required",
        "Profile picture is required",
    ),
    Field::text("description").at_most(DESCRIPTION).required().says(
        "Please add a seller description",
        "Seller description is required",
        "Seller description is required",
    ),
    name("country").required().says(
        "Please select a country",
        "Country field is required",
        "Country field is required",
    ),
    name("oneliner").required().says(
        "Please add your oneliner",
        "Oneliner field is required",
        "Oneliner field is required",
    ),
    Field::texts("skills", 1)
        .required()
        .missing("Skills are required")
        .rule("Please add at least one skill")
        .at_most(ENTRY)
        .up_to(ENTRIES),
    Field::objects("languages", 1, &LANGUAGE)
        .required()
        .missing("Languages are required")
        .rule("Please add at least one language")
        .up_to(ENTRIES),
    Field::number("responseTime")
        .required()
        .missing("Response time is required")
        .above(0.0, "Response time must be greater than zero"),
    Field::objects("experience", 1, &EXPERIENCE)
        .required()
        .missing("Experience is required")
        .rule("Please add at least one work experience")
        .up_to(ENTRIES),
    Field::objects("education", 1, &EDUCATION)
        .required()
        .missing("Education is required")
        .rule("Please add at least one education")
        .up_to(ENTRIES),
    Field::links("socialLinks").blank().at_most(ADDRESS).up_to(ENTRIES),
    Field::objects("certificates", 0, &CERTIFICATE).blank().up_to(ENTRIES),
    Field::number("ratingsCount"),
    Field::number("ratingSum"),
    Field::object("ratingCategories", &STARS),
    Field::number("ongoingJobs"),
    Field::number("completedJobs"),
    Field::number("cancelledJobs"),
    Field::number("totalEarnings"),
    Field::number("totalGigs"),
    name("recentDelivery").blank(),
    name("createdAt"),
]);

impl SellerBody {
    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        SELLER.check(body)?;
        let response_time = body.get("responseTime").and_then(number);
        Ok(Self {
            full_name: text(body, "fullName").to_owned(),
            profile_public_id: text(body, "profilePublicId").to_owned(),
            profile_picture: text(body, "profilePicture").to_owned(),
            description: text(body, "description").to_owned(),
            country: text(body, "country").to_owned(),
            oneliner: text(body, "oneliner").to_owned(),
            skills: texts(body, "skills"),
            languages: each(body, "languages", |item| LanguageItem {
                id: optional_text(item, "_id"),
                language: text(item, "language").to_owned(),
                level: text(item, "level").to_owned(),
            }),
            response_time: response_time.ok_or_else(|| Invalid::new("Response time is required"))?,
            experience: each(body, "experience", |item| ExperienceItem {
                id: optional_text(item, "_id"),
                company: text(item, "company").to_owned(),
                title: text(item, "title").to_owned(),
                start_date: text(item, "startDate").to_owned(),
                end_date: text(item, "endDate").to_owned(),
                description: text(item, "description").to_owned(),
                currently_working_here: item.get("currentlyWorkingHere").and_then(boolean).unwrap_or_default(),
            }),
            education: each(body, "education", |item| EducationItem {
                id: optional_text(item, "_id"),
                country: text(item, "country").to_owned(),
                university: text(item, "university").to_owned(),
                title: text(item, "title").to_owned(),
                major: text(item, "major").to_owned(),
                year: text(item, "year").to_owned(),
            }),
            social_links: each(body, "socialLinks", plain_text).into_iter().flatten().collect(),
            certificates: each(body, "certificates", |item| CertificateItem {
                id: optional_text(item, "_id"),
                name: text(item, "name").to_owned(),
                from: text(item, "from").to_owned(),
                year: item.get("year").and_then(number),
            }),
        })
    }
}

fn each<T>(body: &Value, name: &str, read: impl Fn(&Value) -> T) -> Vec<T> {
    body.get(name).and_then(Value::as_array).map(|items| items.iter().map(read).collect()).unwrap_or_default()
}

/// A text, or a number or boolean as one; other values and empty texts are no links.
fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
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

/// Whole numbers without a fraction, as every JSON writer but Rust's does: `32`, not `32.0`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn plain_number<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        return serializer.serialize_i64(*number as i64);
    }
    serializer.serialize_f64(*number)
}

#[expect(clippy::ref_option, reason = "serde passes references")]
fn optional_plain_number<S: serde::Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => plain_number(number, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn valid() -> Value {
        json!({
            "fullName": "Marta M.", "profilePicture": "p.png", "description": "Long", "country": "Portugal",
            "oneliner": "Short", "skills": ["Rust"], "languages": [{"language": "English", "level": "Fluent"}],
            "responseTime": "2", "experience": [{"company": "ACME"}], "education": [{"year": "2019"}],
        })
    }

    fn with(path: &str, value: Value) -> String {
        let mut body = valid();
        body[path] = value;
        SellerBody::parse(&body).map_or_else(|invalid| invalid.message, |_| "ok".to_owned())
    }

    fn without(key: &str) -> String {
        let mut body = valid();
        body.as_object_mut().unwrap().remove(key);
        SellerBody::parse(&body).map_or_else(|invalid| invalid.message, |_| "ok".to_owned())
    }

    #[test]
    fn every_rule_of_a_seller_has_its_text() {
        let cases = [
            ("fullName", json!(1), "Fullname must be of type string"),
            ("fullName", json!(""), "Fullname is required"),
            ("_id", json!(""), "\"_id\" is not allowed to be empty"),
            ("id", json!(1), "\"id\" must be a string"),
            ("username", json!(null), "\"username\" must be a string"),
            ("email", json!(""), "\"email\" is not allowed to be empty"),
            ("profilePublicId", json!(null), "ok"),
            ("profilePublicId", json!(""), "ok"),
            ("profilePublicId", json!(1), "\"profilePublicId\" must be a string"),
            ("profilePicture", json!(1), "Please add a profile picture"),
            ("profilePicture", json!(""), "Profile picture is required"),
            ("description", json!(1), "Please add a seller description"),
            ("description", json!(""), "Seller description is required"),
            ("country", json!(1), "Please select a country"),
            ("country", json!(""), "Country field is required"),
            ("oneliner", json!(1), "Please add your oneliner"),
            ("oneliner", json!(""), "Oneliner field is required"),
            ("skills", json!("x"), "\"skills\" must be an array"),
            ("skills", json!([]), "Please add at least one skill"),
            ("skills", json!([""]), "Skills are required"),
            ("languages", json!([]), "Please add at least one language"),
            ("languages", json!([{"language": "English"}]), "\"languages[0].level\" is required"),
            ("languages", json!([{"language": "E", "level": "F", "foo": 1}]), "\"languages[0].foo\" is not allowed"),
            ("responseTime", json!(0), "Response time must be greater than zero"),
            ("responseTime", json!("soon"), "\"responseTime\" must be a number"),
            ("experience", json!([]), "Please add at least one work experience"),
            ("experience", json!([{"company": 1}]), "\"experience[0].company\" must be a string"),
            (
                "experience",
                json!([{"currentlyWorkingHere": 1}]),
                "\"experience[0].currentlyWorkingHere\" must be a boolean",
            ),
            ("education", json!([]), "Please add at least one education"),
            ("education", json!([1]), "\"education[0]\" must be of type object"),
            ("socialLinks", json!(null), "ok"),
            ("socialLinks", json!(""), "ok"),
            ("socialLinks", json!({}), "\"socialLinks\" must be an array"),
            ("certificates", json!(null), "ok"),
            ("certificates", json!([{"year": "2020"}]), "ok"),
            ("certificates", json!([{"year": "long ago"}]), "\"certificates[0].year\" must be a number"),
            ("ratingsCount", json!("3"), "ok"),
            ("totalEarnings", json!("much"), "\"totalEarnings\" must be a number"),
            ("ratingCategories", json!({"five": {"value": 5, "count": 1}}), "ok"),
            ("ratingCategories", json!({"six": {}}), "\"ratingCategories.six\" is not allowed"),
            ("ratingCategories", json!({"one": {"value": "x"}}), "\"ratingCategories.one.value\" must be a number"),
            ("recentDelivery", json!(null), "ok"),
            ("createdAt", json!(1), "\"createdAt\" must be a string"),
            ("paypal", json!("x"), "\"paypal\" is not allowed"),
            ("__v", json!(0), "\"__v\" is not allowed"),
        ];
        for (key, value, expected) in cases {
            assert_eq!(with(key, value.clone()), expected, "{key}: {value}");
        }
        for (key, expected) in [
            ("fullName", "Fullname is required"),
            ("profilePicture", "Profile picture is required"),
            ("description", "Seller description is required"),
            ("country", "Country field is required"),
            ("oneliner", "Oneliner field is required"),
            ("skills", "Skills are required"),
            ("languages", "Languages are required"),
            ("responseTime", "Response time is required"),
            ("experience", "Experience is required"),
            ("education", "Education is required"),
        ] {
            assert_eq!(without(key), expected, "{key}");
        }
    }

    #[test]
    fn everything_but_the_picture_has_a_limit() {
        let long = |units: usize| "x".repeat(units);
        let text =
            |at: &str, most: usize| format!("\"{at}\" length must be less than or equal to {most} characters long");
        let items = |at: &str| format!("\"{at}\" must contain less than or equal to 100 items");
        for (key, most) in [
            ("fullName", 500),
            ("_id", 500),
            ("id", 500),
            ("username", 500),
            ("email", 500),
            ("profilePublicId", 500),
            ("description", 20_000),
            ("country", 500),
            ("oneliner", 500),
            ("recentDelivery", 500),
            ("createdAt", 500),
        ] {
            assert_eq!(with(key, json!(long(most))), "ok", "{key}");
            assert_eq!(with(key, json!(long(most + 1))), text(key, most));
        }
        for (key, value, expected) in [
            ("profilePicture", json!(long(100_000)), "ok".to_owned()),
            ("skills", json!([long(201)]), text("skills[0]", 200)),
            ("skills", json!(vec!["x"; 101]), items("skills")),
            ("languages", json!(vec![json!({"language": "E", "level": "F"}); 101]), items("languages")),
            ("languages", json!([{"language": "E", "level": long(501)}]), text("languages[0].level", 500)),
            ("experience", json!([{"description": long(2_001)}]), text("experience[0].description", 2_000)),
            ("experience", json!([{"company": long(501)}]), text("experience[0].company", 500)),
            ("experience", json!(vec![json!({}); 101]), items("experience")),
            ("education", json!([{"major": long(501)}]), text("education[0].major", 500)),
            ("education", json!(vec![json!({}); 101]), items("education")),
            ("certificates", json!([{"from": long(501)}]), text("certificates[0].from", 500)),
            ("certificates", json!(vec![json!({}); 101]), items("certificates")),
            ("socialLinks", json!([format!("https://{}", long(2_041))]), text("socialLinks[0]", 2_048)),
            ("socialLinks", json!(vec![""; 101]), items("socialLinks")),
        ] {
            assert_eq!(with(key, value), expected, "{key}");
        }
    }

    #[test]
    fn links_are_addresses_of_the_web() {
        for bad in ["javascript:alert(1)", "data:text/html,x", "example.org", "ftp://example.org"] {
            let expected = "\"socialLinks[1]\" must be a valid uri with a scheme matching the http|https pattern";
            assert_eq!(with("socialLinks", json!(["https://example.org", bad])), expected, "{bad}");
        }
        assert_eq!(with("socialLinks", json!(["http://example.org/@me", "", 1, null])), "ok");
    }

    #[test]
    fn the_first_broken_rule_in_the_tables_order_answers() {
        assert_eq!(SellerBody::parse(&json!({"x": 1})).unwrap_err().message, "Fullname is required");
    }

    #[test]
    fn texts_that_are_numbers_are_read_as_numbers() {
        let mut body = valid();
        body["certificates"] = json!([{"name": "C", "from": "D", "year": "2020"}, {"name": "E"}]);
        body["socialLinks"] = json!(["https://example.org", 1, null, ""]);
        let body = SellerBody::parse(&body).unwrap();
        assert_eq!(
            serde_json::to_value(&body.certificates[0]).unwrap(),
            json!({"name": "C", "from": "D", "year": 2020})
        );
        assert_eq!(serde_json::to_value(&body.certificates[1]).unwrap(), json!({"name": "E", "from": ""}));
        assert_eq!(body.social_links, ["https://example.org", "1"]);
        assert!((body.response_time - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn whole_amounts_have_no_fraction() {
        for (amount, expected) in [(32.0, "32"), (4.2, "4.2"), (0.0, "0")] {
            let mut out = Vec::new();
            plain_number(&amount, &mut serde_json::Serializer::new(&mut out)).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
