//! Whether the marketplace does what its OpenAPI document says: schemathesis calls every operation of a `jobapp` of its own,
//! signed in, with bodies and parameters that fit the document and with such that do not
//! (<https://schemathesis.readthedocs.io>).

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// The version that judges: another one tries other things, so it changes by a change of ours.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// How long one run may take before it is ended and counts as failed. It takes a minute or two.
const PATIENCE: Duration = Duration::from_secs(420);
/// What changes how its caller signs in.
const CHANGES_SIGNING_IN: &str = "/auth/second-factor$";
/// What ends the session that calls it. Each is tried apart, with a session of its own.
const ENDS_THE_SESSION: [&str; 3] = ["/auth/signout$", "/auth/change-password$", "/auth/sessions"];

/// Checks the whole document, or only the paths that this regular expression finds.
pub(crate) fn check(only: Option<&str>) -> anyhow::Result<()> {
    // With the features of everything, as the tests are built.
    crate::cargo(&["build", "--workspace", "--all-features", "--bin", "jobapp"], &[])?;
    let place = target().join("openapi");
    let tool = install(&place)?;
    let server = Server::start(&place)?;
    if let Some(only) = only {
        return server.judge(&tool, "Anna", &["--include-path-regex", only]).map(drop);
    }
    let apart = format!("{CHANGES_SIGNING_IN}|{}", ENDS_THE_SESSION.join("|"));
    let people = [("Anna", "--exclude-path-regex", &*apart), ("Berta", "--include-path-regex", CHANGES_SIGNING_IN)];
    for (name, which, operations) in people {
        let session = server.judge(&tool, name, &[which, operations])?;
        // Somebody who was signed out midway has tried nothing from then on.
        prepare(&tool, &[&server.base, "--alive", &session])?;
    }
    for (name, operations) in ["Carla", "Doris", "Emma"].into_iter().zip(ENDS_THE_SESSION) {
        server.judge(&tool, name, &["--include-path-regex", operations])?;
    }
    Ok(())
}

/// Runs the script that signs people up. Returns what it prints.
fn prepare(tool: &Tool, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(&tool.python).arg(own("prepare.py")).args(arguments).output()?;
    ensure!(output.status.success(), "prepare.py: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from)
}

/// What belongs to the check.
fn own(file: &str) -> PathBuf {
    crate::root().join("xtask/openapi").join(file)
}

/// Programs of a Python environment.
struct Tool {
    python: PathBuf,
    schemathesis: PathBuf,
}

/// Installs schemathesis into an environment of its own, unless it is there.
fn install(place: &Path) -> anyhow::Result<Tool> {
    let bin = place.join("python/bin");
    let tool = Tool { python: bin.join("python"), schemathesis: bin.join("schemathesis") };
    let version = Command::new(&tool.schemathesis).arg("--version").stderr(Stdio::null()).output();
    let wanted = SCHEMATHESIS.rsplit('=').next().unwrap_or_default();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(wanted)) {
        return Ok(tool);
    }
    crate::finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(place.join("python")))
        .context("python3 with its module venv is needed (python3-venv on Debian)")?;
    crate::finish(Command::new(&tool.python).args(["-m", "pip", "install", "--quiet", SCHEMATHESIS]))?;
    Ok(tool)
}

/// A marketplace of its own, ended with the check.
struct Server {
    child: Child,
    base: String,
    place: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("jobapp could not be ended: {error}");
        }
    }
}

impl Server {
    fn start(place: &Path) -> anyhow::Result<Self> {
        let data = place.join("data");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = std::fs::File::create(place.join("jobapp.log"))?;
        let mut command = Command::new(target().join("debug/jobapp"));
        command.arg("--data").arg(&data).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--rate-limits", "off", "--dev"]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("jobapp could not be started")?;
        let mut server = Self { child, base: format!("http://127.0.0.1:{port}"), place: place.to_owned() };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("jobapp ended at once ({status}): see {}", place.join("jobapp.log").display());
            }
            ensure!(begun.elapsed() < Duration::from_secs(60), "jobapp opens no port");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Signs somebody up and has schemathesis call these operations as that person. Returns the session.
    fn judge(&self, tool: &Tool, name: &str, operations: &[&str]) -> anyhow::Result<String> {
        let session = prepare(tool, &[&self.base, name])?;
        let mut command = Command::new(&tool.schemathesis);
        command.current_dir(&self.place).arg("--config-file").arg(own("schemathesis.toml")).arg("run");
        command.arg(format!("{}/openapi.json", self.base)).args(operations).env("JOBAPP_SESSION", &session);
        finish_in_time(command)?;
        Ok(session)
    }
}

/// Runs a command, fails with it, and ends it when it takes too long.
fn finish_in_time(mut command: Command) -> anyhow::Result<()> {
    let program = Path::new(command.get_program()).file_name().map(OsStr::to_owned).unwrap_or_default();
    let mut child = command.spawn().with_context(|| format!("{} could not be started", program.display()))?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "the document and the marketplace differ: see above");
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            bail!("{} took longer than {} s", program.display(), PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
