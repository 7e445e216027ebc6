//! What a client says of a seller.

use jobapp_kernel::is_blank;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CertificateItem, EducationItem, ExperienceItem, LanguageItem};
use crate::validate::{
    ADDRESS, DESCRIPTION, ENTRIES, ENTRY, Field, Invalid, NAME, NOTE, Schema, boolean, number, optional_text, text,
    texts,
};

/// What a client says of a seller. Counters, ratings, identity and dates may be sent, too, and are ignored: they are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "fullName": "Anna Costa", "profilePublicId": "", "profilePicture": "https://example.com/anna.png",
    "description": "I draw marks for small shops. Every one starts on paper.", "country": "Portugal",
    "oneliner": "Logos drawn by hand", "skills": ["Logo design"],
    "languages": [{ "language": "English", "level": "Fluent" }], "responseTime": 2,
    "experience": [{ "company": "Own studio", "title": "Designer", "startDate": "2019", "endDate": "Present",
        "description": "Logos and cards", "currentlyWorkingHere": true }],
    "education": [{ "country": "Portugal", "university": "Porto", "title": "BA", "major": "Design", "year": "2018" }],
    "socialLinks": [], "certificates": []
})))]
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

/// What the document says of the bodies whose name comes first.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    vec![("SellerBody", SELLER.document())]
}

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
        Value::String(text) if !is_blank(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
