//! Requests to hosts, each within its time.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::HostAddressError;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// How long a host may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a host may take for one request, a part of an upload included. An upload must be refused before the gateway gives its service up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);
/// How long a connection is kept for the next request: one that the network lost without a word costs the first who uses it its time.
const IDLE: Duration = Duration::from_secs(15);
/// More than any answer has that is not a file.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Asks hosts. A clone is another handle.
#[derive(Debug, Clone)]
pub(crate) struct Http(Client<HttpsConnector<HttpConnector>, Body>);

impl Http {
    /// Verifies hosts by the certificates of the system. Those that are asked in clear need none. It brings its own cryptography: a process
    /// in which two crates chose differently has no default one.
    pub(crate) fn new(is_encrypted: bool) -> Result<Self, HostAddressError> {
        let mut roots = RootCertStore::empty();
        if is_encrypted {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(HostAddressError::no_certificates());
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(HostAddressError::tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self(client))
    }

    /// The whole answer, which is small.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Result<Response<Bytes>, AskError> {
        let asking = async {
            let (head, body) = self.0.request(request).await.map_err(AskError::of)?.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(AskError::Lost)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or(Err(AskError::Late))
    }

    /// A file, to be read with [`next`].
    pub(crate) async fn get(&self, address: &str) -> Result<Incoming, BoxError> {
        let request = Request::get(address).body(Empty::new().map_err(Into::into).boxed_unsync())?;
        let response = tokio::time::timeout(PATIENCE, self.0.request(request)).await.map_err(|_| AskError::Late)??;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(format!("it answers {status}").into()),
        }
    }
}

/// The next bytes of a file; `None` after the last. Each piece has its time, and the whole has none: a file may be large.
pub(crate) async fn next(file: &mut Incoming) -> Result<Option<Bytes>, AskError> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, file.frame()).await.map_err(|_| AskError::Late)?;
        let Some(frame) = frame.transpose().map_err(|error| AskError::Lost(error.into()))? else { return Ok(None) };
        // Trailers mean nothing here.
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// There was no connection: nothing was asked.
    #[error("it could not be reached")]
    Unreachable(#[source] BoxError),
    /// The connection ended on the way.
    #[error("the connection was lost")]
    Lost(#[source] BoxError),
    /// Nothing came in time.
    #[error("there was no answer within {} seconds", PATIENCE.as_secs())]
    Late,
}

impl AskError {
    fn of(error: hyper_util::client::legacy::Error) -> Self {
        if error.is_connect() { Self::Unreachable(error.into()) } else { Self::Lost(error.into()) }
    }
}
