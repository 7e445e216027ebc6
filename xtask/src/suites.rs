//! Every port has a suite, and every implementation runs it.
//!
//! A port is a public asynchronous trait of the core. The table on the page of `jobapp-contracts` says which suite is whose,
//! or why there is none.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};

use crate::sources;

/// Where the table is.
const TABLE: &str = "jobapp-adapters/contracts/src/lib.rs";

/// A suite, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Promise {
    Suite(String),
    None,
}

/// Names every port without a line in the table, every line without a port, and every crate that implements a port and does
/// not run its suite.
pub(crate) fn check(root: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(root.join(TABLE)).context("the table of suites cannot be read")?;
    let table = table(&page)?;
    let mut ports = Vec::new();
    for source in sources::below(&root.join("jobapp-core"))? {
        ports.extend(ports_of(source.parts().0));
    }
    breaches.extend(unlisted(&ports, &table));
    for layer in ["jobapp-adapters", "jobapp-services"] {
        for entry in std::fs::read_dir(root.join(layer))? {
            let folder = entry?.path();
            if folder.is_dir() {
                breaches.extend(unproven(&folder, &table)?);
            }
        }
    }
    Ok(())
}

/// The lines of the table, by port.
fn table(page: &str) -> anyhow::Result<BTreeMap<String, Promise>> {
    let mut table = BTreeMap::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let cells = line.split_once("` | ").with_context(|| format!("a line of the table cannot be read: {line}"))?;
        let (port, suite) = (cells.0, cells.1.trim_end_matches(" |"));
        let promise = match suite.strip_prefix('`').and_then(|suite| suite.strip_suffix("!`")) {
            Some(suite) => Promise::Suite(suite.to_owned()),
            None if suite.starts_with("none: ") => Promise::None,
            None => bail!("{TABLE}: {port} has neither a suite nor `none: ` and a reason"),
        };
        table.insert(port.to_owned(), promise);
    }
    Ok(table)
}

fn unlisted(ports: &[String], table: &BTreeMap<String, Promise>) -> Vec<String> {
    let without = ports.iter().filter(|port| !table.contains_key(*port));
    let stale = table.keys().filter(|port| !ports.contains(port));
    without
        .map(|port| format!("the port {port} has no suite: write one and name it in {TABLE}"))
        .chain(stale.map(|port| format!("{TABLE} names the port {port}, which the core does not have")))
        .collect()
}

/// The ports that a crate implements without running their suites.
fn unproven(folder: &Path, table: &BTreeMap<String, Promise>) -> anyhow::Result<Vec<String>> {
    let (mut implemented, mut tests) = (Vec::new(), String::new());
    for source in sources::below(folder)? {
        let (code, of_tests) = source.parts();
        implemented.extend(implementations(code));
        tests.push_str(of_tests);
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let missing = implemented.into_iter().filter_map(|(port, kind)| {
        let Some(Promise::Suite(suite)) = table.get(&port) else { return None };
        let runs = tests.contains(&format!("jobapp_contracts::{suite}!("));
        (!runs).then(|| format!("{name}: {kind} is a {port} and does not run jobapp_contracts::{suite}!"))
    });
    Ok(missing.collect())
}

/// The public asynchronous traits of a source.
fn ports_of(code: &str) -> Vec<String> {
    let mut lines = code.lines();
    let mut ports = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim() == "#[async_trait]"
            && let Some(declared) = lines.clone().find(|line| !line.trim_start().starts_with("#["))
            && let Some(name) = declared.strip_prefix("pub trait ")
        {
            ports.extend(identifier(name));
        }
    }
    ports
}

/// The traits that a source implements for types, each with the type.
fn implementations(code: &str) -> Vec<(String, String)> {
    let implemented = code.lines().filter(|line| line.starts_with("impl")).filter_map(|line| {
        let (before, after) = line.split_once(" for ")?;
        let named = before.trim_start_matches("impl");
        // Behind the parameters of the implementation, if it has any.
        let named = if named.starts_with('<') { behind_brackets(named)? } else { named };
        Some((identifier(named.trim().rsplit("::").next()?)?, identifier(after)?))
    });
    implemented.collect()
}

fn behind_brackets(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (index, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if depth == 1 => return text.get(index + 1..),
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The identifier that a text begins with.
fn identifier(text: &str) -> Option<String> {
    let name: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "//! | port | suite |\n//! |---|---|\n//! | `Kettle` | `kettle!` |\n//! | `Cook` | none: a person |\n";

    #[test]
    fn a_port_without_a_line_and_a_line_without_a_port_are_named() {
        let table = table(PAGE).unwrap();
        let ports = ports_of(
            "#[async_trait]\n#[diagnostic::something]\npub trait Kettle: Send {\n}\npub trait Plain {}\n\
             #[async_trait]\npub trait Stove<A>: Send {\n}\n#[async_trait]\nimpl Kettle for X {\n}\n",
        );
        assert_eq!(ports, ["Kettle", "Stove"]);
        let breaches = unlisted(&ports, &table);
        assert!(breaches[0].contains("the port Stove has no suite") && breaches[1].contains("the port Cook"));
        assert_eq!(breaches.len(), 2);
    }

    #[test]
    fn a_line_without_a_suite_or_a_reason_is_refused() {
        assert!(super::table("//! | `Kettle` | later |\n").is_err());
    }

    #[test]
    fn an_implementation_is_found_whatever_its_parameters() {
        let code = "impl Kettle for Steel {\nimpl<A: Into<String>> Kettle for Glass<A> {\nimpl Steel {\n    impl Kettle for No {\n\
            impl kitchen::Kettle for Clay {\n";
        let found = implementations(code);
        let kinds: Vec<&str> = found.iter().map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(kinds, ["Steel", "Glass", "Clay"]);
        assert!(found.iter().all(|(port, _)| port == "Kettle"));
    }

    #[test]
    fn a_crate_that_does_not_run_the_suite_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let table = table(PAGE).unwrap();
        write(
            "src/lib.rs",
            "impl Kettle for Steel {\n}\nimpl Cook for Marta {\n}\n#[cfg(test)]\nimpl Kettle for Toy {}\n",
        );
        let breaches = unproven(folder.path(), &table).unwrap();
        assert_eq!(breaches.len(), 1);
        assert!(breaches[0].contains("Steel is a Kettle and does not run jobapp_contracts::kettle!"), "{breaches:?}");
        write("tests/it/main.rs", "jobapp_contracts::kettle!(fresh());\n");
        assert_eq!(unproven(folder.path(), &table).unwrap(), Vec::<String>::new());
    }
}
