//! A server, and the ones that all suites of a run share.

use std::fmt;
use std::time::Instant;

use anyhow::Context;
use tokio::sync::OnceCell;

use crate::container::Container;
use crate::{Kind, engine};

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    kind: Kind,
    urls: Vec<String>,
}

impl Server {
    pub(crate) fn of(container: &Container) -> Self {
        Self { kind: container.kind, urls: container.kind.urls(&container.port_numbers()) }
    }

    /// From the value of its variable.
    fn parse(kind: Kind, value: &str) -> anyhow::Result<Self> {
        let urls: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
        anyhow::ensure!(
            urls.len() == kind.ports().len(),
            "{} has {} addresses and needs {}",
            kind.server_variable(),
            urls.len(),
            kind.ports().len()
        );
        Ok(Self { kind, urls })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its address, as a client takes it.
    pub fn url(&self) -> &str {
        self.urls.first().map(String::as_str).unwrap_or_default()
    }

    /// The address of its API over HTTP: that of RabbitMQ's management (with name and password) and that of Mailpit's mails.
    pub fn api(&self) -> Option<&str> {
        self.urls.get(1).map(String::as_str)
    }
}

/// As the value of its variable.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urls.join(" "))
    }
}

/// The server of this kind that every suite of a run shares: keep your data apart, leave it running.
///
/// # Panics
/// When there is none and no container can be started: a test that needs a server fails without it.
pub async fn shared(kind: Kind) -> Server {
    match try_shared(kind).await {
        Ok(server) => server,
        Err(problem) => panic!("{problem}"),
    }
}

/// What became of it: a server that could not be started is not tried again by the next test.
static SHARED: [OnceCell<Result<Server, String>>; Kind::ALL.len()] = [const { OnceCell::const_new() }; Kind::ALL.len()];

async fn try_shared(kind: Kind) -> Result<Server, String> {
    let Some(cell) = SHARED.get(kind as usize) else { return Err(format!("{kind} has no place")) };
    let made = cell.get_or_init(|| engine::run(async move { find(kind).await.map_err(|error| format!("{error:#}")) }));
    made.await.clone()
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests waits for it")]
async fn find(kind: Kind) -> anyhow::Result<Server> {
    match std::env::var(kind.server_variable()) {
        Ok(value) if !value.is_empty() => return Server::parse(kind, &value),
        _ => {}
    }
    let begun = Instant::now();
    let container = Container::start(kind).await.with_context(|| format!("no {kind} for this test"))?;
    eprintln!("{kind} is ready after {:.1} s", begun.elapsed().as_secs_f32());
    let server = Server::of(&container);
    // For as long as this process lives; then the guardian removes it.
    std::mem::forget(container);
    Ok(server)
}
