//! The gateway: the only door to the marketplace.
//!
//! One table of routes ([`routes::all`]) says for each path who answers, what goes downstream and what comes back. A
//! request gets its caller from the session cookies and nothing else; identity lives in the request and nowhere else.

mod config;
mod docs;
mod drain;
mod ended;
mod etag;
mod forward;
mod home;
mod local;
mod matching;
mod policy;
mod presence;
pub mod routes;
mod session;
mod upstreams;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use jobapp_http::{ApiError, UserTokens};
use jobapp_kernel::Queue;
use jobapp_runtime::Consumer;
use jobapp_wire::queues;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa::openapi::OpenApi;

pub use config::GatewayConfig;
pub use docs::openapi;
use ended::EndedSessions;
pub use presence::Presence;
use routes::{BASE_PATH, BodySize, Route, Target};
pub use upstreams::Upstreams;

/// The gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    config: GatewayConfig,
    routes: Vec<Route>,
    upstreams: Upstreams,
    users: UserTokens,
    presence: Presence,
    ended: EndedSessions,
}

impl Gateway {
    /// A gateway to these services, which knows users by their tokens.
    pub fn new(upstreams: Upstreams, users: UserTokens, config: GatewayConfig) -> Self {
        let mut routes = routes::all();
        routes.retain(|route| config.seed || !route.seed);
        Self(Arc::new(Inner {
            config,
            routes,
            upstreams,
            users,
            presence: Presence::default(),
            ended: EndedSessions::default(),
        }))
    }

    /// Everything the gateway answers. `services` are the OpenAPI documents of the services behind it.
    pub fn router(&self, services: &[OpenApi]) -> Router {
        self.router_with(services, Router::new())
    }

    /// As [`Gateway::router`], with further routes of the same origin, such as media files and developer pages.
    pub fn router_with(&self, services: &[OpenApi], extra: Router) -> Router {
        let document = docs::openapi(self.routes(), services);
        let swagger = utoipa_swagger_ui::SwaggerUi::new("/docs").url("/openapi.json", document);
        let compress = CompressionLayer::new()
            .compress_when(SizeAbove::new(1024).and(NotForContentType::IMAGES).and(NotForContentType::GRPC));
        Router::new()
            .route("/", get(home::home))
            .route("/gateway-health", get(health))
            .fallback(fallback)
            .with_state(self.clone())
            .merge(swagger)
            .merge(extra)
            .layer(axum::middleware::from_fn(etag::tag))
            .layer(compress)
            .layer(axum::middleware::from_fn_with_state(self.clone(), policy::policy))
    }

    /// What it consumes.
    pub fn queues() -> Vec<Queue> {
        vec![queues::GATEWAY_REALTIME]
    }

    /// Who consumes it.
    pub fn consumers(&self) -> Vec<Consumer> {
        vec![ended::consumer(self)]
    }

    /// Learns which sessions ended lately. To be called once, before the gateway takes requests.
    ///
    /// # Errors
    /// When the auth service does not answer.
    pub async fn load_ended_sessions(&self) -> Result<(), ApiError> {
        ended::load(self).await
    }

    /// The settings.
    pub fn config(&self) -> &GatewayConfig {
        &self.0.config
    }

    /// Who is online.
    pub fn presence(&self) -> &Presence {
        &self.0.presence
    }

    pub(crate) fn ended(&self) -> &EndedSessions {
        &self.0.ended
    }

    pub(crate) fn routes(&self) -> &[Route] {
        &self.0.routes
    }

    pub(crate) fn upstreams(&self) -> &Upstreams {
        &self.0.upstreams
    }

    pub(crate) fn users(&self) -> &UserTokens {
        &self.0.users
    }

    pub(crate) fn limit(&self, size: BodySize) -> usize {
        match size {
            BodySize::Small => self.config().small_body,
            BodySize::Picture => self.config().picture_body,
            BodySize::File => self.config().file_body,
        }
    }
}

/// `GET /gateway-health`: the text probes know.
async fn health() -> &'static str {
    home::HEALTHY
}

/// Everything that is no page of ours: the API, or nothing.
async fn fallback(State(gateway): State<Gateway>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    match below_base(&path) {
        Some(rest) => forward::answer(&gateway, request, rest).await,
        None => {
            let body = serde_json::json!({ "message": "The endpoint called does not exist." });
            (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
        }
    }
}

/// The part of a path below the base path, whatever its case.
fn below_base(path: &str) -> Option<&str> {
    let (head, rest) = path.split_at_checked(BASE_PATH.len())?;
    (head.eq_ignore_ascii_case(BASE_PATH) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// Every target with the same in-process service.
pub fn targets_of(service: &str) -> impl Iterator<Item = Target> + '_ {
    Target::ALL.into_iter().filter(move |target| target.service() == service)
}
