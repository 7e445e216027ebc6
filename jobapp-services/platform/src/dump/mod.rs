//! Everything stored, one aggregate a line.

mod canonical;

use std::sync::Arc;

use jobapp_kernel::RepositoryError;
use serde_json::{Value, json};

use crate::Kept;
use canonical::canonical;

/// How many aggregates are read at once.
const PAGE: usize = 500;

/// Everything that is stored of these kinds as lines of JSON, without hashes and keys. With `replace`, ids, times and everything else that
/// differs between two equal runs is replaced, and lines are in an order that does not depend on it.
///
/// # Errors
/// When something cannot be read.
pub async fn dump(kinds: &[Arc<dyn Kept>], replace: bool) -> Result<Vec<String>, RepositoryError> {
    let mut lines = Vec::new();
    for kept in kinds {
        read(&**kept, replace, &mut lines).await?;
    }
    if replace {
        // Ids are gone, and with them the order they gave.
        lines.sort();
    }
    Ok(lines)
}

async fn read(kept: &dyn Kept, replace: bool, lines: &mut Vec<String>) -> Result<(), RepositoryError> {
    let mut after: Option<String> = None;
    loop {
        let page = kept.scan(after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        for value in page {
            // Hashes and keys are of no use to a reader and of much to a thief.
            let state = without_secrets(value.state);
            let line = if replace {
                json!({ "aggregate": kept.name(), "state": canonical(state) })
            } else {
                json!({ "aggregate": kept.name(), "id": value.id, "version": value.version, "state": state })
            };
            lines.push(line.to_string());
        }
    }
}

/// Names of fields that hold hashes and keys.
const SECRET: [&str; 9] = ["password_hash", "hash", "key", "newest", "previous", "token", "code", "secret", "nonce"];

/// The same value without hashes and keys.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let blank = |(name, value): (String, Value)| {
                let secret = SECRET.contains(&name.as_str()) && value.is_string();
                let value = if secret { "<secret>".into() } else { without_secrets(value) };
                (name, value)
            };
            Value::Object(object.into_iter().map(blank).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_secrets).collect()),
        other => other,
    }
}
