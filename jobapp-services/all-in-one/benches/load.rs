//! Requests over connections that stay open, with as little work of our own as possible: the marketplace that is measured
//! has the same cores.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// What an answer says.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// The cookies it sets, as they are sent back.
    pub(crate) cookies: String,
}

impl Answer {
    /// The body, of an answer that is no refusal.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        ensure!(self.status.is_success(), "answered {}: {}", self.status, String::from_utf8_lossy(&self.body));
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A request, ready to be sent again and again.
#[derive(Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    cookies: String,
    body: Bytes,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>, cookies: &str) -> Self {
        Self { method: Method::GET, path: path.into(), cookies: cookies.to_owned(), body: Bytes::new() }
    }

    pub(crate) fn post(path: impl Into<String>, cookies: &str, body: &Value) -> Self {
        Self { method: Method::POST, path: path.into(), cookies: cookies.to_owned(), body: body.to_string().into() }
    }
}

/// One connection to the marketplace.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("the marketplace takes no connection")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Who waits for an answer is told that the connection broke.
            drop(connection.await);
        });
        Ok(Self { sender, host: format!("localhost:{port}") })
    }

    pub(crate) async fn call(&mut self, call: Call) -> anyhow::Result<Answer> {
        let mut request = Request::builder().method(call.method).uri(call.path).header(HOST, &self.host);
        if !call.cookies.is_empty() {
            request = request.header(COOKIE, call.cookies);
        }
        if !call.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(call.body))?).await?;
        let (head, body) = response.into_parts();
        let cookies: Vec<&str> = head
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .collect();
        let cookies = cookies.join("; ");
        Ok(Answer { status: head.status, body: body.collect().await?.to_bytes(), cookies })
    }
}

/// What a run of calls came to.
pub(crate) struct Run {
    /// How long it took.
    pub(crate) time: Duration,
    /// The times of the answers that were no refusals, shortest first.
    pub(crate) answered: Vec<Duration>,
    /// How many were refused, and what the first was told.
    pub(crate) refused: usize,
    pub(crate) first_refusal: Option<String>,
}

impl Run {
    pub(crate) fn a_second(&self) -> f64 {
        self.answered.len() as f64 / self.time.as_secs_f64()
    }

    /// The time within which this part of the answers came.
    pub(crate) fn percentile(&self, part: f64) -> Duration {
        let place = ((self.answered.len() as f64 * part) as usize).min(self.answered.len().saturating_sub(1));
        self.answered.get(place).copied().unwrap_or_default()
    }
}

/// Calls over so many connections at once, until the time is over or a connection has nothing more to ask: `next` makes the
/// `n`th call of connection `c`.
pub(crate) async fn run(
    port: u16,
    connections: usize,
    time: Duration,
    next: impl Fn(usize, usize) -> Option<Call> + Clone + Send + 'static,
) -> anyhow::Result<Run> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(port).await?);
    }
    let started = Instant::now();
    let mut calling = tokio::task::JoinSet::new();
    for (place, mut connection) in open.into_iter().enumerate() {
        let next = next.clone();
        calling.spawn(async move {
            let (mut answered, mut refusals) = (Vec::new(), Vec::new());
            let mut number = 0;
            while started.elapsed() < time
                && let Some(call) = next(place, number)
            {
                number += 1;
                let asked = Instant::now();
                let answer = connection.call(call).await?;
                if answer.status.is_success() {
                    answered.push(asked.elapsed());
                } else {
                    refusals.push(format!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body)));
                }
            }
            anyhow::Ok((answered, refusals))
        });
    }
    let mut all = Run { time: Duration::ZERO, answered: Vec::new(), refused: 0, first_refusal: None };
    while let Some(done) = calling.join_next().await {
        let (answered, refusals) = done??;
        all.answered.extend(answered);
        all.refused += refusals.len();
        all.first_refusal = all.first_refusal.or_else(|| refusals.into_iter().next());
    }
    all.time = started.elapsed();
    all.answered.sort();
    if all.answered.is_empty() {
        bail!("nothing was answered; the first refusal: {}", all.first_refusal.unwrap_or_default());
    }
    Ok(all)
}
