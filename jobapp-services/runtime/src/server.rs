//! An HTTP server that stops politely.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use crate::Shutdown;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
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

/// Serves a router until the process is asked to stop, then lets open requests finish for up to 20 s.
pub fn serve(shutdown: &Shutdown, listener: TcpListener, router: Router) {
    let stop = shutdown.token().clone();
    shutdown.spawn(async move {
        let graceful = GracefulShutdown::new();
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
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
            let service = router.clone().layer(Extension(ConnectInfo(peer)));
            prepare(&stream);
            let connection =
                server.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
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

fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
