//! What the project says of its programs, read where it says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

/// Where the settings of the programs are listed, as the programs tell them: a test of the programs keeps that page current.
const SETTINGS: &str = "docs/settings.md";
/// Where the time is said within which a program stops.
const LIFECYCLE: &str = "jobapp-services/runtime/src/lifecycle.rs";
/// Where the secrets are made that manifests refer to.
const SECRETS: &str = "examples/deployments/kubernetes/secrets.sh";

/// What the project says of its programs.
#[derive(Debug, Default)]
pub struct Facts {
    /// Every variable, and the programs that read it.
    pub variables: BTreeMap<String, BTreeSet<String>>,
    /// Those that hold a secret.
    pub secret_variables: BTreeSet<String>,
    /// The port that each program listens on.
    pub ports: BTreeMap<String, u64>,
    /// How long a program takes to stop at most.
    pub stop: Duration,
    /// The images that tests run, by name: whatever else is deployed was not tried.
    pub tried_images: BTreeMap<String, String>,
    /// The keys of the secret that is made at an installation.
    pub secret_keys: BTreeSet<String>,
    /// The queues of the marketplace.
    pub queues: BTreeSet<String>,
    /// The version of the programs.
    pub version: String,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    /// When a page is not there, or does not look as it is expected to.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let text =
            |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| format!("{path} cannot be read"));
        let mut facts = Self { version: env!("CARGO_PKG_VERSION").to_owned(), ..Self::default() };
        for line in text(SETTINGS)?.lines().filter(|line| line.starts_with("| `")) {
            facts.learn_setting(line)?;
        }
        ensure!(facts.ports.len() == 8, "{SETTINGS} tells the ports of {:?}", facts.ports.keys());
        let everybody: BTreeSet<String> = facts.ports.keys().cloned().collect();
        for users in facts.variables.values_mut().filter(|users| users.contains("all")) {
            users.clone_from(&everybody);
        }
        facts.stop = Duration::from_secs(
            between(&text(LIFECYCLE)?, "pub const STOP_LIMIT: Duration = Duration::from_secs(", ")")
                .with_context(|| format!("{LIFECYCLE} tells no STOP_LIMIT"))?
                .parse()?,
        );
        for entry in std::fs::read_dir(root.join("tests/images"))? {
            let official = entry?.path().join("official");
            if official.exists() {
                let image = std::fs::read_to_string(official)?.trim().to_owned();
                let (name, _) = image.split_once(':').with_context(|| format!("{image} has no tag"))?;
                facts.tried_images.insert(name.to_owned(), image);
            }
        }
        let keys = text(SECRETS)?;
        let keys = keys.lines().filter_map(|line| line.trim_start().strip_prefix("key "));
        facts.secret_keys = keys.filter_map(|rest| Some(rest.split_whitespace().next()?.to_owned())).collect();
        let queues = text("jobapp-core/wire/src/queues.rs")?;
        facts.queues =
            queues.split('"').skip(1).step_by(2).filter(|text| text.contains("-queue")).map(str::to_owned).collect();
        Ok(facts)
    }

    /// Learns one line of the table of settings.
    fn learn_setting(&mut self, line: &str) -> anyhow::Result<()> {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [variables, name, programs, .., default] = cells.as_slice() else {
            anyhow::bail!("{SETTINGS} has a line without its cells: {line}")
        };
        for variable in variables.split(", ").map(|variable| variable.trim_matches('`')) {
            let users = programs.split(", ").map(str::to_owned);
            self.variables.entry(variable.to_owned()).or_default().extend(users);
            if name.ends_with("secret") {
                self.secret_variables.insert(variable.to_owned());
            }
        }
        if *variables == "`PORT`" {
            for one in default.split("; ") {
                let (program, port) = one.split_once(' ').with_context(|| format!("no port of a program: {one}"))?;
                self.ports.insert(program.to_owned(), port.trim_end_matches(" |").parse()?);
            }
        }
        Ok(())
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}
