//! `jobapp dump`: everything stored, one aggregate a line.
#![expect(clippy::print_stdout, reason = "the command prints")]

use std::process::ExitCode;
use std::sync::Arc;

use jobapp_kernel::{Aggregate, Repository};
use serde_json::json;

use crate::canonical::canonical;
use crate::compose::Stores;
use crate::{Folder, Settings};

/// How many aggregates are read at once.
const PAGE: usize = 500;

/// Prints the dump.
pub(crate) async fn print(settings: &Settings, replace: bool) -> anyhow::Result<ExitCode> {
    let folder = Folder::open(&settings.data)?;
    let stores = Box::pin(Stores::open(&folder)).await?;
    let mut lines = Lines { replace, lines: Vec::new() };
    stores.each(&mut lines).await?;
    if replace {
        // Ids are gone, and with them the order they gave.
        lines.lines.sort();
    }
    for line in lines.lines {
        println!("{line}");
    }
    stores.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Collects the lines.
pub(crate) struct Lines {
    replace: bool,
    lines: Vec<String>,
}

impl Lines {
    /// Adds everything a repository holds.
    pub(crate) async fn add<A: Aggregate>(&mut self, repository: &Arc<dyn Repository<A>>) -> anyhow::Result<()> {
        let mut after: Option<A::Id> = None;
        loop {
            let page = repository.scan(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.value.id().clone());
            for stored in &page {
                let state = serde_json::to_value(stored.value.to_state())?;
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
