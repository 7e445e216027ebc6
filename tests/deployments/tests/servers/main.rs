//! Every overlay, put together: against the schemas, the policies, and a real control plane. Every image, built and run.
//!
//! The tools are built from Go modules by `tests/kubernetes/prepare.sh` and `tests/images/tools.sh`, where they are missing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints figures, and what could not be removed")]

mod containers;
mod control_plane;
#[path = "../../../../examples/journey.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod journey;
mod overlays;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use jobapp_deployments::root;

/// The overlays, each a deployment of its own.
const OVERLAYS: [&str; 3] = ["minikube", "eks", "blue-green"];

/// Where an overlay is.
fn overlay(name: &str) -> PathBuf {
    root().join("examples/deployments/kubernetes/overlays").join(name)
}

/// Makes the tools, and tells where they are: all, or those that need no control plane.
fn tools(what: &str) -> PathBuf {
    said(Command::new(root().join("tests/kubernetes/prepare.sh")).arg(what)).unwrap();
    let folder = std::env::var_os("KUBEPLANE_CACHE").map(PathBuf::from);
    let usual = || {
        let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let caches = caches.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        caches.unwrap().join("jobapp-tests/kubernetes")
    };
    folder.unwrap_or_else(usual)
}

/// What a command printed. Fails with all that it said; not with its variables, some of which are secrets.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    let line = [vec![command.get_program().to_string_lossy().into_owned()], arguments.collect()].concat().join(" ");
    let output = command.output().with_context(|| format!("{line} could not be started"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{line}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    Ok(printed)
}
