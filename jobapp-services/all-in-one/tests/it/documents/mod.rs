//! The documents in answers: exactly these keys, each of its type.

mod chat;
pub mod gigs;
mod orders;
mod users;

use serde_json::Value;

/// What a value looks like.
#[derive(Clone, Copy)]
pub enum Is {
    Text,
    /// A text that is not empty.
    Words,
    /// 24 hexadecimal digits in lower case.
    Id,
    /// Such as `2026-11-24T09:00:00.000Z`.
    Date,
    Number,
    Whole,
    Bool,
    Url,
    Uuid,
    Null,
    Texts,
    Ids,
    Object(&'static [(&'static str, Is)]),
    Objects(&'static [(&'static str, Is)]),
}

use Is::{Bool, Date, Id, Ids, Null, Number, Object, Objects, Text, Texts, Url, Uuid, Whole, Words};

fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// One form of dates everywhere: they sort as texts.
fn is_date(text: &str) -> bool {
    let digits = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    digits.eq(*b"0000-00-00T00:00:00.000Z")
}

fn wrong(value: &Value, is: Is, at: &str, complaints: &mut Vec<String>) {
    let text = value.as_str();
    let right = match is {
        Text => text.is_some(),
        Words => text.is_some_and(|text| !text.is_empty()),
        Id => text.is_some_and(is_id),
        Date => text.is_some_and(is_date),
        Number => value.is_number(),
        Whole => value.is_i64() || value.is_u64(),
        Bool => value.is_boolean(),
        Url => text.is_some_and(|text| url::Url::parse(text).is_ok_and(|url| url.scheme().starts_with("http"))),
        Uuid => text.is_some_and(|text| text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4),
        Null => value.is_null(),
        Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        Ids => value.as_array().is_some_and(|list| list.iter().all(|id| id.as_str().is_some_and(is_id))),
        Object(fields) => return wrong_object(value, fields, at, complaints),
        Objects(fields) => {
            let Some(elements) = value.as_array() else {
                return complaints.push(format!("{at} is no list: {value}"));
            };
            for (index, element) in elements.iter().enumerate() {
                wrong_object(element, fields, &format!("{at}[{index}]"), complaints);
            }
            return;
        }
    };
    if !right {
        complaints.push(format!("{at} is {value}"));
    }
}

fn wrong_object(value: &Value, fields: &[(&str, Is)], at: &str, complaints: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        return complaints.push(format!("{at} is no object: {value}"));
    };
    for (name, is) in fields {
        match object.get(*name) {
            Some(value) => wrong(value, *is, &format!("{at}.{name}"), complaints),
            None => complaints.push(format!("{at}.{name} is missing")),
        }
    }
    for name in object.keys().filter(|name| fields.iter().all(|(known, _)| known != *name)) {
        complaints.push(format!("{at}.{name} should not be there: {}", object[name]));
    }
}

/// Checks that an object has exactly these fields, each of its type.
#[track_caller]
pub fn looks_like(value: &Value, fields: &[(&str, Is)]) {
    let mut complaints = Vec::new();
    wrong_object(value, fields, "it", &mut complaints);
    assert!(complaints.is_empty(), "{}\nin {value:#}", complaints.join("\n"));
}

/// Ratings of one number of stars.
pub const STAR: &[(&str, Is)] = &[("value", Whole), ("count", Whole)];
/// Ratings by stars.
pub const STARS: &[(&str, Is)] = &[
    ("five", Object(STAR)),
    ("four", Object(STAR)),
    ("three", Object(STAR)),
    ("two", Object(STAR)),
    ("one", Object(STAR)),
];
