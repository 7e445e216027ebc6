//! Guards the layers: the core is pure, adapters know only the core, every driver has one user.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{sources, suites};

/// What a core crate may depend on besides core crates: no sockets, files, threads, clocks or random sources.
const PURE: &[&str] = &[
    "async-trait",
    "frostem",
    "futures",
    "hex",
    "hmac",
    "icu_casemap",
    "icu_properties",
    "idna",
    "jiff",
    "psl",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "thiserror",
    "totp-rs",
    "unicode-normalization",
    "unicode-script",
    "unicode-security",
    "utoipa",
];

/// A driver and the one package that may use it.
const DRIVERS: &[(&str, &str)] = &[
    ("sea-orm", "jobapp-sql"),
    ("sqlx", "jobapp-sql"),
    ("rusqlite", "jobapp-sqlite"),
    ("tantivy", "jobapp-tantivy"),
    ("lettre", "jobapp-mail"),
    ("mrml", "jobapp-mail"),
    ("minijinja", "jobapp-mail"),
    ("infer", "jobapp-media"),
    ("gif", "jobapp-media"),
    ("image-webp", "jobapp-media"),
    ("imagesize", "jobapp-media"),
    ("zune-jpeg", "jobapp-media"),
    ("object_store", "jobapp-media"),
    ("jsonwebtoken", "jobapp-http"),
    ("argon2", "jobapp-auth-service"),
    ("lapin", "jobapp-amqp"),
    ("mongodb", "jobapp-mongo"),
    ("fred", "jobapp-redis"),
    ("elasticsearch", "jobapp-elastic"),
    ("socketioxide", "jobapp-realtime"),
    ("prometheus", "jobapp-metrics"),
    ("opentelemetry", "jobapp-telemetry"),
    ("opentelemetry-proto", "jobapp-telemetry"),
    ("opentelemetry_sdk", "jobapp-telemetry"),
    ("testcontainers", "jobapp-test-servers"),
];

/// What core sources may not name, and what to do instead.
const BANNED: &[(&str, &str)] = &[
    ("SystemTime::now", "ask the Clock port"),
    ("Instant::now", "ask the Clock port"),
    ("Timestamp::now()", "ask the Clock port"),
    ("std::fs", "files belong to an adapter"),
    ("std::net", "sockets belong to an adapter"),
    ("std::env", "settings come in as arguments"),
    ("std::thread", "threads belong to an adapter"),
    ("tokio::", "timers and tasks belong to an adapter or a service"),
    ("rand::", "random values come through a port"),
    ("println!", "the core does not print"),
];

/// How the core changes what is stored, and within what it does so.
const UPDATE: &str = "Change::update(";
const TURNS: [&str; 2] = ["in_turn", "decided("];

struct Package {
    name: String,
    layer: Layer,
    dependencies: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Core,
    Adapter,
    Service,
    Top,
}

/// Checks the workspace and names every breach.
pub(crate) fn check() -> anyhow::Result<()> {
    let packages = packages()?;
    let by_name: BTreeMap<&str, Layer> =
        packages.iter().map(|package| (package.name.as_str(), package.layer)).collect();
    let mut breaches = Vec::new();
    for package in &packages {
        for dependency in &package.dependencies {
            let known = by_name.get(dependency.as_str()).copied();
            let wrong = match (package.layer, known) {
                (Layer::Core, None) => !PURE.contains(&dependency.as_str()),
                (Layer::Core, Some(layer)) => layer != Layer::Core,
                (Layer::Adapter, Some(layer)) => !matches!(layer, Layer::Core | Layer::Adapter),
                _ => false,
            };
            if wrong {
                breaches.push(format!("{} must not depend on {dependency}", package.name));
            }
            if let Some((_, user)) = DRIVERS.iter().find(|(driver, _)| driver == dependency)
                && *user != package.name
            {
                breaches.push(format!("{dependency} is used by {}; its one user is {user}", package.name));
            }
        }
    }
    check_sources(&crate::root().join("jobapp-core"), &mut breaches)?;
    suites::check(&crate::root(), &mut breaches)?;
    if breaches.is_empty() {
        println!("layers: {} packages, no breach", packages.len());
        return Ok(());
    }
    bail!("the layers are broken:\n  {}", breaches.join("\n  "))
}

/// What cargo says of the workspace.
pub(crate) fn metadata() -> anyhow::Result<Value> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(crate::root())
        .output()
        .context("cargo metadata could not be started")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The packages of the workspace with their ordinary dependencies; those for tests and builds may be anything.
fn packages() -> anyhow::Result<Vec<Package>> {
    let metadata = metadata()?;
    let listed = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let packages = listed.iter().map(|package| {
        let path = package["manifest_path"].as_str().unwrap_or_default();
        let layer = if path.contains("/jobapp-core/") {
            Layer::Core
        } else if path.contains("/jobapp-adapters/") {
            Layer::Adapter
        } else if path.contains("/jobapp-services/") {
            Layer::Service
        } else {
            Layer::Top
        };
        let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ordinary = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
        Package {
            name: package["name"].as_str().unwrap_or_default().to_owned(),
            layer,
            dependencies: ordinary.filter_map(|dependency| dependency["name"].as_str().map(str::to_owned)).collect(),
        }
    });
    Ok(packages.collect())
}

/// Looks for banned names in the sources below `folder`, outside comments and test modules.
fn check_sources(folder: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
    for source in sources::below(folder)? {
        let path = folder.join(&source.path);
        let (code, _) = source.parts();
        if code.contains(UPDATE) && !TURNS.iter().any(|turn| code.contains(turn)) {
            breaches.push(format!(
                "{}: changes what is stored without taking a turn: use decided or in_turn",
                path.display()
            ));
        }
        for (number, line) in code.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (banned, instead) in BANNED.iter().filter(|(banned, _)| code.contains(banned)) {
                breaches.push(format!("{}:{}: {banned} in the core: {instead}", path.display(), number + 1));
            }
        }
    }
    Ok(())
}
