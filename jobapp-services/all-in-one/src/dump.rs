//! `jobapp dump`: everything stored, one aggregate a line.

use std::process::ExitCode;
use std::sync::Arc;

use jobapp_kernel::{Aggregate, Repository};
use serde_json::{Value, json};

use crate::canonical::canonical;
use crate::compose::Stores;
use crate::stores::Visit;
use crate::{Folder, Settings, output};

/// How many aggregates are read at once.
const PAGE: usize = 500;

/// Prints the dump.
pub(crate) async fn print(settings: &Settings, replace: bool) -> anyhow::Result<ExitCode> {
    let folder = Folder::open_used(&settings.data)?;
    let stores = Box::pin(Stores::open(&folder)).await?;
    let mut lines = Lines { replace, lines: Vec::new() };
    stores.each(&mut lines).await?;
    if replace {
        // Ids are gone, and with them the order they gave.
        lines.lines.sort();
    }
    stores.close().await;
    output::lines(lines.lines)?;
    Ok(ExitCode::SUCCESS)
}

/// Collects the lines.
pub(crate) struct Lines {
    replace: bool,
    lines: Vec<String>,
}

impl Visit for Lines {
    async fn add<A: Aggregate>(&mut self, repository: &Arc<dyn Repository<A>>) -> anyhow::Result<()> {
        let mut after: Option<A::Id> = None;
        loop {
            let page = repository.scan(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.value.id().clone());
            for stored in &page {
                let state = serde_json::to_value(stored.value.to_state())?;
                // Hashes and keys are of no use to a reader and of much to a thief.
                let state = without_secrets(state);
                let line = if self.replace {
                    json!({ "aggregate": A::NAME, "state": canonical(state) })
                } else {
                    json!({ "aggregate": A::NAME, "id": stored.value.id().to_string(), "version": stored.version, "state": state })
                };
                self.lines.push(line.to_string());
            }
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
