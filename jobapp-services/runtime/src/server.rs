//! An HTTP server that stops politely.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tower::Service;

use crate::Shutdown;

/// How many connections are open at once unless the settings say otherwise.
pub const MAX_CONNECTIONS: usize = 10_000;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open requests may go on once the server is asked to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// How often the log says that clients wait.
const REMIND: Duration = Duration::from_secs(60);

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
    #[error("cannot listen on {address}: {source}")]
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

/// Serves a router, or anything else that is always ready, until the process is asked to stop, then lets open requests
/// finish for up to 20 s.
///
/// At most `max_connections` are open at once, web sockets among them. Further clients wait until one closes; the system
/// keeps a short queue of them and turns away what exceeds it. The log says so, once a minute.
pub fn serve<S>(shutdown: &Shutdown, listener: TcpListener, service: S, max_connections: usize)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let max_connections = max_connections.min(Semaphore::MAX_PERMITS);
    let mut places = Places { free: Arc::new(Semaphore::new(max_connections)), max_connections, told: None };
    let stop = shutdown.token().clone();
    shutdown.spawn(async move {
        let graceful = GracefulShutdown::new();
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        loop {
            let (stream, peer, place) = tokio::select! {
                accepted = accept(&listener, &mut places) => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of descriptors, mostly: wait instead of spinning.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let service = Connected { peer, service: Mutex::new(service.clone()) };
            prepare(&stream);
            let stream = Placed { stream, _place: place };
            let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
            let connection = graceful.watch(connection.into_owned());
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(error, "a connection ended");
                }
            });
        }
        drop(listener);
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time");
        }
    });
}

/// A connection's own clone of the service, which learns who is connected.
struct Connected<S> {
    peer: SocketAddr,
    service: Mutex<S>,
}

impl<S: Service<Request<Body>>> hyper::service::Service<Request<Incoming>> for Connected<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        let mut request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.service.lock().call(request)
    }
}

/// The connections that may be open at once.
struct Places {
    free: Arc<Semaphore>,
    max_connections: usize,
    /// When the log last said that none is free.
    told: Option<Instant>,
}

impl Places {
    async fn take(&mut self) -> Result<OwnedSemaphorePermit, AcquireError> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(place);
        }
        if self.told.is_none_or(|told| told.elapsed() > REMIND) {
            self.told = Some(Instant::now());
            let max_connections = self.max_connections;
            tracing::warn!(max_connections, "as many connections are open as may be; further clients wait");
        }
        Arc::clone(&self.free).acquire_owned().await
    }
}

/// Waits for a free place, then for a client.
async fn accept(
    listener: &TcpListener,
    places: &mut Places,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.take().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// A connection that holds its place as long as it is open, also once it is a web socket and hyper has handed it on.
struct Placed {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Placed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
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
