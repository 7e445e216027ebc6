//! Every rule a body must keep, and the text of its breach.

mod accounts;
mod chat;
mod gigs;
mod orders;
mod reviews;
mod sellers;

use serde_json::Value;

use crate::harness::Browser;
use crate::harness::checks::{with, without};

/// What is done to a valid body.
#[derive(Clone)]
pub enum Change {
    /// A value is put at a place.
    Set(String, Value),
    /// What is at a place is taken out.
    Gone(String),
    /// Another body is sent.
    Body(Value),
}

/// A breach and the text that says so.
pub type Case = (Change, String);

/// Puts a value at a place.
pub fn set(place: &str, value: impl Into<Value>, text: &str) -> Case {
    (Change::Set(place.to_owned(), value.into()), text.to_owned())
}

/// Takes out what is at a place.
pub fn gone(place: &str, text: &str) -> Case {
    (Change::Gone(place.to_owned()), text.to_owned())
}

/// Sends another body.
pub fn body(value: Value, text: &str) -> Case {
    (Change::Body(value), text.to_owned())
}

/// The name of a place as texts write it: `/languages/0/level` is `languages[0].level`.
pub fn name(place: &str) -> String {
    let mut name = String::new();
    for part in place.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push_str(&format!("[{part}]"));
        } else {
            name.push_str(if name.is_empty() { "" } else { "." });
            name.push_str(part);
        }
    }
    name
}

/// A required text with the default words.
pub fn required_text(place: &str) -> Vec<Case> {
    let mut cases = optional_text(place);
    cases.push(gone(place, &format!("\"{}\" is required", name(place))));
    cases
}

/// A text with the default words that may be absent.
pub fn optional_text(place: &str) -> Vec<Case> {
    let mut cases = blank_text(place);
    cases.push(set(place, "", &format!("\"{}\" is not allowed to be empty", name(place))));
    cases.push(set(place, Value::Null, &format!("\"{}\" must be a string", name(place))));
    cases
}

/// A text with the default words that may be absent, empty or `null`.
pub fn blank_text(place: &str) -> Vec<Case> {
    let text = format!("\"{}\" must be a string", name(place));
    vec![
        set(place, 1, &text),
        set(place, true, &text),
        set(place, serde_json::json!({ "$ne": null }), &text),
        set(place, serde_json::json!(["x"]), &text),
    ]
}

/// A number with the default words that may be absent.
pub fn optional_number(place: &str) -> Vec<Case> {
    let text = format!("\"{}\" must be a number", name(place));
    vec![
        set(place, "many", &text),
        set(place, Value::Null, &text),
        set(place, true, &text),
        set(place, serde_json::json!({ "$gt": 0 }), &text),
        set(place, serde_json::json!([1]), &text),
    ]
}

/// A required number with the default words.
pub fn required_number(place: &str) -> Vec<Case> {
    let mut cases = optional_number(place);
    cases.push(gone(place, &format!("\"{}\" is required", name(place))));
    cases
}

/// A boolean with the default words that may be absent.
pub fn optional_boolean(place: &str) -> Vec<Case> {
    let text = format!("\"{}\" must be a boolean", name(place));
    vec![set(place, "maybe", &text), set(place, 1, &text), set(place, serde_json::json!({ "$ne": null }), &text)]
}

/// A text whose type, emptiness and absence have words of their own.
pub fn own_words(place: &str, wrong_type: &str, empty: &str, missing: &str) -> Vec<Case> {
    vec![
        set(place, 1, wrong_type),
        set(place, Value::Null, wrong_type),
        set(place, serde_json::json!({ "$ne": null }), wrong_type),
        set(place, serde_json::json!(["x"]), wrong_type),
        set(place, "", empty),
        gone(place, missing),
    ]
}

/// Sends the valid body with each of the breaches, and reports all wrong answers at once; then the valid body itself
/// must be accepted.
pub async fn check(browser: &Browser, method: &str, path: &str, valid: &Value, coming_from: &str, cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (change, text) in &cases {
        let (shown, sent) = match change {
            Change::Set(place, value) => (format!("{place} = {value}"), with(valid, place, value.clone())),
            Change::Gone(place) => (format!("without {place}"), without(valid, place)),
            Change::Body(value) => (format!("body {value}"), value.clone()),
        };
        let answer = browser.call(method, path, Some(&sent)).await;
        let is_json = answer.header("content-type").starts_with("application/json");
        let body = if is_json { answer.json() } else { Value::Null };
        let is_right = answer.status == 400
            && body["message"] == text.as_str()
            && body["statusCode"] == 400
            && body["status"] == "error"
            && (coming_from.is_empty() || body["comingFrom"] == coming_from);
        if !is_right {
            let shown: String = shown.chars().take(120).collect();
            wrong.push(format!("{shown}: expected 400 {text:?} from {coming_from:?}, got {answer}"));
        }
    }
    let answer = browser.call(method, path, Some(valid)).await;
    if !(200..300).contains(&answer.status) {
        wrong.push(format!("the valid body: {answer}"));
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
