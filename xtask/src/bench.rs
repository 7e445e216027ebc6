//! Figures, printed and never judged.

use std::path::Path;
use std::process::Command;

use crate::profile::Profile;

/// One of the benches of the one binary, or of this program: the measuring itself is a program of its own, because it
/// speaks HTTP.
pub(crate) fn of_marketplace(
    name: &str,
    argument: &str,
    program: Option<&Path>,
    only: &[String],
) -> anyhow::Result<()> {
    let program = match program {
        Some(program) => std::path::absolute(program)?,
        None => {
            crate::cargo(&["build", "--release", "--package", "jobapp-all-in-one", "--bin", "jobapp"], &[])?;
            crate::up::target()?.join("release/jobapp")
        }
    };
    let program = program.to_string_lossy();
    let mut arguments = vec!["run", "--release", "--package", "jobapp-all-in-one", "--bin", name];
    arguments.extend(["--features", "bench", "--", argument, &program]);
    arguments.extend(only.iter().map(String::as_str));
    crate::cargo(&arguments, &[])
}

/// Sign-ins a second through the auth service, next to Argon2id alone.
pub(crate) fn signin(seconds: u64) -> anyhow::Result<()> {
    let seconds = seconds.to_string();
    crate::cargo(
        &[
            "run",
            "--release",
            "--package",
            "jobapp-all-in-one",
            "--bin",
            "signin",
            "--features",
            "bench",
            "--",
            &seconds,
        ],
        &[],
    )
}

/// A small answer through the gateway, next to nginx: with a profile of itself at the same work, or plainly.
pub(crate) fn gateway(seconds: u64, plain: bool) -> anyhow::Result<()> {
    let seconds = seconds.to_string();
    if plain {
        return of_gateway("beside_nginx", &seconds);
    }
    let bench = ["bench", "--package", "jobapp-gateway-service", "--bench", "beside_nginx"];
    let profile = Profile::new("gateway")?;
    let counting = profile.counting(&[&bench[..], &["--no-run"]].concat())?;
    let mut work = Command::new(&counting);
    work.args(["work", "6"]);
    profile.learn(&counting, work)?;
    profile.optimise(&[&bench[..], &["--", &seconds]].concat())?;
    Ok(())
}

/// Memory of idle sockets.
pub(crate) fn realtime(sockets: usize) -> anyhow::Result<()> {
    of_gateway("sockets", &sockets.to_string())
}

/// A bench of the gateway service, optimised as a whole: that takes a few minutes the first time.
fn of_gateway(name: &str, argument: &str) -> anyhow::Result<()> {
    let package = "jobapp-gateway-service";
    crate::cargo(&["bench", "--profile", "dist", "--package", package, "--bench", name, "--", argument], &[])
}
