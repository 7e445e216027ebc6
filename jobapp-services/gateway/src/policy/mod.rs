//! What holds for every request and every answer, one rule a file. [`around`] puts them in their order.

pub(crate) mod access_log;
pub(crate) mod body_limit;
pub(crate) mod client_address;
mod compression;
pub(crate) mod cors;
pub(crate) mod etag;
pub(crate) mod origin;
pub(crate) mod query;
pub(crate) mod rate_limit;
pub(crate) mod request_id;
pub(crate) mod routing;
pub(crate) mod rule;
pub(crate) mod security_headers;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

use crate::GatewayConfig;
use crate::matching::Table;
use rate_limit::RateLimiting;
use rule::{Rule, RuleLayer};

/// Everything the gateway answers, behind every rule.
pub type Door = BoxCloneSyncService<Request, Response, Infallible>;

/// Puts every rule around what answers, from the outside in: compression, where it leads, request id, address, access log,
/// security headers, CORS, origin of writes, rates per address, query keys, tags.
pub(crate) fn around<S>(inside: S, config: &Arc<GatewayConfig>, table: &Arc<Table>, rates: &RateLimiting) -> Door
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let rules = routing::Routing(Arc::clone(table))
        .around(request_id::RequestIds::default())
        .around(client_address::ClientAddresses::behind(&config.trusted_proxies))
        .around(access_log::AccessLog)
        .around(security_headers::SecurityHeaders::new(config.secure()))
        .around(cors::Cors(Arc::clone(config)))
        .around(origin::OriginCheck(Arc::clone(config)))
        .around(rates.clone())
        .around(query::LastValues);
    let layers =
        ServiceBuilder::new().layer(compression::Compressing::new()).layer(RuleLayer::new(rules)).layer(etag::TagLayer);
    Door::new(layers.service(inside))
}
