//! Small checks.

use std::time::{Duration, Instant};

use serde_json::Value;

/// Facts that travel by events arrive within this time.
pub const SOON: Duration = Duration::from_secs(5);

/// Waits until a check holds and returns what it found; fails with its last complaint.
#[track_caller]
pub fn soon<T, F>(what: &str, check: impl Fn() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Result<T, String>>,
{
    within(SOON, what, check)
}

/// As [`soon`], for what may take longer.
#[track_caller]
pub fn within<T, F>(limit: Duration, what: &str, check: impl Fn() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Result<T, String>>,
{
    let place = std::panic::Location::caller();
    let what = what.to_owned();
    async move {
        let deadline = Instant::now() + limit;
        loop {
            match check().await {
                Ok(found) => return found,
                Err(complaint) if Instant::now() >= deadline => {
                    panic!("{place}: not within {limit:?}: {what}: {complaint}")
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
    }
}

/// `Ok` when a value is at a place of a body.
pub fn at(body: &Value, pointer: &str, wanted: impl Into<Value>) -> Result<(), String> {
    let wanted = wanted.into();
    let found = body.pointer(pointer);
    let same = match (found.and_then(Value::as_f64), wanted.as_f64()) {
        (Some(found), Some(wanted)) => (found - wanted).abs() < 1e-9,
        _ => found == Some(&wanted),
    };
    if same { Ok(()) } else { Err(format!("{pointer} is {found:?}, not {wanted}, in {body}")) }
}

/// Fails unless a value is at a place of a body.
#[track_caller]
pub fn has(body: &Value, pointer: &str, wanted: impl Into<Value>) {
    if let Err(complaint) = at(body, pointer, wanted) {
        panic!("{complaint}");
    }
}

/// The text at a place of a body.
#[track_caller]
pub fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} of {body}")).to_owned()
}

/// The list at a place of a body.
#[track_caller]
pub fn list(body: &Value, pointer: &str) -> Vec<Value> {
    body.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer} of {body}")).clone()
}

/// The keys of an object, sorted.
#[track_caller]
pub fn keys(body: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> =
        body.as_object().unwrap_or_else(|| panic!("no object: {body}")).keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The body without what is at a place.
pub fn without(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(object) => {
            object.remove(name);
        }
        other => panic!("{parent} is {other}"),
    }
    body
}

/// The body with a value at a place, in place of what is there.
pub fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
        Value::Object(object) => {
            object.insert(name.to_owned(), value);
        }
        Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = value,
        other => panic!("{parent} is {other}"),
    }
    body
}
