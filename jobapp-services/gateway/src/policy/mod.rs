//! What holds for every request and every answer, one rule a file. [`around`] puts them in their order.

pub(crate) mod access_log;
pub(crate) mod body_limit;
pub(crate) mod client_address;
pub(crate) mod cors;
pub(crate) mod etag;
pub(crate) mod origin;
pub(crate) mod query;
pub(crate) mod rate_limit;
pub(crate) mod request_id;
pub(crate) mod routing;
pub(crate) mod rule;
pub(crate) mod security_headers;

use std::sync::Arc;

use axum::Router;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::GatewayConfig;
use crate::matching::Table;
use rate_limit::RateLimiting;
use rule::RuleLayer;

/// Puts every rule around what answers, from the outside in: compression, where it leads, request id, address, access log,
/// security headers, CORS, origin of writes, repeated query keys, rates per address, tags.
pub(crate) fn around(router: Router, config: &Arc<GatewayConfig>, table: &Arc<Table>, rates: &RateLimiting) -> Router {
    // The fastest level: for answers of a few KiB the others take longer and gain little.
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(1024).and(NotForContentType::IMAGES).and(NotForContentType::GRPC));
    let rules = ServiceBuilder::new()
        .layer(RuleLayer(routing::Routing(Arc::clone(table))))
        .layer(RuleLayer(request_id::RequestIds::default()))
        .layer(RuleLayer(client_address::ClientAddresses::behind(&config.trusted_proxies)))
        .layer(RuleLayer(access_log::AccessLog))
        .layer(RuleLayer(security_headers::SecurityHeaders::new(config.secure())))
        .layer(RuleLayer(cors::Cors(Arc::clone(config))))
        .layer(RuleLayer(origin::OriginCheck(Arc::clone(config))))
        .layer(RuleLayer(query::LastValues))
        .layer(RuleLayer(rates.clone()))
        .layer(etag::TagLayer);
    router.layer(ServiceBuilder::new().layer(compression).layer(rules))
}
