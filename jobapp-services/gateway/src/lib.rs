//! The gateway: the only door to the marketplace.
//!
//! Each folder is a room, and a room knows only those above it in this list:
//!
//! - `table`: every route, where a request leads, the document of it all;
//! - `door`: what holds for every request and every answer, one rule a file;
//! - `calls`: the services, the guards before them, answers that are kept for a while;
//! - `identity`: cookies, tokens, sessions and their ends;
//! - `api`: requests below the base path, from the client to a service and back;
//! - `pages`: what is beside the API: pages for people, health;
//! - `sockets`: who is behind them, and what gateways tell each other.
//!
//! Here they are put together. Each is given the few things it needs, and nobody the whole gateway. A request gets its caller
//! from the session cookies and nothing else, and identity lives in the request and nowhere else.

mod api;
mod calls;
mod config;
mod door;
mod identity;
#[cfg(feature = "program")]
mod neighbours;
mod observed;
mod pages;
mod policy;
mod ports;
mod service;
mod sockets;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use futures::future::BoxFuture;
use jobapp_http::{ApiError, UserTokens};
use jobapp_metrics::Requests;
use jobapp_realtime::{Realtime, RealtimeConfig};
use jobapp_runtime::Backoff;
use jobapp_telemetry::Serving;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use utoipa::openapi::OpenApi;

use api::Needs;
use calls::answers::AnswerCache;
pub use calls::guards::{BreakerConfig, GuardConfig};
use calls::shared_answers::SharedAnswers;
pub use calls::upstreams::Upstreams;
pub use config::GatewayConfig;
pub use door::Door;
use door::Rules;
use door::rate_limit::RateLimiting;
pub use door::rate_limit::RateLimits;
use door::shared_rates::SharedRates;
use identity::endings::Endings;
use identity::known::Known;
use identity::sessions::Sessions;
#[cfg(feature = "program")]
pub use neighbours::Neighbours;
use pages::health::{Health, Stage};
use pages::home::Home;
pub use pages::home::{DemoPeople, DemoSource};
use pages::reference::Document;
pub use policy::Policy;
pub use ports::GatewayPorts;
use sockets::Shared;
use sockets::handshake::Handshakes;
use sockets::news::Following;
use table::document::merged;
pub use table::document::openapi;
use table::matching::{Place, Table};
use table::route::Target;
pub use table::routes;

/// The gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    config: GatewayConfig,
    table: Arc<Table>,
    needs: Arc<Needs>,
    requests: Requests,
    serving: Serving,
    endings: Endings,
    home: Home,
    health: Health,
    document: Document,
    stage: Arc<Stage>,
    /// They end with the gateway.
    _tasks: JoinSet<()>,
}

impl Gateway {
    /// A gateway to these services, which knows users by their tokens. Its sockets are served from now on by tasks of the
    /// current tokio runtime. What gateways share need not be there yet.
    pub async fn start(upstreams: Upstreams, users: UserTokens, ports: GatewayPorts, config: GatewayConfig) -> Self {
        let GatewayPorts { presence, fanout, categories, limiter, vitals, cache, metrics, traces } = ports;
        let known = Known::new(users);
        let answers = AnswerCache::counted(config.cache_age, &metrics);
        let shared_answers = SharedAnswers::new(cache, config.cache_age);
        let gaps = Arc::new(Notify::new());
        let handshakes = Handshakes::new(known.clone(), upstreams.clone());
        let following = Following { answers: answers.clone(), gaps: Arc::clone(&gaps) };
        let shared = Shared { presence, fanout, categories };
        let realtime = RealtimeConfig { traces: traces.clone(), ..config.realtime.clone() };
        let realtime = sockets::start(&realtime, config.origins(), handshakes, following, shared).await;
        observed::upstreams(&metrics, &upstreams);
        observed::sockets(&metrics, &realtime);
        let endings = Endings { known, realtime: realtime.clone(), upstreams: upstreams.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(endings.clone().load_after_gaps(gaps));
        let stage = Arc::new(Stage::default());
        let needs = Needs {
            upstreams: upstreams.clone(),
            answers,
            shared_answers,
            sessions: Sessions::new(endings.clone(), config.cookies()),
            rates: RateLimiting::new(config.rate_limits),
            shared_rates: limiter.map(|limiter| SharedRates::new(config.rate_limits, limiter)),
            realtime,
            bodies: config.bodies(),
            patience: config.guards.patience,
        };
        Self(Arc::new(Inner {
            table: Arc::new(Table::new(config.seed)),
            needs: Arc::new(needs),
            requests: Requests::of(&metrics, "gateway"),
            serving: traces.serving("gateway"),
            endings,
            home: Home::new(upstreams.clone(), &config.public_url, config.developer_mode, config.demo.clone()),
            health: Health::new(upstreams, vitals, Arc::clone(&stage)),
            document: Document::default(),
            stage,
            config,
            _tasks: tasks,
        }))
    }

    /// Everything the gateway answers. `services` are the OpenAPI documents of the services behind it.
    pub fn door(&self, services: &[OpenApi]) -> Door {
        self.door_with(services, Router::new())
    }

    /// As [`Gateway::door`], with further pages of the same origin, such as media files and developer pages.
    pub fn door_with(&self, services: &[OpenApi], extra: Router) -> Door {
        let Inner { config, table, needs, requests, serving, home, health, document, .. } = &*self.0;
        document.is(openapi(table.routes().iter().copied(), services));
        let pages = pages::router(home.clone(), health.clone(), document.clone(), config.developer_mode)
            .fallback(jobapp_http::not_found)
            .merge(needs.realtime.router())
            .merge(extra)
            .layer(axum::middleware::from_fn(door::access_log::name_page));
        let rules = Rules {
            table: Arc::clone(table),
            origins: config.origins(),
            secure: config.secure(),
            trusted_proxies: config.trusted_proxies.clone(),
            rates: needs.rates.clone(),
            requests: requests.clone(),
            serving: serving.clone(),
        };
        // What it does for its sockets and its sessions goes on as long as anybody can ask it.
        let gateway = self.clone();
        let inside = tower::service_fn(move |request| answer(&gateway.0.needs, &pages, request));
        door::around(inside, rules)
    }

    /// Learns which sessions ended lately. To be called once, before the gateway takes requests; it is not ready before.
    ///
    /// # Errors
    /// When the auth service does not answer.
    pub async fn load_ended_sessions(&self) -> Result<(), ApiError> {
        self.0.endings.load().await?;
        self.0.stage.started();
        Ok(())
    }

    /// Says from now on that it is not ready, so that nobody sends new requests; those that come are still answered.
    /// Closes the sockets, spread over a few seconds, so that their clients come back to another gateway.
    pub async fn drain(&self) {
        self.0.stage.drains();
        self.realtime().drain().await;
    }

    /// Learns what the services behind it accept and answer, each once it answers. Ends when all have told.
    async fn learn_documents(&self) {
        let Inner { table, needs, document, .. } = &*self.0;
        let mut untold: BTreeSet<&str> = Target::ALL.iter().map(|target| target.service()).collect();
        let mut told = Vec::new();
        let mut pause = Backoff::new(Duration::from_millis(250), Duration::from_secs(2));
        while !untold.is_empty() {
            for service in untold.clone() {
                if let Some(one) = needs.upstreams.document(service).await {
                    untold.remove(service);
                    told.push(one);
                }
            }
            document.is(merged(table.routes().iter().copied(), &told));
            if !untold.is_empty() {
                tokio::time::sleep(pause.pause()).await;
            }
        }
    }

    /// The settings.
    pub fn config(&self) -> &GatewayConfig {
        &self.0.config
    }

    /// The sockets.
    pub fn realtime(&self) -> &Realtime {
        &self.0.needs.realtime
    }
}

/// A route of the API, or a page beside it.
fn answer(
    needs: &Arc<Needs>,
    pages: &Router,
    mut request: Request,
) -> BoxFuture<'static, Result<Response, Infallible>> {
    match request.extensions_mut().remove::<Place>() {
        None | Some(Place::Elsewhere(_)) => Box::pin(pages::answer(pages.clone(), request)),
        Some(place) => Box::pin(api::answer(Arc::clone(needs), request, place)),
    }
}

/// Every target with the same in-process service.
pub fn targets_of(service: &str) -> impl Iterator<Item = Target> + '_ {
    Target::ALL.into_iter().filter(move |target| target.service() == service)
}
