//! Starting and stopping the binary.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use jobapp_all_in_one::Secrets;
use jobapp_http::UserTokens;
use jobapp_kernel::Clock;
use jobapp_runtime::SystemClock;
use rustix::process::{Pid, Signal, kill_process};

use super::Browser;

/// How long a start or a stop may take; a debug build on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a command for as long as our end of its input is open: a test binary that ends, however it ends, leaves nothing
/// behind.
const LEASH: &str = r#""$@" </dev/null & server=$!; read -r _; kill "$server"; wait "$server""#;

/// A running marketplace. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Mutex<Child>,
    /// Such as `http://localhost:40123`.
    pub base: String,
    /// The port it got.
    pub port: u16,
    /// Everything it wrote to its output so far.
    printed: Arc<Mutex<String>>,
    log: PathBuf,
    /// Where it keeps everything, where the test chose that.
    data: Option<PathBuf>,
    _leash: Option<ChildStdin>,
    /// Removed with the server.
    _folder: Option<tempfile::TempDir>,
}

/// A process that ended instead of running.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to its output.
    pub stdout: String,
    /// What it wrote to its error output.
    pub stderr: String,
}

/// The server most tests share; it ends with this test binary.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", LEASH, "leash", env!("CARGO_BIN_EXE_jobapp")]).stdin(Stdio::piped());
        let data = folder.path().join("data");
        command.arg("--data").arg(&data).args(["--port", "0", "--log", "warn"]);
        let mut server =
            Server::run(command, &folder.path().join("stderr.log")).unwrap_or_else(|ended| panic!("{ended:#?}"));
        server._folder = Some(folder);
        show_log_when_a_test_fails(server.log.clone());
        server
    })
}

/// Prints the end of the shared server's log below the message of a failing test.
#[expect(clippy::print_stderr, reason = "a failing test speaks to its reader")]
fn show_log_when_a_test_fails(log: PathBuf) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(15)..];
        eprintln!("--- the server's log ends so:\n{}", last.join("\n"));
    }));
}

impl Server {
    /// Starts a marketplace of one's own on this folder.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::try_start(data, arguments).unwrap_or_else(|ended| panic!("{ended:#?}"))
    }

    /// As [`Server::start`], where the start may fail.
    pub fn try_start(data: &Path, arguments: &[&str]) -> Result<Self, Box<Ended>> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp"));
        command.arg("--data").arg(data).args(arguments);
        if !arguments.contains(&"--log") {
            command.args(["--log", "warn"]);
        }
        if !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        let mut server = Self::try_run(command)?;
        server.data = Some(data.to_owned());
        Ok(server)
    }

    /// Runs a command that ends up as the binary.
    pub fn try_run(command: Command) -> Result<Self, Box<Ended>> {
        let log = tempfile::NamedTempFile::new().unwrap().into_temp_path().keep().unwrap();
        let result = Self::run(command, &log);
        if result.is_err() {
            std::fs::remove_file(&log).unwrap();
        }
        result
    }

    fn run(mut command: Command, log: &Path) -> Result<Self, Box<Ended>> {
        // Settings of whoever runs the tests are not those of the tests.
        let own: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("RUST_BACKTRACE", "1");
        command.envs(own);
        let stderr = File::create(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let leash = child.stdin.take();
        let printed = Arc::new(Mutex::new(String::new()));
        let lines = read_lines(child.stdout.take().unwrap(), Arc::clone(&printed));
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let Some(port) = port_of(&line) else { continue };
                    let base = format!("http://localhost:{port}");
                    let child = Mutex::new(child);
                    return Ok(Self {
                        child,
                        base,
                        port,
                        printed,
                        log: log.to_owned(),
                        data: None,
                        _leash: leash,
                        _folder: None,
                    });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = child.wait().unwrap();
                    let stderr = std::fs::read_to_string(log).unwrap();
                    return Err(Box::new(Ended { status, stdout: printed.lock().unwrap().clone(), stderr }));
                }
                Err(RecvTimeoutError::Timeout) => {
                    child.kill().unwrap();
                    let status = child.wait().unwrap();
                    let log = std::fs::read_to_string(log).unwrap();
                    panic!("not running after {PATIENCE:?} ({status}): {}\n{log}", printed.lock().unwrap());
                }
            }
        }
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.base, self.port)
    }

    /// Whether pictures and files are read here, and not at a host that readers are sent on to.
    pub fn serves_media(&self) -> bool {
        true
    }

    /// What it wrote to its output so far.
    pub fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// What it wrote to its error output so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Everything it wrote to its error output, once it was asked to stop and has.
    pub fn log_at_its_end(self) -> String {
        self.signal(Signal::TERM);
        assert!(self.wait().success(), "{}", self.log());
        self.log()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.lock().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until it has ended.
    pub fn wait(&self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {PATIENCE:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What signs users' tokens that live so many seconds.
    pub fn user_tokens(&self, lifetime: u64) -> UserTokens {
        let secrets = Secrets::read(self.data.as_ref().unwrap()).unwrap().unwrap();
        UserTokens::new(secrets.user_tokens.token_keys(SystemClock.now()), lifetime)
    }

    /// Makes somebody run the marketplace that was stopped.
    pub fn make_operator(data: &Path, username: &str) {
        let ended = run_to_end(&["operator", "create", username, "--data", data.to_str().unwrap()]);
        assert!(ended.status.success(), "{ended:#?}");
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if matches!(child.try_wait(), Ok(None)) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // The shared server's log lies in its folder and goes with it.
        drop(std::fs::remove_file(&self.log));
    }
}

/// Runs the binary to its end.
pub fn run_to_end(arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ended {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn read_lines(output: impl Read + Send + 'static, printed: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut printed = printed.lock().unwrap();
            printed.push_str(&line);
            printed.push('\n');
            drop(printed);
            // Nobody listens any more once the server runs; its output is still read to its end.
            drop(sender.send(line));
        }
    });
    receiver
}

/// The port in the line that says where the API is.
fn port_of(line: &str) -> Option<u16> {
    let rest = line.trim_start().strip_prefix("API")?;
    let (_, rest) = rest.split_once("http://localhost:")?;
    let (port, _) = rest.split_once("/api/gateway/v1")?;
    port.parse().ok()
}
