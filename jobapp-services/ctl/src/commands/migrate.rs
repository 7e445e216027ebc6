//! `migrate …`: brings stores to the layout this version wants.

use std::collections::BTreeMap;
use std::fmt;

use clap::Args;
use jobapp_kernel::{Inventory, Layout};
use jobapp_platform::Store;
use serde::Serialize;
use serde_json::json;

use crate::output::{Answer, Form};
use crate::services::{declare, layout_of};

/// Brings stores to the layout this version wants. Safe beside running services and other migrators: each store is changed by one at a
/// time, and what fails leaves it as it was.
#[derive(Debug, Args)]
pub struct MigrateCommand {
    /// Only the stores of these services.
    #[arg(value_name = "SERVICE", value_parser = clap::builder::PossibleValuesParser::new(crate::SERVICES))]
    pub services: Vec<String>,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub plan: bool,
    /// How to answer.
    #[command(flatten)]
    pub form: Form,
}

/// One step from the layout a store has to the one it should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Step {
    /// Make what keeps a kind of aggregate.
    Make {
        /// The kind.
        kind: String,
    },
    /// Add a key and fill it from what is stored.
    Add {
        /// The kind.
        kind: String,
        /// The key.
        key: String,
    },
    /// Make a key anew that is declared otherwise now.
    Redeclare {
        /// The kind.
        kind: String,
        /// The key.
        key: String,
        /// How it was declared.
        from: String,
        /// How it is declared now.
        to: String,
    },
    /// Remove a key that is no longer declared. A newer version may still need it.
    Remove {
        /// The kind.
        kind: String,
        /// The key.
        key: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make { kind } => write!(f, "make {kind}"),
            Self::Add { kind, key } => write!(f, "add the key {key} to {kind}"),
            Self::Redeclare { kind, key, from, to } => {
                write!(f, "make the key {key} of {kind} anew: it was {from:?} and is {to:?}")
            }
            Self::Remove { kind, key } => write!(f, "remove the key {key} of {kind}"),
        }
    }
}

/// The steps from one layout to another. Kinds that only the existing one has are left alone.
pub fn steps(existing: &Layout, wanted: &Layout) -> Vec<Step> {
    let nothing = BTreeMap::new();
    let mut steps = Vec::new();
    for (kind, keys) in wanted {
        let Some(known) = existing.get(kind) else {
            steps.push(Step::Make { kind: kind.clone() });
            continue;
        };
        for (key, to) in keys {
            let (kind, key) = (kind.clone(), key.clone());
            match known.get(&key) {
                None => steps.push(Step::Add { kind, key }),
                Some(from) if from != to => {
                    steps.push(Step::Redeclare { kind, key, from: from.clone(), to: to.clone() });
                }
                Some(_) => {}
            }
        }
        let is_old = |key: &&String| !wanted.get(kind).unwrap_or(&nothing).contains_key(*key);
        let removed = known.keys().filter(is_old).map(|key| Step::Remove { kind: kind.clone(), key: key.clone() });
        steps.extend(removed);
    }
    steps
}

/// What came of the stores of several services.
#[derive(Debug, Default)]
pub struct Migrated {
    lines: Vec<String>,
    stores: Vec<serde_json::Value>,
    failures: usize,
}

impl Migrated {
    /// The store of this service was looked at, or brought up to date by these steps.
    fn note(&mut self, service: &str, place: &str, steps: &[Step], done: bool) {
        let state = match (steps.is_empty(), done) {
            (true, _) => "it is up to date",
            (false, true) => "it is up to date now",
            (false, false) => "to be done:",
        };
        self.lines.push(format!("{service:<8} {place}: {state}"));
        self.lines.extend(steps.iter().map(|step| format!("         {step}")));
        self.stores.push(json!({ "service": service, "store": place, "steps": steps, "done": done }));
    }

    /// The store of this service could not be had or migrated; the others go on.
    pub fn failed(&mut self, service: &str, place: &str, why: &str) {
        self.lines.push(format!("{service:<8} {place}: {why}"));
        self.stores.push(json!({ "service": service, "store": place, "steps": [], "done": false, "trouble": why }));
        self.failures += 1;
    }

    /// What is to be told. All is well unless a store failed.
    pub fn answer(self) -> Answer {
        let Self { lines, stores, failures } = self;
        Answer { is_well: failures == 0, ..Answer::new(lines, json!({ "stores": stores })) }
    }
}

/// Says what would be done to the store of a service.
///
/// # Errors
/// What the store says.
pub async fn plan(
    migrated: &mut Migrated,
    service: &str,
    place: &str,
    inventory: &dyn Inventory,
) -> anyhow::Result<()> {
    let steps = steps(&inventory.layout().await?, &layout_of(service).await?);
    migrated.note(service, place, &steps, false);
    Ok(())
}

/// Brings the store of a service up to date. What it was before comes from `existing`.
///
/// # Errors
/// What the store says; it is as it was before then.
pub async fn migrate(
    migrated: &mut Migrated,
    service: &str,
    place: &str,
    existing: &Layout,
    store: &Store,
) -> anyhow::Result<()> {
    let steps = steps(existing, &layout_of(service).await?);
    declare(service, store).await?;
    migrated.note(service, place, &steps, true);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(kinds: &[(&str, &[(&str, &str)])]) -> Layout {
        let keys = |keys: &[(&str, &str)]| {
            keys.iter().map(|(key, declared)| ((*key).to_owned(), (*declared).to_owned())).collect()
        };
        kinds.iter().map(|(kind, of_kind)| ((*kind).to_owned(), keys(of_kind))).collect()
    }

    #[test]
    fn every_difference_is_a_step_and_strangers_are_left_alone() {
        let existing = layout(&[
            ("kettle", &[("owner", "text"), ("serial", "text"), ("colour", "text")]),
            ("teapot", &[("lid", "int")]),
        ]);
        let wanted = layout(&[
            ("cup", &[("owner", "text")]),
            ("kettle", &[("owner", "text"), ("serial", "text unique"), ("price", "int")]),
        ]);
        let told: Vec<String> = steps(&existing, &wanted).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "make cup",
                "add the key price to kettle",
                "make the key serial of kettle anew: it was \"text\" and is \"text unique\"",
                "remove the key colour of kettle",
            ]
        );
        assert_eq!(steps(&wanted, &wanted), []);
    }
}
