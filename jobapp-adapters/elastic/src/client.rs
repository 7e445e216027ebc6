//! Questions to the servers, over HTTP, each within its time.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jobapp_kernel::error_text;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Reason;
use crate::nodes::Node;
use crate::{ElasticConfig, ElasticError};

/// How long a connection is kept for the next question: one that the network lost without a word costs the first who uses it its time.
const IDLE: Duration = Duration::from_secs(15);
/// More than any answer has.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// How often a node is asked before it is passed over: the server may have closed a connection that was kept. Whatever is asked may be
/// done twice.
const TRIES: usize = 2;

/// Asks the nodes of a cluster, each in turn. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Client(Arc<Inner>);

struct Inner {
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
    nodes: Vec<Node>,
    turn: AtomicUsize,
    authorization: Option<HeaderValue>,
    patience: Duration,
    write_patience: Duration,
}

/// What is asked of a node.
pub(crate) struct Question<'a> {
    /// What is attempted, as in `search`.
    attempt: &'static str,
    method: Method,
    path: &'a str,
    content: Option<(&'static str, Bytes)>,
    patience: Duration,
}

/// What a node answered: a success, or an error of its own.
#[derive(Debug)]
pub(crate) struct Answer {
    attempt: &'static str,
    status: StatusCode,
    body: Bytes,
}

/// Why a node did not answer.
struct Silence {
    why: Box<dyn Error + Send + Sync>,
    /// Whether all the time was used up.
    took_all: bool,
}

impl Client {
    pub(crate) fn new(config: &ElasticConfig) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(config.patience));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http =
            Http::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).build(connector);
        Self(Arc::new(Inner {
            http,
            nodes: config.nodes.iter().cloned().map(Node::new).collect(),
            turn: AtomicUsize::new(0),
            authorization: config.authorization.clone(),
            patience: config.patience,
            write_patience: config.write_patience,
        }))
    }

    /// Reads something small.
    pub(crate) async fn get(&self, attempt: &'static str, path: &str) -> Result<Answer, ElasticError> {
        let question = Question { attempt, method: Method::GET, path, content: None, patience: self.0.patience };
        self.ask(&question).await?.success()
    }

    /// Searches.
    pub(crate) async fn search(&self, path: &str, query: &Value) -> Result<Answer, ElasticError> {
        let content = Some(json(query));
        let question = Question { attempt: "search", method: Method::POST, path, content, patience: self.0.patience };
        self.ask(&question).await?.success()
    }

    /// Changes something.
    pub(crate) async fn change(
        &self,
        attempt: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), ElasticError> {
        let patience = self.0.write_patience;
        let question = Question { attempt, method, path, content: body.map(json), patience };
        self.ask(&question).await?.success().map(drop)
    }

    /// Writes many things; the answer may be that the server is busy.
    pub(crate) async fn bulk(&self, attempt: &'static str, path: &str, lines: Bytes) -> Result<Answer, ElasticError> {
        let content = Some(("application/x-ndjson", lines));
        let patience = self.0.write_patience;
        self.ask(&Question { attempt, method: Method::POST, path, content, patience }).await
    }

    /// Asks one node after the other, until one answers. One that lets all the time pass was asked for everybody: the next question goes
    /// to another.
    async fn ask(&self, question: &Question<'_>) -> Result<Answer, ElasticError> {
        loop {
            let node = self.node()?;
            let mut tries = TRIES;
            loop {
                tries -= 1;
                let silence = match self.0.at(node, question).await {
                    Ok(answer) => return Ok(answer),
                    Err(silence) => silence,
                };
                if !silence.took_all && tries > 0 {
                    continue;
                }
                node.failed(error_text(silence.why.as_ref()));
                if silence.took_all || self.0.nodes.iter().all(|node| !node.is_up()) {
                    return Err(ElasticError::Silent { attempt: question.attempt, source: silence.why });
                }
                break;
            }
        }
    }

    /// The node whose turn it is, of those that answer.
    fn node(&self) -> Result<&Node, ElasticError> {
        let nodes = &self.0.nodes;
        for (place, _) in nodes.iter().enumerate().filter(|(_, node)| node.shall_be_asked()) {
            self.look_after(place);
        }
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = nodes.iter().cycle().skip(turn % nodes.len().max(1)).take(nodes.len());
        in_turn.find(|node| node.is_up()).ok_or_else(|| ElasticError::Away { why: self.silent_nodes().join("; ") })
    }

    /// Which nodes are passed over, and why.
    pub(crate) fn silent_nodes(&self) -> Vec<String> {
        self.0.nodes.iter().filter_map(Node::why).collect()
    }

    /// Asks a node that was passed over whether it is there again.
    fn look_after(&self, place: usize) {
        let this = self.clone();
        tokio::spawn(async move {
            let Some(node) = this.0.nodes.get(place) else { return };
            let patience = this.0.patience;
            let question = Question { attempt: "answer", method: Method::GET, path: "/", content: None, patience };
            match this.0.at(node, &question).await {
                Ok(_) => node.answered(),
                Err(silence) => node.still_fails(error_text(silence.why.as_ref())),
            }
        });
    }
}

impl Inner {
    async fn at(&self, node: &Node, question: &Question<'_>) -> Result<Answer, Silence> {
        let failed = |why| Silence { why, took_all: false };
        let request = self.request(node, question).map_err(|error| failed(error.into()))?;
        let asking = async {
            let (head, body) = self.http.request(request).await.map_err(|error| failed(error.into()))?.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(failed)?.to_bytes();
            Ok(Answer { attempt: question.attempt, status: head.status, body })
        };
        let answer = tokio::time::timeout(question.patience, asking).await.map_err(|_| Silence {
            why: format!("there was no answer within {} ms", question.patience.as_millis()).into(),
            took_all: true,
        })??;
        // Whoever stands before it says so.
        if matches!(answer.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) {
            return Err(failed(format!("it is answered with {}", answer.status).into()));
        }
        Ok(answer)
    }

    fn request(&self, node: &Node, question: &Question<'_>) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(question.method.clone())
            .uri(format!("{}{}", node.address, question.path))
            // Of no version: a server refuses one that is newer than itself.
            .header(ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match &question.content {
            Some((kind, content)) => request.header(CONTENT_TYPE, *kind).body(Full::new(content.clone())),
            None => request.body(Full::default()),
        }
    }
}

impl Answer {
    /// Whether the server has too much to do, or is not itself: the same may work a moment later.
    pub(crate) fn is_busy(&self) -> bool {
        is_busy(self.status.as_u16())
    }

    /// Whether more was sent than the server, or whoever stands before it, takes at once.
    pub(crate) fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE
    }

    /// The answer, unless it is an error.
    pub(crate) fn success(self) -> Result<Self, ElasticError> {
        if self.status.is_success() {
            return Ok(self);
        }
        #[derive(Deserialize)]
        struct Told {
            #[serde(default)]
            error: Reason,
        }
        let reason = serde_json::from_slice::<Told>(&self.body).map(|told| told.error).unwrap_or_default().text();
        Err(ElasticError::Refused { attempt: self.attempt, status: self.status.as_u16(), reason })
    }

    /// What it says.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ElasticError> {
        serde_json::from_slice(&self.body).map_err(|source| ElasticError::Strange { attempt: self.attempt, source })
    }
}

/// Whether an answer with this status says that the same may work a moment later.
pub(crate) const fn is_busy(status: u16) -> bool {
    status == 429 || status >= 500
}

fn json(value: &Value) -> (&'static str, Bytes) {
    ("application/json", value.to_string().into())
}
