//! The gateway: the only door to the marketplace.
//!
//! One table of routes ([`routes::all`]) says for each path who answers, what goes downstream, what comes back, how often
//! it may be called and what is kept. A request passes the rules of `policy`, in their order; it gets its caller from the
//! session cookies and nothing else, and identity lives in the request and nowhere else. Towards a service it passes the
//! layers of `guards`.

mod account;
mod beside;
mod bff;
mod cache;
mod changes;
mod config;
mod docs;
mod drain;
mod ended;
mod forward;
mod guards;
mod health;
mod home;
mod kept_users;
mod local;
mod matching;
mod policy;
mod reference;
pub mod routes;
mod session;
mod sockets;
mod tokens;
mod upstreams;
mod vitals;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use futures::future::BoxFuture;
use jobapp_http::{ApiError, UserTokens};
use jobapp_kernel::Queue;
use jobapp_realtime::{Realtime, Unavailable};
use jobapp_runtime::Consumer;
use jobapp_wire::queues;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use utoipa::openapi::OpenApi;

use cache::AnswerCache;
use changes::Following;
pub use config::GatewayConfig;
pub use docs::openapi;
use ended::{EndedSessions, Endings};
pub use guards::{BreakerConfig, GuardConfig};
use health::{Findings, Readiness};
use home::ShownGigs;
pub use home::{DemoPeople, DemoSource};
use kept_users::KeptUsers;
use matching::{Place, Table};
pub use policy::Door;
use policy::rate_limit::RateLimiting;
pub use policy::rate_limit::RateLimits;
use routes::{BodySize, Target};
pub use sockets::GatewayPorts;
use sockets::Sessions;
use tokens::Tokens;
pub use upstreams::Upstreams;
pub use vitals::{NoParts, Part, Vitals};

/// The gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    config: Arc<GatewayConfig>,
    table: Arc<Table>,
    upstreams: Upstreams,
    users: Tokens,
    realtime: Realtime,
    ended: EndedSessions,
    endings: Endings,
    /// They end with the gateway.
    _tasks: JoinSet<()>,
    rates: RateLimiting,
    answers: AnswerCache,
    kept_users: KeptUsers,
    findings: Findings,
    vitals: Arc<dyn Vitals>,
    shown_gigs: ShownGigs,
    started: AtomicBool,
    draining: AtomicBool,
}

impl Gateway {
    /// A gateway to these services, which knows users by their tokens. Its sockets are served from now on by tasks of the
    /// current tokio runtime.
    ///
    /// # Errors
    /// [`Unavailable`] when the ports of the sockets cannot be reached.
    pub async fn start(
        upstreams: Upstreams,
        users: UserTokens,
        ports: GatewayPorts,
        config: GatewayConfig,
    ) -> Result<Self, Unavailable> {
        let config = Arc::new(config);
        let users = Tokens::new(users);
        let ended = EndedSessions::default();
        let kept_users = KeptUsers::default();
        let sessions = Sessions::new(users.clone(), ended.clone(), kept_users.clone(), upstreams.clone());
        let answers = AnswerCache::new(config.cache_age);
        let vitals = Arc::clone(&ports.vitals);
        let gaps = Arc::new(Notify::new());
        let news = Following { answers: answers.clone(), gaps: Arc::clone(&gaps) };
        let realtime = sockets::start(&config, sessions, news, ports).await?;
        let endings = Endings {
            ended: ended.clone(),
            kept_users: kept_users.clone(),
            realtime: realtime.clone(),
            upstreams: upstreams.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(endings.clone().load_after_gaps(gaps));
        Ok(Self(Arc::new(Inner {
            table: Arc::new(Table::new(config.seed)),
            rates: RateLimiting::new(config.rate_limits),
            answers,
            config,
            upstreams,
            users,
            realtime,
            ended,
            endings,
            _tasks: tasks,
            kept_users,
            findings: Findings::default(),
            vitals,
            shown_gigs: ShownGigs::default(),
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        })))
    }

    /// Everything the gateway answers. `services` are the OpenAPI documents of the services behind it.
    pub fn door(&self, services: &[OpenApi]) -> Door {
        self.door_with(services, Router::new())
    }

    /// As [`Gateway::door`], with further pages of the same origin, such as media files and developer pages.
    pub fn door_with(&self, services: &[OpenApi], extra: Router) -> Door {
        let document = docs::openapi(self.0.table.routes().iter().copied(), services);
        let developer_mode = self.0.config.developer_mode;
        let pages = Router::new()
            .route("/", get(home::home))
            .route("/livez", get(health::live))
            .route("/readyz", get(health::ready))
            .route("/gateway-health", get(health::health))
            .fallback(jobapp_http::not_found)
            .with_state(self.clone())
            .merge(self.0.realtime.router())
            .merge(reference::router(document, developer_mode))
            .merge(account::router(developer_mode))
            .merge(extra)
            .layer(axum::middleware::from_fn(policy::access_log::name_page));
        let gateway = self.clone();
        let inside = tower::service_fn(move |request| answer(&gateway, &pages, request));
        policy::around(inside, &self.0.config, &self.0.table, &self.0.rates)
    }

    /// What it consumes.
    pub fn queues() -> Vec<Queue> {
        vec![queues::GATEWAY_REALTIME, queues::GATEWAY_GIG, queues::GATEWAY_PROFILE]
    }

    /// Who consumes it.
    pub fn consumers(&self) -> Vec<Consumer> {
        let mut consumers = changes::consumers(&self.0.answers, &self.0.realtime);
        consumers.push(self.0.realtime.consumer());
        consumers
    }

    /// Learns which sessions ended lately. To be called once, before the gateway takes requests; it is not ready before.
    ///
    /// # Errors
    /// When the auth service does not answer.
    pub async fn load_ended_sessions(&self) -> Result<(), ApiError> {
        self.0.endings.load().await?;
        self.0.started.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Says from now on that it is not ready, so that nobody sends new requests; those that come are still answered.
    /// Closes the sockets, spread over a few seconds, so that their clients come back to another gateway.
    pub async fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.realtime.drain().await;
    }

    /// The settings.
    pub fn config(&self) -> &GatewayConfig {
        &self.0.config
    }

    /// The sockets.
    pub fn realtime(&self) -> &Realtime {
        &self.0.realtime
    }

    pub(crate) fn ended(&self) -> &EndedSessions {
        &self.0.ended
    }

    /// This session is over.
    pub(crate) fn end_session(&self, sid: &str) {
        self.0.endings.end(sid);
    }

    pub(crate) fn readiness(&self) -> Readiness {
        if self.0.draining.load(Ordering::Relaxed) {
            Readiness::Draining
        } else if self.0.started.load(Ordering::Relaxed) {
            Readiness::Ready
        } else {
            Readiness::Starting
        }
    }

    pub(crate) fn upstreams(&self) -> &Upstreams {
        &self.0.upstreams
    }

    pub(crate) fn users(&self) -> &Tokens {
        &self.0.users
    }

    pub(crate) fn rates(&self) -> &RateLimiting {
        &self.0.rates
    }

    pub(crate) fn answers(&self) -> &AnswerCache {
        &self.0.answers
    }

    pub(crate) fn kept_users(&self) -> &KeptUsers {
        &self.0.kept_users
    }

    pub(crate) fn findings(&self) -> &Findings {
        &self.0.findings
    }

    pub(crate) fn vitals(&self) -> &Arc<dyn Vitals> {
        &self.0.vitals
    }

    pub(crate) fn shown_gigs(&self) -> &ShownGigs {
        &self.0.shown_gigs
    }

    pub(crate) fn limit(&self, size: BodySize) -> usize {
        match size {
            BodySize::Small => self.config().small_body,
            BodySize::Picture => self.config().picture_body,
            BodySize::File => self.config().file_body,
        }
    }
}

/// A route of the API, or a page beside it.
fn answer(gateway: &Gateway, pages: &Router, mut request: Request) -> BoxFuture<'static, Result<Response, Infallible>> {
    match request.extensions_mut().remove::<Place>() {
        None | Some(Place::Elsewhere(_)) => Box::pin(beside::answer(pages.clone(), request)),
        Some(place) => Box::pin(forward::answer(gateway.clone(), request, place)),
    }
}

/// Every target with the same in-process service.
pub fn targets_of(service: &str) -> impl Iterator<Item = Target> + '_ {
    Target::ALL.into_iter().filter(move |target| target.service() == service)
}
