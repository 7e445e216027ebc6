//! One process of a service.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to get ready, or to end.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs a command for as long as our end of its input is open: whoever started it ends, however that ends, and leaves nothing behind.
const LEASH: &str = r#""$@" </dev/null & server=$!; trap 'kill "$server"; wait "$server"; exit $?' TERM; echo "$server"; read -r _; kill "$server"; wait "$server""#;

/// One process of a service. It is killed when dropped.
pub struct Process {
    service: &'static str,
    port: u16,
    program: PathBuf,
    settings: BTreeMap<String, String>,
    log: PathBuf,
    running: Mutex<Option<Running>>,
}

struct Running {
    /// Holds the leash.
    shell: Child,
    /// The program itself.
    id: Pid,
}

impl Process {
    pub(crate) fn new(
        service: &'static str,
        port: u16,
        program: PathBuf,
        settings: BTreeMap<String, String>,
        log: PathBuf,
    ) -> Self {
        Self { service, port, program, settings, log, running: Mutex::new(None) }
    }

    /// The service.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where its metrics are read.
    pub fn metrics_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.setting("JOBAPP_METRICS_PORT").unwrap_or_default())
    }

    /// What it wrote to its error output so far, in all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The file with its log.
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Its settings.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one of its settings.
    pub fn setting(&self, variable: &str) -> Option<&str> {
        self.settings.get(variable).map(String::as_str)
    }

    /// The number of its process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn id(&self) -> anyhow::Result<i32> {
        Ok(self.running().as_ref().context("it does not run")?.id.as_raw_nonzero().get())
    }

    /// Starts it. It need not be ready when this returns.
    ///
    /// # Errors
    /// When it runs already, or its program cannot be started.
    pub fn start(&self) -> anyhow::Result<()> {
        let mut running = self.running();
        ensure!(running.is_none(), "{} runs already", self.service);
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new("sh");
        // In a group of its own: Ctrl-C is for who started it.
        command.process_group(0);
        command.args(["-c", LEASH, "leash"]).arg(&self.program).env_clear().envs(&self.settings);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("RUST_BACKTRACE", "1");
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut output = std::io::BufReader::new(shell.stdout.take().context("no output")?);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line)?;
        let id = Pid::from_raw(line.trim().parse()?).context("no process")?;
        *running = Some(Running { shell, id });
        Ok(())
    }

    /// Runs its program with further arguments to its end, beside what runs: what it printed.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().envs(&self.settings).env("JOBAPP_LOG", "warn").env("PORT", "0");
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "{} {arguments:?}: {printed}{said}", self.service);
        Ok(printed)
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When it ends instead, or takes too long; with the end of its log.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let client = reqwest::Client::new();
        let mut last = String::new();
        loop {
            if let Ok(answer) = client.get(format!("{}/readyz", self.url())).send().await {
                let is_ready = answer.status().is_success();
                last = answer.text().await.unwrap_or_default();
                if is_ready {
                    return Ok(());
                }
            }
            if let Some(ended) = self.ended()? {
                anyhow::bail!("{} ended instead of getting ready ({ended}):\n{}", self.service, self.last_lines());
            }
            ensure!(
                Instant::now() < deadline,
                "{} is not ready after {PATIENCE:?}: {last}\n{}",
                self.service,
                self.last_lines()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it has ended by itself, and how.
    fn ended(&self) -> anyhow::Result<Option<ExitStatus>> {
        let mut running = self.running();
        let Some(one) = running.as_mut() else { anyhow::bail!("{} does not run", self.service) };
        // The shell waits for its input; a program that ended is no process any more.
        if rustix::process::test_kill_process(one.id).is_ok() && !is_a_zombie(one.id) {
            return Ok(None);
        }
        drop(one.shell.stdin.take());
        let status = one.shell.wait()?;
        *running = None;
        Ok(Some(status))
    }

    fn last_lines(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(self.running().as_ref().context("it does not run")?.id, signal)?)
    }

    /// Freezes it: its connections stay, and nothing answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Thaws it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn unpause(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends it without warning, as a crash does.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.wait().map(drop)
    }

    /// Asks it to stop and waits until it has: whether it ended as it should.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub fn stop(&self) -> anyhow::Result<bool> {
        self.signal(Signal::TERM)?;
        Ok(self.wait()?.success())
    }

    fn wait(&self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "{} does not end:\n{}", self.service, self.last_lines());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a process has ended and its end was not yet heard of.
fn is_a_zombie(id: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()));
    status.is_ok_and(|status| status.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')))
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut running) = self.running().take() {
            // Fails only if it has ended already.
            let _ended = kill_process(running.id, Signal::KILL);
            drop(running.shell.stdin.take());
            drop(running.shell.wait());
        }
    }
}
