//! What a body is refused with, case by case.

use serde_json::json;

use super::*;

const ITEM: Schema = Schema::new(&[Field::text("level"), Field::boolean("now")]);
const BODY: Schema = Schema::new(&[
    Field::text("name").required().length(4, 12, "Invalid name").says("Not a text", "Name is required", "No name"),
    Field::texts("skills", 1).required().missing("Skills are required").rule("At least one skill"),
    Field::objects("languages", 1, &ITEM).required(),
    Field::number("price").above(4.99, "More than $4.99"),
    Field::text("note").blank(),
]);

fn valid() -> Value {
    json!({"name": "Anna", "skills": ["rust"], "languages": [{"level": "good"}], "price": "5"})
}

fn with(key: &str, value: Value) -> String {
    let mut body = valid();
    body[key] = value;
    BODY.check(&body).map_or_else(|invalid| invalid.message, |()| "ok".to_owned())
}

#[test]
fn the_first_broken_rule_answers_in_field_order() {
    assert_eq!(BODY.check(&json!({"unknown": 1})).unwrap_err().message, "No name");
    assert_eq!(BODY.check(&json!([])).unwrap_err().message, "No name");
}

#[test]
fn every_case_has_its_text() {
    for (key, value, expected) in [
        ("name", json!(5), "Not a text"),
        ("name", json!(null), "Not a text"),
        ("name", json!(""), "Name is required"),
        ("name", json!("abc"), "Invalid name"),
        ("skills", json!([""]), "Skills are required"),
        ("skills", json!([]), "At least one skill"),
        ("skills", json!("x"), "\"skills\" must be an array"),
        ("languages", json!([{"foo": 1}]), "\"languages[0].foo\" is not allowed"),
        ("languages", json!([{"level": 1}]), "\"languages[0].level\" must be a string"),
        ("languages", json!([{"level": ""}]), "\"languages[0].level\" is not allowed to be empty"),
        ("languages", json!([{"now": "yes"}]), "\"languages[0].now\" must be a boolean"),
        ("languages", json!([1]), "\"languages[0]\" must be of type object"),
        ("price", json!(4.99), "More than $4.99"),
        ("price", json!("cheap"), "\"price\" must be a number"),
        ("price", json!({"$ne": null}), "\"price\" must be a number"),
        ("note", json!(null), "ok"),
        ("note", json!(""), "ok"),
        ("note", json!(1), "\"note\" must be a string"),
        ("other", json!(1), "\"other\" is not allowed"),
    ] {
        assert_eq!(with(key, value.clone()), expected, "{key}: {value}");
    }
}

#[test]
fn what_is_too_long_or_too_many_is_told_in_the_default_words() {
    const LIMITED: Schema = Schema::new(&[
        Field::text("name").required().says("Not a text", "Name is required", "No name").at_most(3),
        Field::texts("skills", 1).rule("At least one skill").at_most(2).up_to(2),
        Field::objects("languages", 1, &ITEM).rule("At least one language").up_to(1),
        Field::links("links").at_most(21).up_to(2),
    ]);
    for (key, value, expected) in [
        ("name", json!("abc"), "ok"),
        ("name", json!("\u{1f980}\u{1f980}\u{1f980}"), "ok"),
        ("name", json!("\u{1f980}\u{1f980}ab"), "\"name\" length must be less than or equal to 3 characters long"),
        ("name", json!("äöü"), "ok"),
        ("skills", json!(["ab", "abc"]), "\"skills[1]\" length must be less than or equal to 2 characters long"),
        ("skills", json!(["a", "b", "c"]), "\"skills\" must contain less than or equal to 2 items"),
        ("skills", json!([]), "At least one skill"),
        ("languages", json!([{}, {}]), "\"languages\" must contain less than or equal to 1 items"),
        ("links", json!(["https://example.org/", ""]), "ok"),
        ("links", json!([1, null]), "ok"),
        ("links", json!("x"), "\"links\" must be an array"),
        ("links", json!(["", "", ""]), "\"links\" must contain less than or equal to 2 items"),
        (
            "links",
            json!(["", "https://example.org/12"]),
            "\"links[1]\" length must be less than or equal to 21 characters long",
        ),
        (
            "links",
            json!(["javascript:alert(1)"]),
            "\"links[0]\" must be a valid uri with a scheme matching the http|https pattern",
        ),
    ] {
        let mut body = json!({"name": "a"});
        body[key] = value.clone();
        let text = LIMITED.check(&body).map_or_else(|invalid| invalid.message, |()| "ok".to_owned());
        assert_eq!(text, expected, "{key}: {value}");
    }
}

#[test]
fn a_text_of_which_nobody_sees_anything_is_empty() {
    for blank in
        [" ", "\t\n", "\u{a0}\u{3000}", "\u{200b}\u{200d}\u{feff}", "\u{2800}\u{3164}", "\u{ad}\u{e0041}\u{fff9}"]
    {
        for (key, value, expected) in [
            ("name", json!(blank), "Name is required"),
            ("skills", json!(["rust", blank]), "Skills are required"),
            ("languages", json!([{"level": blank}]), "\"languages[0].level\" is not allowed to be empty"),
            ("note", json!(blank), "ok"),
        ] {
            assert_eq!(with(key, value.clone()), expected, "{key}: {value}");
        }
        let mut body = valid();
        body["note"] = json!(blank);
        assert_eq!((text(&body, "note"), optional_text(&body, "note")), ("", None));
    }
    let persian = "می\u{200c}خواهم";
    assert_eq!(with("name", json!(persian)), "ok");
    assert_eq!(text(&json!({"name": persian}), "name"), persian);
}

#[test]
fn blanks_of_a_password_are_characters_like_others() {
    const PASSWORD: Schema =
        Schema::new(&[Field::text("password").required().length(8, 64, "Invalid password").secret()]);
    let body = json!({"password": "          "});
    assert!(PASSWORD.check(&body).is_ok());
    assert_eq!(secret(&body, "password"), "          ");
    let empty = PASSWORD.check(&json!({"password": ""})).unwrap_err();
    assert_eq!(empty.message, "\"password\" is not allowed to be empty");
}

#[test]
fn dates_are_read_as_they_are_checked() {
    const DATES: Schema = Schema::new(&[Field::date("due").required(), Field::date("other").blank()]);
    let due =
        |due: Value| DATES.check(&json!({"due": due})).map_or_else(|invalid| invalid.message, |()| "ok".to_owned());
    assert_eq!(due(json!("2027-12-05T09:00")), "ok");
    assert_eq!(due(json!("")), "\"due\" is not allowed to be empty");
    assert_eq!(due(json!("\u{200b}")), "\"due\" is not allowed to be empty");
    assert_eq!(due(json!(1_795_486_542_000_i64)), "\"due\" must be a string");
    for wrong in ["Invalid Date", "2027-02-30", "2027-12-05T09:00:00+25:00", "2027-12-31T23:59:60Z", "99999-01-01"] {
        assert_eq!(due(json!(wrong)), "\"due\" must be a valid date", "{wrong}");
    }
    let body = json!({"due": "2027-12-05 09:00", "other": " "});
    assert!(DATES.check(&body).is_ok());
    assert_eq!(date(&body, "due").map(|date| date.to_string()).as_deref(), Some("2027-12-05T09:00:00.000Z"));
    assert_eq!(date(&body, "other"), None);
}
