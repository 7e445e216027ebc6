//! Drives the client in `tests/realtime`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long anything may take that must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What happened to a socket.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Heard {
    Connect {
        sid: String,
        recovered: bool,
    },
    /// It changed from polling to websocket.
    Upgrade,
    Event {
        args: Vec<Value>,
    },
    Disconnect {
        reason: String,
    },
    Error {
        status: Option<u16>,
    },
    Ping,
    /// Nothing more is under way.
    Settled,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(flatten)]
    heard: Heard,
}

type Queues = Arc<Mutex<HashMap<String, UnboundedSender<Heard>>>>;
/// Who heard an event, in the order in which they did.
type Journal = Arc<Mutex<Vec<(String, Vec<Value>)>>>;

/// A process with any number of sockets.
pub struct Agent {
    _child: Child,
    stdin: Arc<tokio::sync::Mutex<ChildStdin>>,
    queues: Queues,
    journal: Journal,
}

/// One of its sockets.
pub struct Client {
    pub id: String,
    stdin: Arc<tokio::sync::Mutex<ChildStdin>>,
    heard: UnboundedReceiver<Heard>,
    upgraded: bool,
}

/// How a socket is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    pub transports: &'static [&'static str],
    pub cookie: Option<String>,
    pub origin: Option<&'static str>,
    /// Connects again at once whatever happens, as the existing client does.
    pub insistent: bool,
    pub reconnect: bool,
}

impl Default for Opening {
    fn default() -> Self {
        Self { transports: &["websocket"], cookie: None, origin: None, insistent: false, reconnect: true }
    }
}

impl Opening {
    pub fn as_user(name: &str) -> Self {
        Self { cookie: Some(format!("theme=dark; session={name}.s-{name}")), ..Self::default() }
    }

    pub fn polling(self) -> Self {
        Self { transports: &["polling"], ..self }
    }

    pub fn upgrading(self) -> Self {
        Self { transports: &["polling", "websocket"], ..self }
    }
}

/// A folder of programs for node, beside this one.
pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name)
}

/// Installs what such a folder needs, of which `package` is one. Without node there is nothing such tests could test.
pub fn install(name: &str, package: &str) -> Result<(), String> {
    let node = std::process::Command::new("node").arg("--version").output();
    if !node.is_ok_and(|output| output.status.success()) {
        return Err(format!("node was not found. These tests drive the real {package}: install node 20 or newer."));
    }
    let folder = folder(name);
    if folder.join("node_modules").join(package).join("package.json").exists() {
        return Ok(());
    }
    let install =
        std::process::Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder).output();
    match install {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("npm ci failed in tests/{name}:\n{}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("npm could not be run in tests/{name}: {error}")),
    }
}

/// Installs the client once.
static INSTALLED: LazyLock<Result<(), String>> = LazyLock::new(|| install("realtime", "socket.io-client"));

impl Agent {
    pub async fn start() -> Self {
        if let Err(problem) = &*INSTALLED {
            panic!("{problem}");
        }
        let mut child = Command::new("node")
            .arg("agent.mjs")
            .current_dir(folder("realtime"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node can be run");
        let stdin = Arc::new(tokio::sync::Mutex::new(child.stdin.take().expect("piped")));
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let queues = Queues::default();
        let known = queues.clone();
        let journal = Journal::default();
        let kept = journal.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let line: Line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if let Heard::Event { args } = &line.heard {
                    kept.lock().push((line.id.clone(), args.clone()));
                }
                if let Some(queue) = known.lock().get(&line.id) {
                    // A test that is done with a socket does not listen any more.
                    queue.send(line.heard).unwrap_or_default();
                }
            }
        });
        Self { _child: child, stdin, queues, journal }
    }

    /// The ids of the sockets that heard the message with this id, in the order in which they did.
    pub fn order_of(&self, message: &str) -> Vec<String> {
        let journal = self.journal.lock();
        let heard = journal.iter().filter(|(_, args)| args.len() > 1 && args[1]["_id"] == message);
        heard.map(|(id, _)| id.clone()).collect()
    }

    /// Waits until the process has handled whatever came: what comes next finds it resting.
    pub async fn settle(&self) {
        let (sender, mut heard) = unbounded_channel();
        self.queues.lock().insert("settle".to_owned(), sender);
        let line = format!("{}\n", json!({"op": "settle", "id": "settle"}));
        self.stdin.lock().await.write_all(line.as_bytes()).await.expect("the agent runs");
        let settled = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("the agent settles");
        assert!(matches!(settled, Some(Heard::Settled)), "{settled:?}");
    }

    /// Opens a socket. What happens to it is heard by the client.
    pub async fn open(&self, id: &str, url: &str, opening: Opening) -> Client {
        let (sender, heard) = unbounded_channel();
        self.queues.lock().insert(id.to_owned(), sender);
        let client = Client { id: id.to_owned(), stdin: self.stdin.clone(), heard, upgraded: false };
        client
            .command(json!({
                "op": "open", "id": id, "url": url, "transports": opening.transports, "cookie": opening.cookie,
                "origin": opening.origin, "insistent": opening.insistent, "reconnect": opening.reconnect,
            }))
            .await;
        client
    }

    /// Opens a socket and waits until it has joined.
    pub async fn joined(&self, id: &str, url: &str, opening: Opening) -> Client {
        let mut client = self.open(id, url, opening).await;
        client.connected().await;
        client
    }
}

/// Checks in which order the sockets of a process heard each of several events. What the server has written in order, the system may tell
/// the process in another one, if it comes while the process looks: so nearly always is enough here, and that the server
/// writes in order is looked at in the system's own buffers.
#[track_caller]
pub fn heard_in_order(events: &[Vec<String>], opened: &[String]) {
    let others: Vec<_> = events.iter().filter(|heard| *heard != opened).collect();
    assert!(others.len() <= (events.len() / 25).max(1), "{} of {}: {others:?}", others.len(), events.len());
}

impl Client {
    async fn command(&self, command: Value) {
        let line = format!("{command}\n");
        self.stdin.lock().await.write_all(line.as_bytes()).await.expect("the agent runs");
    }

    pub async fn emit(&self, args: Value) {
        self.command(json!({"op": "emit", "id": self.id, "args": args})).await;
    }

    pub async fn close(&self) {
        self.command(json!({"op": "close", "id": self.id})).await;
    }

    /// The next thing that happens.
    pub async fn next(&mut self) -> Heard {
        let Ok(heard) = tokio::time::timeout(PATIENCE, self.heard.recv()).await else {
            panic!("nothing happened to {}", self.id);
        };
        let heard = heard.expect("the agent runs");
        self.upgraded |= matches!(heard, Heard::Upgrade);
        heard
    }

    /// Waits until it changed from polling to websocket.
    pub async fn upgraded(&mut self) {
        while !self.upgraded {
            self.next().await;
        }
    }

    /// The next thing that happens and is no ping.
    pub async fn next_but_pings(&mut self) -> Heard {
        loop {
            match self.next().await {
                Heard::Ping | Heard::Upgrade => {}
                heard => return heard,
            }
        }
    }

    /// Waits until it has joined: its id, and whether it resumed.
    pub async fn connected(&mut self) -> (String, bool) {
        loop {
            match self.next().await {
                Heard::Connect { sid, recovered } => return (sid, recovered),
                Heard::Event { args } => panic!("{} heard {args:?} before it joined", self.id),
                _ => {}
            }
        }
    }

    /// The next event, without its offset.
    pub async fn event(&mut self) -> Vec<Value> {
        match self.next_but_pings().await {
            Heard::Event { args } => without_offset(args),
            heard => panic!("{} heard {heard:?}", self.id),
        }
    }

    /// The next event that is not about who is online, without its offset.
    pub async fn news(&mut self) -> Vec<Value> {
        loop {
            let args = self.event().await;
            if args[0] != "online" {
                return args;
            }
        }
    }

    /// Asks who is online and returns the answer and what was heard before it: an answer comes after everything that
    /// was sent earlier.
    pub async fn ask(&mut self) -> (Vec<String>, Vec<Vec<Value>>) {
        self.emit(json!(["getLoggedInUsers", ""])).await;
        let mut before = Vec::new();
        loop {
            let args = self.event().await;
            if args[0] == "online" {
                return (serde_json::from_value(args[1].clone()).expect("names"), before);
            }
            before.push(args);
        }
    }

    /// Waits until exactly these users are online, in any order.
    pub async fn until_online(&mut self, wanted: &[&str]) {
        let mut wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        wanted.sort();
        loop {
            let args = self.event().await;
            let mut online: Vec<String> = serde_json::from_value(args[1].clone()).unwrap_or_default();
            online.sort();
            if args[0] == "online" && online == wanted {
                return;
            }
        }
    }

    /// What a socket that cannot ask hears until the server has pinged it twice: whatever was sent before the first of
    /// them has come by then.
    pub async fn until_pinged_twice(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        let mut pings = 0;
        while pings < 2 {
            match self.next().await {
                Heard::Ping => pings += 1,
                other => heard.push(other),
            }
        }
        heard
    }
}

fn without_offset(mut args: Vec<Value>) -> Vec<Value> {
    if args[0] != "online" {
        let offset = args.pop().expect("an offset");
        assert!(offset.is_string(), "{offset}");
    }
    args
}
