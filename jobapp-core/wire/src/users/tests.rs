//! What the body of a seller is refused with, and how documents look.

use serde_json::{Value, json};

use super::*;

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
    let text = |at: &str, most: usize| format!("\"{at}\" length must be less than or equal to {most} characters long");
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
    assert_eq!(serde_json::to_value(&body.certificates[0]).unwrap(), json!({"name": "C", "from": "D", "year": 2020}));
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
