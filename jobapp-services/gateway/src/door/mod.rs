//! The door: what holds for every request and every answer, one rule a file. [`around`] puts them in their order.

pub(crate) mod access_log;
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
pub(crate) mod shared_rates;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

use crate::table::matching::Table;
use ipnet::IpNet;
use jobapp_metrics::Requests;
use jobapp_telemetry::Serving;
use origin::Origins;
use rate_limit::RateLimiting;
use rule::{Rule, RuleLayer};

/// Everything the gateway answers, behind every rule.
pub type Door = BoxCloneSyncService<Request, Response, Infallible>;

/// What the rules need to know.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) table: Arc<Table>,
    pub(crate) origins: Origins,
    /// Whether the public address is https.
    pub(crate) secure: bool,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) rates: RateLimiting,
    pub(crate) requests: Requests,
    pub(crate) serving: Serving,
}

/// Puts every rule around what answers, from the outside in: the trace, compression, where it leads, request id, address, access log,
/// security headers, CORS, origin of writes, rates per address, query keys, tags.
pub(crate) fn around<S>(inside: S, rules: Rules) -> Door
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let Rules { table, origins, secure, trusted_proxies, rates, requests, serving } = rules;
    let rules = routing::Routing(table)
        .around(request_id::RequestIds::default())
        .around(client_address::ClientAddresses::behind(&trusted_proxies))
        .around(access_log::AccessLog(requests))
        .around(security_headers::SecurityHeaders::new(secure))
        .around(cors::Cors(origins.clone()))
        .around(origin::OriginCheck(origins))
        .around(rates)
        .around(query::LastValues);
    let layers = ServiceBuilder::new()
        .layer(serving)
        .layer(compression::Compressing::new())
        .layer(RuleLayer::new(rules))
        .layer(etag::TagLayer);
    Door::new(layers.service(inside))
}
