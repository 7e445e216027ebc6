//! Runs the eight programs on servers in containers.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::{cargo, finish, layers, root, step, test};

/// The package and the program that runs the others.
const PROGRAM: &str = "jobapp-cluster";
/// The services that are programs of their own.
const SERVICES: [&str; 8] = ["auth", "chat", "gateway", "gig", "notification", "order", "review", "users"];

/// Builds the programs, sees to an engine and images, and runs them.
pub(crate) fn run(release: bool, arguments: &[String]) -> anyhow::Result<()> {
    let program = build(release)?;
    let images = if arguments.iter().any(|argument| argument == "--help") { Vec::new() } else { test::prepare()? };
    step("up");
    // In place of this program, so that the prompt is not back before everything has ended.
    Err(Command::new(&program).envs(images).args(arguments).exec())
        .with_context(|| format!("{} could not be started", program.display()))
}

/// Writes the page of all settings.
pub(crate) fn settings() -> anyhow::Result<()> {
    let output = Command::new(build(false)?).arg("--settings").output()?;
    ensure!(output.status.success(), "the programs do not tell: {}", String::from_utf8_lossy(&output.stderr));
    Ok(std::fs::write(root().join("docs/settings.md"), output.stdout)?)
}

/// Measures how the programs start, and what they hold when idle.
pub(crate) fn bench_services() -> anyhow::Result<()> {
    build(true)?;
    cargo(&["build", "--release", "--package", PROGRAM, "--features", "bench", "--bin", "services"], &[])?;
    let images = test::prepare()?;
    step("services");
    finish(Command::new(target()?.join("release/services")).envs(images))
}

/// Measures writes into the programs, on these databases.
pub(crate) fn bench_writes(databases: &str, seconds: u64, only: &[String]) -> anyhow::Result<()> {
    build(true)?;
    build_bench("writes_on_servers")?;
    let images = test::prepare()?;
    step("writes");
    let mut bench = Command::new(target()?.join("release/writes_on_servers"));
    finish(bench.envs(images).args([databases, &seconds.to_string()]).args(only))
}

/// Measures something that needs servers and no program.
pub(crate) fn bench_on_servers(name: &'static str, arguments: &[&str]) -> anyhow::Result<()> {
    build_bench(name)?;
    let images = test::prepare()?;
    step(name);
    finish(Command::new(target()?.join("release").join(name)).envs(images).args(arguments))
}

/// Builds a bench, with everything as for the other benches, so that what they built is used.
fn build_bench(name: &str) -> anyhow::Result<()> {
    cargo(&["build", "--release", "--workspace", "--all-features", "--bin", name], &[])
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let metadata = layers::metadata()?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(target))
}

/// Builds the programs: the one that runs the others.
fn build(release: bool) -> anyhow::Result<PathBuf> {
    if release {
        let mut build = vec!["build".to_owned(), "--release".to_owned(), "--bins".to_owned()];
        build.extend(["--package".to_owned(), PROGRAM.to_owned()]);
        for service in SERVICES {
            build.extend(["--package".to_owned(), format!("jobapp-{service}-service")]);
            build.extend(["--features".to_owned(), format!("jobapp-{service}-service/program")]);
        }
        cargo(&build.iter().map(String::as_str).collect::<Vec<_>>(), &[])?;
    } else {
        // As for the tests, so that what they built is used.
        cargo(&["build", "--workspace", "--all-features", "--bins"], &[])?;
    }
    Ok(target()?.join(if release { "release" } else { "debug" }).join(PROGRAM))
}
