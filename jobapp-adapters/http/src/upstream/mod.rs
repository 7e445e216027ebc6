//! How the gateway calls a service: one `tower` service type, in process or over the network.

mod network;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

pub use network::{NoServiceAddress, over_network};

/// Why a call failed before there was an answer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A service that can be called: in the same process or over the network.
pub type Upstream = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// The service behind this router, called without a socket.
pub fn in_process(router: Router) -> Upstream {
    BoxCloneSyncService::new(ServiceExt::<Request<Body>>::map_err(router, |never| match never {}))
}
