//! An HTTP server that stops politely.

mod body;
mod deadlines;
mod descriptors;
mod places;
mod strict;
mod watch;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use http::header::CONNECTION;
use http::{HeaderValue, Request, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use ipnet::IpNet;
use jobapp_http::{ApiError, Arrival};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::Service;

use self::body::{Arriving, Leaving};
pub use self::deadlines::{Deadlines, LeastRate};
pub use self::descriptors::reserve_descriptors;
use self::places::{Place, Places};
use self::watch::{End, OpenRequest, Watch};
use crate::Shutdown;

/// How many connections are open at once unless the settings say otherwise.
pub const MAX_CONNECTIONS: usize = 10_000;

/// How long open requests may go on once the server is asked to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindFailure {
    /// Something else listens there.
    #[error(
        "{address} is in use. Stop what listens there, or choose another address with --bind or another port with --port"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not allow it.
    #[error("cannot listen on {address}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Listens on `address`; port 0 takes a free one.
///
/// # Errors
/// [`BindFailure`] with what to do about it.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, BindFailure> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => BindFailure::InUse { address },
        _ => BindFailure::Refused { address, source },
    })
}

/// Who may be connected, and how long clients may take.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// How many connections are open at once, web sockets included. Further clients wait until one closes; one that only
    /// waits for its client's next request is closed for them.
    pub max_connections: usize,
    /// How many of them one address may have (of IPv6, one network of 64 bits). Further ones are turned away.
    pub max_per_address: usize,
    /// Networks whose addresses stand for many clients, such as proxies: their connections are not counted.
    pub uncounted: Vec<IpNet>,
    /// How long clients may take.
    pub deadlines: Deadlines,
    /// How long it serves on once it is asked to stop. Each answer then is the last of its connection, and says so: who keeps
    /// connections for less than this time never finds one closed.
    pub linger: Duration,
}

impl ServerConfig {
    /// So many connections, a quarter of them of one address at most, and the usual deadlines.
    pub fn new(max_connections: usize) -> Self {
        Self {
            max_connections,
            max_per_address: (max_connections / 4).max(16),
            uncounted: Vec::new(),
            deadlines: Deadlines::default(),
            linger: Duration::ZERO,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::new(MAX_CONNECTIONS)
    }
}

/// Serves a router, or anything else that is always ready, until the process is asked to stop, and for [`ServerConfig::linger`]
/// more, then lets open requests finish for up to 20 s.
///
/// At most [`ServerConfig::max_connections`] are open at once, web sockets among them. Further clients wait until one
/// closes; the system keeps a short queue of them and turns away what exceeds it. The log says so, once a minute. Clients
/// that take longer than [`ServerConfig::deadlines`] are disconnected; one whose body does not arrive is answered 408.
pub fn serve<S>(shutdown: &Shutdown, listener: TcpListener, service: S, config: ServerConfig)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let ServerConfig { max_connections, max_per_address, uncounted, deadlines, linger } = config;
    let mut server = auto::Builder::new(TokioExecutor::new());
    // Heads have their deadline from us: hyper's has none for the first bytes, and sets a timer for each request.
    server.http1().timer(TokioTimer::new()).header_read_timeout(None);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(deadlines.ping).keep_alive_timeout(deadlines.ping);
    let body_rate = deadlines.body;
    let places = Arc::new(Places::new(max_connections, max_per_address, uncounted, deadlines));
    let stop = shutdown.token().clone();
    let connections = TaskTracker::new();
    let name = listener.local_addr().map_or_else(|_| "server".to_owned(), |address| format!("server at {address}"));
    shutdown.spawn(name, async move {
        let looking = tokio::spawn(look_after(Arc::clone(&places)));
        let mut lingered = std::pin::pin!(async {
            stop.cancelled().await;
            places.linger();
            tokio::time::sleep(linger).await;
        });
        loop {
            let (stream, peer, place) = tokio::select! {
                biased;
                () = &mut lingered => break,
                accepted = accept(&listener, &places) => match accepted {
                    Ok(Some(accepted)) => accepted,
                    Ok(None) => continue,
                    Err(error) => {
                        // Out of descriptors, mostly: wait instead of spinning.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            prepare(&stream);
            let watch = Arc::clone(&place.watch);
            let service = Connected {
                peer,
                arrival: Mutex::new(Some(Arrival::now())),
                watch: Arc::clone(&watch),
                body_rate,
                service: Mutex::new(service.clone()),
            };
            let connection = server.serve_connection_with_upgrades(TokioIo::new(Placed { stream, place }), service);
            let driven = Driven { connection: connection.into_owned(), watch, closing: false };
            connections.spawn(async move {
                if let Err(error) = driven.await {
                    tracing::debug!(error, "a connection ended");
                }
            });
        }
        drop(listener);
        connections.close();
        places.end_all();
        if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
            tracing::warn!("some requests did not finish in time");
        }
        looking.abort();
    });
}

/// Ends connections whose clients take too long.
async fn look_after(places: Arc<Places>) {
    let mut pace = tokio::time::interval(places.pace());
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        places.look();
    }
}

/// Waits for a client, then for room for it. `None` when its address has enough connections.
async fn accept(listener: &TcpListener, places: &Arc<Places>) -> io::Result<Option<(TcpStream, SocketAddr, Place)>> {
    let (stream, peer) = listener.accept().await?;
    match places.admit(peer) {
        Some(place) => Ok(Some((stream, peer, places.room(place).await?))),
        None => {
            turn_away(&stream);
            Ok(None)
        }
    }
}

/// Tells a client that it has too many connections, if it can be told without waiting for it.
fn turn_away(stream: &TcpStream) {
    let error = ApiError::unavailable("Too many connections are open from your address. Please close some.", 5);
    let body = serde_json::to_string(&error.at("Server: the connections of an address").body()).unwrap_or_default();
    let head =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Type: application/json";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    if let Err(error) = stream.try_write(answer.as_bytes()) {
        tracing::debug!(%error, "a client that was turned away could not be told");
    }
}

pin_project! {
    /// A connection, and its ending from outside.
    struct Driven<S: hyper::service::HttpService<Incoming>> {
        #[pin]
        connection: auto::UpgradeableConnection<'static, TokioIo<Placed>, S, TokioExecutor>,
        watch: Arc<Watch>,
        closing: bool,
    }
}

impl<S> Future for Driven<Connected<S>>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    type Output = Result<(), Box<dyn std::error::Error + Send + Sync>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        match this.watch.poll_end(cx) {
            Some(End::Now) => return Poll::Ready(Ok(())),
            Some(End::Politely) if !*this.closing => {
                *this.closing = true;
                this.connection.as_mut().graceful_shutdown();
            }
            _ => {}
        }
        this.connection.poll(cx)
    }
}

/// A connection's own clone of the service, which learns who is connected and when he came.
struct Connected<S> {
    peer: SocketAddr,
    /// When the connection was accepted, for its first request.
    arrival: Mutex<Option<Arrival>>,
    watch: Arc<Watch>,
    body_rate: LeastRate,
    service: Mutex<S>,
}

impl<S: Service<Request<Body>, Response = Response>> hyper::service::Service<Request<Incoming>> for Connected<S> {
    type Response = http::Response<Leaving>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let open = Some(self.watch.begin(request.version() >= Version::HTTP_2));
        if let Some(fault) = strict::fault(request.version(), request.headers()) {
            let mut response = fault.into_response();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Answering::Refused { response: Some(response), open };
        }
        let mut request = request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(Arriving::new(body, Arc::clone(&self.watch), self.body_rate))
            }
        });
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request.extensions_mut().insert(self.arrival.lock().take().unwrap_or_else(Arrival::now));
        Answering::Asked { answer: self.service.lock().call(request), open }
    }
}

pin_project! {
    /// A request on its way to its answer.
    #[project = AnsweringProjection]
    enum Answering<F> {
        Refused { response: Option<Response>, open: Option<OpenRequest> },
        Asked { #[pin] answer: F, open: Option<OpenRequest> },
    }
}

impl<F: Future<Output = Result<Response, E>>, E> Future for Answering<F> {
    type Output = Result<http::Response<Leaving>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut response, open) = match self.project() {
            AnsweringProjection::Refused { response, open } => (response.take().unwrap_or_default(), open.take()),
            AnsweringProjection::Asked { answer, open } => (ready!(answer.poll(cx))?, open.take()),
        };
        let open = open.map(|mut open| {
            open.answering();
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                open.watch().upgraded();
            } else if open.watch().answers_last() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            open
        });
        Poll::Ready(Ok(response.map(|body| Leaving::new(body, open))))
    }
}

/// A connection that holds its place as long as it is open, also once it is a web socket and hyper has handed it on.
struct Placed {
    stream: TcpStream,
    place: Place,
}

impl Placed {
    fn note_sent(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &outcome {
            self.place.watch.sent(*bytes);
        }
        outcome
    }
}

impl AsyncRead for Placed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.place.watch.received();
        }
        outcome
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_sent(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.note_sent(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
