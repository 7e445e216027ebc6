//! Runs the tests: all of them with servers in containers, or those that need none.
//!
//! A test that needs a server is in a target named `servers`: the rule that tells the two apart.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{cargo, cargo_command, finish, layers, root, step};

/// The target of a package's tests that need servers.
const SERVERS: &str = "servers";
/// Without stopping at the first failing package: one run shows everything that fails.
const EVERYTHING: [&str; 3] = ["--workspace", "--all-features", "--no-fail-fast"];
/// The package and the program that starts the servers.
const PROGRAM: &str = "jobapp-test-servers";

/// Runs what `arguments` say: `fast` first leaves out what needs a server, the rest is for `cargo test`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (is_fast, arguments) = match arguments.as_slice() {
        ["fast", rest @ ..] => (true, rest),
        all => (false, all),
    };
    let metadata = layers::metadata()?;
    let selected = Selected::by(&metadata, arguments);
    let arguments = if arguments.is_empty() { &EVERYTHING[..] } else { arguments };
    if is_fast {
        return fast(&selected, arguments);
    }
    if !selected.wants_servers(arguments) {
        return cargo(&with(arguments, &[]), &[]);
    }
    // Before the servers, so that what does not compile is told at once.
    cargo(&with(arguments, &["--no-run"]), &[])?;
    cargo(&with_program(arguments, &selected), &[])?;
    let images = prepare()?;
    step("servers");
    let servers = Servers::start(&metadata, &images)?;
    let mut tests = cargo_command(&with(arguments, &[]));
    let outcome = finish(tests.envs(images).envs(servers.variables.iter().cloned()));
    servers.end()?;
    outcome
}

/// Everything but the targets named `servers`. Cargo cannot leave a target out, so the others are named.
fn fast(selected: &Selected, arguments: &[&str]) -> anyhow::Result<()> {
    let mut targets = vec!["--bins", "--examples"];
    if selected.has_library {
        targets.push("--lib");
    }
    for test in selected.tests.iter().filter(|test| *test != SERVERS) {
        targets.extend(["--test", test]);
    }
    cargo(&with(arguments, &targets), &[])?;
    if selected.has_library { cargo(&with(arguments, &["--doc"]), &[]) } else { Ok(()) }
}

/// The command line of `cargo test` with further options, which belong before what is for the tests themselves.
fn with<'a>(arguments: &[&'a str], options: &[&'a str]) -> Vec<&'a str> {
    let end = arguments.iter().position(|argument| *argument == "--").unwrap_or(arguments.len());
    let (for_cargo, for_tests) = arguments.split_at(end);
    [&["test"], options, for_cargo, for_tests].concat()
}

/// Builds the program, and those that the tests start. As part of everything they have the features of everything, and most of it is
/// built already.
fn with_program(arguments: &[&str], selected: &Selected) -> Vec<&'static str> {
    if arguments == EVERYTHING || selected.starts_programs {
        vec!["build", "--workspace", "--all-features", "--bins"]
    } else {
        vec!["build", "--package", PROGRAM]
    }
}

/// What the packages of a run have.
struct Selected {
    has_library: bool,
    /// Whether their tests start the programs of all services.
    starts_programs: bool,
    tests: BTreeSet<String>,
}

/// The package whose tests, and those of who depends on it, start the programs of all services.
const CLUSTER: &str = "jobapp-cluster";

impl Selected {
    /// The packages that `-p` names, or all.
    fn by(metadata: &Value, arguments: &[&str]) -> Self {
        let named = values(arguments, &["-p", "--package"]);
        let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let packages = packages
            .iter()
            .filter(|package| named.is_empty() || package["name"].as_str().is_some_and(|name| named.contains(&name)));
        let packages: Vec<&Value> = packages.collect();
        let is_or_needs_it = |package: &&Value| {
            let needed = package["dependencies"].as_array().into_iter().flatten();
            package["name"] == CLUSTER || needed.into_iter().any(|dependency| dependency["name"] == CLUSTER)
        };
        let starts_programs = packages.iter().any(is_or_needs_it);
        let targets: Vec<&Value> =
            packages.iter().flat_map(|package| package["targets"].as_array()).flatten().collect();
        let is =
            |target: &Value, kind: &str| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind));
        let tests = targets.iter().filter(|target| is(target, "test"));
        Self {
            has_library: targets.iter().any(|target| is(target, "lib")),
            starts_programs,
            tests: tests.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect(),
        }
    }

    /// Whether a test that needs a server is among those that run.
    fn wants_servers(&self, arguments: &[&str]) -> bool {
        let tests = values(arguments, &["--test"]);
        let chosen = ["--lib", "--bins", "--bin", "--examples", "--example", "--doc"];
        if tests.is_empty() && arguments.iter().any(|argument| chosen.contains(argument)) {
            return false;
        }
        self.tests.contains(SERVERS) && (tests.is_empty() || tests.contains(&SERVERS))
    }
}

/// The values of an option, as `-p orders`, `--package orders` or `--package=orders`.
fn values<'a>(arguments: &[&'a str], names: &[&str]) -> Vec<&'a str> {
    let for_cargo = arguments.iter().take_while(|argument| **argument != "--");
    let mut values = Vec::new();
    let mut before = "";
    for argument in for_cargo {
        if names.contains(&before) {
            values.push(*argument);
        }
        values.extend(argument.split_once('=').filter(|(name, _)| names.contains(name)).map(|(_, value)| value));
        before = argument;
    }
    values
}

/// An engine and the images; what each is called.
pub(crate) fn prepare() -> anyhow::Result<Vec<(String, String)>> {
    step("container engine");
    finish(&mut Command::new(root().join("tests/engine.sh")))?;
    step("images");
    let output = Command::new(root().join("tests/images/images.sh"))
        .stderr(Stdio::inherit())
        .output()
        .context("tests/images/images.sh could not be started")?;
    if !output.status.success() {
        bail!("the images of the servers could not be made");
    }
    String::from_utf8(output.stdout)?.lines().map(variable).collect()
}

fn variable(line: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = line.split_once('=').with_context(|| format!("not a variable: {line}"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The servers that all suites share. They end with their input, so also when this program is killed.
struct Servers {
    program: Child,
    input: ChildStdin,
    variables: Vec<(String, String)>,
}

impl Servers {
    fn start(metadata: &Value, images: &[(String, String)]) -> anyhow::Result<Self> {
        let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
        let mut command = Command::new(PathBuf::from(target).join("debug").join(PROGRAM));
        // In a group of its own: Ctrl-C is for the tests, and the servers end after them.
        command.envs(images.iter().cloned()).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut program = command.spawn().with_context(|| format!("{PROGRAM} could not be started"))?;
        let input = program.stdin.take().context("the servers have no input")?;
        let output = program.stdout.take().context("the servers have no output")?;
        let mut variables = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line == "ready" {
                return Ok(Self { program, input, variables });
            }
            variables.push(variable(&line)?);
        }
        program.wait()?;
        bail!("the servers did not start")
    }

    fn end(mut self) -> anyhow::Result<()> {
        drop(self.input);
        let status = self.program.wait()?;
        if status.success() { Ok(()) } else { bail!("the servers did not end well: {status}") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selected(arguments: &[&str]) -> Selected {
        let target = |kind: &str, name: &str| json!({"kind": [kind], "name": name});
        let metadata = json!({"packages": [
            {"name": "plain", "targets": [target("lib", "plain"), target("test", "it")]},
            {"name": "store", "targets": [target("lib", "store"), target("test", "it"), target("test", "servers")]},
            {"name": "tool", "targets": [target("bin", "tool")]},
        ]});
        Selected::by(&metadata, arguments)
    }

    #[test]
    fn servers_are_started_for_who_needs_them() {
        for (arguments, wants) in [
            (&[][..], true),
            (&["a_test"], true),
            (&["-p", "plain"], false),
            (&["-p", "store"], true),
            (&["--package=store"], true),
            (&["-p", "plain", "-p", "store"], true),
            (&["-p", "store", "--lib"], false),
            (&["-p", "store", "--test", "it"], false),
            (&["-p", "store", "--test", "it", "--test", "servers"], true),
            (&["-p", "plain", "--", "-p", "store"], false),
        ] {
            assert_eq!(selected(arguments).wants_servers(arguments), wants, "{arguments:?}");
        }
    }

    #[test]
    fn only_a_package_with_a_library_has_tests_in_its_documentation() {
        assert!(selected(&["-p", "plain"]).has_library);
        assert!(!selected(&["-p", "tool"]).has_library);
    }

    #[test]
    fn options_come_before_what_is_for_the_tests() {
        assert_eq!(
            with(&["-p", "plain", "--", "--nocapture"], &["--no-run"]),
            ["test", "--no-run", "-p", "plain", "--", "--nocapture"]
        );
    }
}
