//! The services of a gateway that is a program of its own, over the network.

use axum::error_handling::HandleError;
use axum::{BoxError, Router};
use jobapp_http::{ApiError, GatewayTokens, Upstream, over_network};
use jobapp_platform::config::{Reader, Setting};
use jobapp_platform::program::{Base, Standing};
use jobapp_runtime::error_text;

use crate::{GatewayConfig, GuardConfig, Target, Upstreams};

const ADDRESS: &str = "an address such as http://localhost:4003, or several separated by commas";

/// A service, where it says that it runs, and its setting.
const SERVICES: [(&str, &str, Setting); 7] = [
    ("auth", "/auth-health", of("auth_base_url", &["AUTH_BASE_URL"], "http://localhost:4003")),
    ("users", "/user-health", of("users_base_url", &["USERS_BASE_URL"], "http://localhost:4005")),
    ("gig", "/gig-health", of("gig_base_url", &["GIG_BASE_URL"], "http://localhost:4004")),
    ("chat", "/chat-health", of("message_base_url", &["MESSAGE_BASE_URL"], "http://localhost:4007")),
    ("order", "/order-health", of("order_base_url", &["ORDER_BASE_URL"], "http://localhost:4008")),
    ("review", "/review-health", of("review_base_url", &["REVIEW_BASE_URL"], "http://localhost:4009")),
    (
        "notification",
        "/notification-health",
        of("notification_base_url", &["JOBAPP_NOTIFICATION_BASE_URL"], "http://localhost:4002"),
    ),
];

const fn of(name: &'static str, variables: &'static [&'static str], default: &'static str) -> Setting {
    Setting::new(name, variables, ADDRESS)
        .about("Where the service is; several processes of it, separated by commas, are called in turn")
        .or(default)
}

/// The services behind a gateway, over the network.
#[derive(Clone)]
pub struct Neighbours(Vec<Neighbour>);

#[derive(Clone)]
struct Neighbour {
    service: &'static str,
    health: &'static str,
    address: String,
    way: Upstream,
}

impl Neighbours {
    /// Reads where they are; on this machine unless somebody says otherwise.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let read = |(service, health, setting): &(&'static str, &'static str, Setting)| {
            let known = |text: &str| Some((text.to_owned(), over_network(text).ok()?));
            let (address, way) = match reader.optional(setting, known) {
                Some(found) => found,
                None => known(setting.default)?,
            };
            Some(Neighbour { service, health, address, way })
        };
        SERVICES.iter().map(read).collect::<Option<_>>().map(Self)
    }

    /// What `--check` tries.
    pub fn stand(&self) -> impl Iterator<Item = Standing> + '_ {
        self.0.iter().map(|one| Standing::service(one.service, &one.address, one.health))
    }

    /// The ways to them.
    pub fn upstreams(&self, tokens: GatewayTokens, guards: &GuardConfig) -> Upstreams {
        let way = |target: Target| Some((target, self.way_to(target.service())?));
        Upstreams::new(Target::ALL.into_iter().filter_map(way), tokens, guards)
    }

    /// The pages on which developers read mails and confirm payments, which the services have.
    pub fn developer_pages(&self) -> Router {
        let pages = [("notification", "/_dev/mail"), ("order", "/_dev/payments")];
        pages.into_iter().fold(Router::new(), |router, (service, path)| match self.way_to(service) {
            Some(way) => {
                let pages = HandleError::new(way, async |error| away(service, &error));
                router.route_service(path, pages.clone()).route_service(&format!("{path}/{{*rest}}"), pages)
            }
            None => router,
        })
    }

    fn way_to(&self, service: &str) -> Option<Upstream> {
        self.0.iter().find(|one| one.service == service).map(|one| one.way.clone())
    }
}

fn away(service: &str, error: &BoxError) -> ApiError {
    tracing::warn!(service, error = error_text(&**error), "its pages for developers cannot be had");
    ApiError::unavailable(format!("The {service} service is not available. Please try again."), 1)
}

impl GatewayConfig {
    /// As these settings of all programs say; further `origins` may call.
    pub fn of(base: &Base, origins: Vec<String>) -> Self {
        Self {
            client_url: base.web.client_url.clone(),
            allowed_origins: origins,
            public_url: base.web.gateway().to_owned(),
            seed: base.seed_routes,
            small_body: base.bodies.words,
            picture_body: base.bodies.picture,
            file_body: base.bodies.file,
            developer_mode: base.developer_mode,
            services_tell: true,
            ..Self::default()
        }
    }
}
