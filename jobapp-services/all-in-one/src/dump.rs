//! `jobapp dump`: everything stored, one aggregate a line.

use std::process::ExitCode;

use jobapp_platform::{Kept, Shared};
use serde_json::{Value, json};

use crate::canonical::canonical;
use crate::parts::Parts;
use crate::stores::Stores;
use crate::{Folder, Settings, output};

/// How many aggregates are read at once.
const PAGE: usize = 500;

/// Prints the dump.
pub(crate) async fn print(settings: &Settings, replace: bool) -> anyhow::Result<ExitCode> {
    let folder = Folder::open_used(&settings.data)?;
    let stores = Box::pin(Stores::open(&folder)).await?;
    // What a service keeps is known once its ports are there.
    Box::pin(Parts::to_look_at(&stores, &Shared::in_memory())).await?;
    let mut lines = Vec::new();
    for kept in stores.kept() {
        read(&*kept, replace, &mut lines).await?;
    }
    if replace {
        // Ids are gone, and with them the order they gave.
        lines.sort();
    }
    stores.close().await;
    output::lines(lines)?;
    Ok(ExitCode::SUCCESS)
}

async fn read(kept: &dyn Kept, replace: bool, lines: &mut Vec<String>) -> anyhow::Result<()> {
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
