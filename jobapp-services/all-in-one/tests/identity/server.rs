//! The program under test, and browsers that call it.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "correct horse";
/// How long anything may take before a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);
const PICTURE: &str = "https://img.example.org/p/1.png";

/// A data folder.
pub(crate) struct Folder(tempfile::TempDir);

/// A running marketplace, killed when dropped.
pub(crate) struct Running {
    child: Child,
    port: u16,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp"));
        command.args(arguments).args(["--log", "warn", "--data"]).arg(self.0.path());
        command
    }

    /// Starts the marketplace with these environment variables and waits until it answers.
    pub(crate) async fn start(&self, environment: &[(&str, &str)]) -> Running {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = self.program(&["--port", &port.to_string()]);
        let child = command.envs(environment.iter().copied()).stdout(Stdio::null()).spawn().unwrap();
        let running = Running { child, port };
        let mut anybody = Browser::new(&running);
        running
            .soon(PATIENCE, || {
                let mut anybody = anybody.clone();
                async move { anybody.try_call(Method::GET, "/auth/currentuser", None).await.is_some() }
            })
            .await;
        assert_eq!(anybody.current().await, StatusCode::UNAUTHORIZED);
        running
    }

    /// Runs a command to its end. Returns whether it succeeded and everything it said.
    pub(crate) fn command(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut command = self.program(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }
}

impl Running {
    pub(crate) fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        assert!(self.child.wait().unwrap().success(), "the marketplace did not stop politely");
    }

    /// Waits until something holds.
    pub(crate) async fn soon<F: Future<Output = bool>>(&self, patience: Duration, holds: impl Fn() -> F) {
        let deadline = Instant::now() + patience;
        while !holds().await {
            assert!(Instant::now() < deadline, "it does not come true");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A browser with the cookies it has.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) session: Option<String>,
    pub(crate) refresh: Option<String>,
}

impl Browser {
    pub(crate) fn new(running: &Running) -> Self {
        let base = format!("http://localhost:{}/api/gateway/v1", running.port);
        Self { http: reqwest::Client::new(), base, session: None, refresh: None }
    }

    /// The same browser at a marketplace that was started again.
    pub(crate) fn at(&self, running: &Running) -> Self {
        Self { session: self.session.clone(), refresh: self.refresh.clone(), ..Self::new(running) }
    }

    pub(crate) async fn call(&mut self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.try_call(method, path, body).await.unwrap_or_else(|| panic!("{path} got no answer"))
    }

    async fn try_call(&mut self, method: Method, path: &str, body: Option<Value>) -> Option<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        let cookies: Vec<String> = [("session", &self.session), ("session.refresh", &self.refresh)]
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)))
            .collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.ok()?;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().filter(|value| !value.is_empty()).map(str::to_owned);
            match name {
                "session" => self.session = value,
                "session.refresh" => self.refresh = value,
                _ => {}
            }
        }
        let status = response.status();
        Some((status, response.json().await.unwrap_or(Value::Null)))
    }

    /// The status of the current user.
    pub(crate) async fn current(&mut self) -> StatusCode {
        self.call(Method::GET, "/auth/currentuser", None).await.0
    }

    pub(crate) async fn sign_up(&mut self, name: &str) -> Value {
        let body = json!({"username": name, "password": PASSWORD, "country": "Portugal",
            "email": format!("{}@example.org", name.to_lowercase()), "profilePicture": PICTURE,
            "browserName": "Chrome", "deviceType": "browser"});
        let (status, answer) = self.call(Method::POST, "/auth/signup", Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["user"].clone()
    }

    pub(crate) async fn sign_in(&mut self, name: &str, password: &str) {
        let body = json!({"username": name, "password": password, "browserName": "Chrome", "deviceType": "browser"});
        let (status, answer) = self.call(Method::POST, "/auth/signin", Some(body)).await;
        assert_eq!((status, &answer["message"]), (StatusCode::OK, &json!("User login successfully")), "{answer}");
    }
}
