//! Removes the containers of this process when it ends, however it ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

/// Reads names until its input ends, as it does with the process that holds the other end: also when that is killed. Signals of the
/// terminal are for that process.
const PROGRAM: &str = r#"
trap '' HUP INT QUIT TERM
names=
while read -r name; do names="$names $name"; done
[ -z "$names" ] || docker rm -f -v $names >/dev/null 2>&1
"#;

static GUARDIAN: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// Has the container of this name removed when this process is gone. To be said before the container is made.
pub(crate) fn watch(name: &str) -> anyhow::Result<()> {
    let mut guardian = GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner);
    let input = match &mut *guardian {
        Some(input) => input,
        none => none.insert(start()?),
    };
    writeln!(input, "{name}").context("the guardian of containers has ended")
}

fn start() -> anyhow::Result<ChildStdin> {
    let mut shell = Command::new("sh");
    shell.args(["-c", PROGRAM]).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = shell.spawn().context("the guardian of containers cannot be started")?;
    child.stdin.context("the guardian of containers has no input")
}
