//! The page of all settings, as the programs tell them.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{SERVICES, program};

const HEAD: &str = "\
# Settings of the eight programs

Each is an environment variable, a line of a TOML file (`--config`) by its name, and, unless it is a secret, a flag. A flag wins over the
environment, the environment over the file; of several variables the first that is there counts. Everything that is wrong is told at once,
with its name, what was expected and where it comes from, before a port opens. `--check` also tries every server.

This page is made by `cargo xtask settings` from what the programs tell with `--settings`; a test sees to it that it is current.

| variable | name | programs | what it is for | expected | default |
|---|---|---|---|---|---|
";

/// The page.
///
/// # Errors
/// When a program is not built, or does not tell.
pub fn settings_page() -> anyhow::Result<String> {
    let mut rows: Vec<(Value, BTreeMap<String, Vec<&str>>)> = Vec::new();
    for service in SERVICES {
        let output = Command::new(program(&format!("jobapp-{service}"))?).arg("--settings").output()?;
        ensure!(output.status.success(), "jobapp-{service} --settings: {}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).context("no JSON")?;
        for mut setting in told.as_array().context("no list")?.clone() {
            let default = setting["default"].as_str().unwrap_or_default().to_owned();
            setting["default"] = Value::Null;
            match rows.iter_mut().find(|(known, _)| *known == setting) {
                Some((_, users)) => users.entry(default).or_default().push(service),
                None => rows.push((setting, [(default, vec![service])].into())),
            }
        }
    }
    let mut page = HEAD.to_owned();
    for (setting, users) in rows {
        let text = |name: &str| setting[name].as_str().unwrap_or_default().replace('|', "\\|");
        let variables = setting["variables"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let variables: Vec<String> = variables.map(|variable| format!("`{variable}`")).collect();
        let count = users.values().map(Vec::len).sum::<usize>();
        let everybody: Vec<&str> =
            SERVICES.into_iter().filter(|of| users.values().any(|some| some.contains(of))).collect();
        let programs = if count == SERVICES.len() { "all".to_owned() } else { everybody.join(", ") };
        let default = match users.len() {
            1 => users.keys().next().cloned().unwrap_or_default(),
            _ => {
                let each = users.iter().map(|(default, some)| format!("{} {default}", some.join(", ")));
                each.collect::<Vec<_>>().join("; ")
            }
        };
        let secret = if setting["secret"] == true { ", secret" } else { "" };
        page.push_str(&format!(
            "| {} | `{}`{secret} | {programs} | {} | {} | {default} |\n",
            variables.join(", "),
            text("name"),
            text("about"),
            text("expected")
        ));
    }
    Ok(page)
}
