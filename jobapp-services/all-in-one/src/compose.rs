//! The parts list: the eight service libraries on embedded adapters, in one process.

use std::sync::Arc;

use anyhow::Context;
use jobapp_auth_service::{AuthConfig, AuthService};
use jobapp_chat_service::{ChatConfig, ChatService};
use jobapp_ctl::Secrets;
use jobapp_gateway_service::{DemoSource, Door, Gateway, GatewayConfig, GatewayPorts, Upstreams};
use jobapp_gig_service::{GigConfig, GigService};
use jobapp_http::{GatewayTokens, UserTokens};
use jobapp_kernel::{Clock, Timestamp};
use jobapp_mail::Brand;
use jobapp_metrics::Metrics;
use jobapp_notification_service::NotificationService;
use jobapp_order_service::{OrderConfig, OrderService};
use jobapp_platform::{Address, App, Bus, Mail, Payments, Search, Service, Shared, Task, developer};
use jobapp_review_service::{ReviewConfig, ReviewService};
use jobapp_runtime::{Shutdown, SystemClock, SystemIds, error_text};
use jobapp_sqlite::{Seal, SqliteBus, SqliteBusConfig};
use jobapp_telemetry::Traces;
use jobapp_users_service::{UsersConfig, UsersService};

use crate::databases::{advised, look_through};
use crate::demo::{self, Demo};
use crate::parts::Parts;
use crate::storage::Storage;
use crate::stores::Stores;
use crate::{Folder, Settings, media, status};

/// How long an access token lives, in seconds.
const ACCESS_SECONDS: u64 = 15 * 60;

/// The running marketplace.
pub struct Marketplace {
    stores: Arc<Stores>,
    bus: SqliteBus,
    payments: Payments,
    door: Door,
}

impl Marketplace {
    /// Opens everything in the folder and starts the services. They end with `shutdown`; then call [`Marketplace::close`].
    ///
    /// # Errors
    /// When something in the folder cannot be opened; the text says what.
    pub async fn start(
        settings: &Settings,
        folder: &Folder,
        public_url: &str,
        (metrics, traces): (&Metrics, &Traces),
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let secrets = folder.secrets()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (user_tokens, gateway_tokens) = tokens(&secrets, settings, clock.now());
        let stores = Arc::new(Box::pin(Stores::open(folder)).await?.traced(traces));
        let bus = open_bus(folder, &secrets, shutdown).await.context("the message bus")?;
        let media = media::open(settings, folder, public_url, Arc::clone(&clock))?;
        media::make_private(folder, &stores, &media).await?;
        let shared = Shared {
            // The folder has one holder.
            process: "folder".to_owned(),
            clock: Arc::clone(&clock),
            ids: Arc::new(SystemIds::default()),
            media: media.store(),
            publisher: traces.publisher("jobapp", Bus::from(bus.clone()).system(), Arc::new(bus.clone())),
            gateway_tokens,
            user_tokens,
            metrics: metrics.clone(),
            traces: traces.clone(),
        };
        let search = open_search(folder, shutdown).await?;
        let parts = Box::pin(Parts::open(&stores, &shared, &search)).await?;
        let (payments, categories) = (parts.payments.clone(), Arc::clone(&parts.gig.categories));
        let links = settings.links_lead_to(public_url);
        let mail = open_mail(&links, folder, Arc::clone(&clock), shutdown).await?;
        let services = services(parts, settings, public_url, &links);

        let app = App::new(&shared, bus.clone().into(), shutdown.clone());
        app.declare().await?;
        for service in &services {
            app.run(&**service, stores.of(service.name()));
        }
        let mailer = metrics.mailer(traces.mailer(Arc::clone(&mail.mailer)));
        app.run(&NotificationService::new(mailer, Arc::clone(&mail.records)), None);
        app.keep("payments", &stores.payments);
        let storage = Storage::new(folder, Arc::clone(&stores), bus.clone(), search.index);
        storage.observed_in(metrics);
        let looking = storage.clone();
        app.do_task(Task::new("look through large databases", |stop| async move {
            stop.run_until_cancelled(looking.look_through_large()).await;
        }));

        let config = GatewayConfig { demo: Some(demo_source(folder)), ..gateway_config(settings, public_url) };
        let called = services.iter().map(|service| &**service);
        let upstreams = Upstreams::in_process(called, shared.gateway_tokens, &config.guards, metrics);
        let ports = GatewayPorts::alone(categories)
            .standing_on(Arc::new(storage))
            .counted_in(metrics.clone())
            .traced_in(traces.clone());
        let gateway = Gateway::start(upstreams, shared.user_tokens, ports, config).await;
        for need in gateway.waits_for() {
            need.look().await?;
        }
        app.run(&gateway, None);

        let mut extra = media.router();
        if settings.developer_mode {
            let status = status::router(bus.clone(), stores.outboxes());
            let pages = mail.pages().merge(payments.pages()).merge(status);
            extra = extra.merge(developer::guarded(pages, public_url));
        }
        let documents: Vec<_> = services.iter().filter_map(|service| service.openapi()).collect();
        let door = gateway.door_with(&documents, extra);
        Ok(Self { stores, bus, payments, door })
    }

    /// Everything the marketplace answers.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Confirms payments as their payers would.
    pub(crate) fn confirm_payments(&self) -> demo::Confirm {
        let payments = self.payments.clone();
        Arc::new(move |intent| {
            let payments = payments.clone();
            Box::pin(async move {
                payments.fake().context("only a provider of ours confirms unasked")?.confirm(&intent).await?;
                Ok(())
            })
        })
    }

    /// Closes every file. To be called once everything has stopped.
    pub async fn close(&self) {
        self.bus.close().await;
        self.stores.close().await;
    }
}

/// The message bus, looked through and sealed. Nobody waits for what it, the mailer and the index do.
async fn open_bus(folder: &Folder, secrets: &Secrets, shutdown: &Shutdown) -> anyhow::Result<SqliteBus> {
    look_through(folder, "bus").await?;
    let config = SqliteBusConfig {
        seal: secrets.sealing_key()?.map(Seal::new),
        ..SqliteBusConfig::file(folder.database("bus")).patient(jobapp_runtime::is_behind)
    };
    shutdown.opened_behind(SqliteBus::open(config)).await.map_err(advised)
}

/// What signs and verifies tokens.
fn tokens(secrets: &Secrets, settings: &Settings, now: Timestamp) -> (UserTokens, GatewayTokens) {
    let users = UserTokens::new(secrets.user_tokens.token_keys(now), ACCESS_SECONDS);
    let gateway = GatewayTokens::new(secrets.gateway_tokens.token_keys(now));
    let Some(reference) = &settings.reference else { return (users, gateway) };
    tracing::warn!(
        "tokens of the reference system are accepted; they never expire and cannot be ended, so not for long"
    );
    let gateway = match &reference.gateway {
        Some(secret) => gateway.accepting_reference(secret),
        None => gateway,
    };
    (users.accepting_reference(&reference.users), gateway)
}

fn gateway_config(settings: &Settings, public_url: &str) -> GatewayConfig {
    GatewayConfig {
        client_url: settings.client_url.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        public_url: public_url.to_owned(),
        seed: settings.seed_routes,
        small_body: settings.body_limit,
        picture_body: settings.picture_body_limit,
        file_body: settings.file_body_limit,
        developer_mode: settings.developer_mode,
        trusted_proxies: settings.trusted_proxies.clone(),
        rate_limits: settings.rate_limits,
        cache_age: settings.cache_age,
        ..GatewayConfig::default()
    }
}

/// Says who can be tried, once the demo is filled in.
fn demo_source(folder: &Folder) -> DemoSource {
    let root = folder.path().to_owned();
    DemoSource::new(move || {
        let root = root.clone();
        Box::pin(async move {
            match Demo::read(&root) {
                Ok(demo) => demo.filter(Demo::is_complete).map(|demo| demo.people()),
                Err(error) => {
                    tracing::warn!(error = error_text(error.as_ref()), "nobody can tell whether the demo is there");
                    None
                }
            }
        })
    })
}

async fn open_mail(links: &str, folder: &Folder, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<Mail> {
    let brand = Brand { name: "JobApp".to_owned(), link: links.to_owned() };
    let path = folder.within("mail");
    let address = Address::new("--data", "file", path.clone());
    let opening = async move { Mail::open(&address, brand, "JobApp <no-reply@jobapp.example>", clock) };
    shutdown.opened_behind(opening).await.with_context(|| format!("the mail folder {}", path.display()))
}

async fn open_search(folder: &Folder, shutdown: &Shutdown) -> anyhow::Result<Search> {
    let path = folder.within("search");
    let address = Address::new("--data", "tantivy", path.clone());
    let opening = async move { Search::open(&address) };
    shutdown.opened_behind(opening).await.with_context(|| format!("the search index {}", path.display()))
}

/// The services that the gateway calls. `links` is where links in mails lead.
fn services(parts: Parts, settings: &Settings, public_url: &str, links: &str) -> Vec<Box<dyn Service>> {
    let (body_limit, file_body_limit) = (settings.body_limit, settings.file_body_limit);
    let (picture_body_limit, seed) = (settings.picture_body_limit, settings.seed_routes);
    let client_url = || links.to_owned();
    let mailbox = settings.developer_mode.then(|| format!("{public_url}/_dev/mail"));
    let auth = AuthConfig {
        client_url: client_url(),
        mailbox,
        body_limit,
        picture_limit: picture_body_limit,
        seed,
        ..AuthConfig::default()
    };
    let users = UsersConfig { seed, body_limit, picture_body_limit, ..UsersConfig::default() };
    let gig = GigConfig { seed, body_limit, picture_body_limit, ..GigConfig::default() };
    let chat = ChatConfig { client_url: client_url(), body_limit, file_body_limit, ..ChatConfig::default() };
    let order = OrderConfig { client_url: client_url(), body_limit, file_body_limit, ..OrderConfig::default() };
    let review = ReviewConfig { body_limit, ..ReviewConfig::default() };
    let order = OrderService::new(parts.order, order);
    parts.payments.set_webhook(Arc::new(order.clone()));
    vec![
        Box::new(AuthService::new(parts.auth, auth)),
        Box::new(UsersService::new(parts.users, users)),
        Box::new(GigService::new(parts.gig, gig)),
        Box::new(ChatService::new(parts.chat, chat)),
        Box::new(order),
        Box::new(ReviewService::new(parts.review, review)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;
    use jobapp_wire::queues;

    use super::*;
    use crate::Cli;

    #[tokio::test]
    async fn every_queue_has_one_service_that_consumes_it() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().to_str().unwrap();
        let settings = Settings::load(&Cli::parse_from(["jobapp", "--data", data]).settings).unwrap();
        let folder = Folder::open(&settings.data).unwrap();
        let (stores, shared) = (Box::pin(Stores::open(&folder)).await.unwrap(), Shared::in_memory());
        let parts = Box::pin(Parts::to_look_at(&stores, &shared)).await.unwrap();
        let ports = GatewayPorts::alone(Arc::clone(&parts.gig.categories));
        let mut services = services(parts, &settings, "http://localhost", "http://localhost");
        let mailer = jobapp_memory::MemoryMailer::default();
        let records = jobapp_memory::MemorySentRecords::default();
        services.push(Box::new(NotificationService::new(Arc::new(mailer), Arc::new(records))));
        let config = GatewayConfig::default();
        let upstreams = Upstreams::in_process([], shared.gateway_tokens, &config.guards, &shared.metrics);
        services.push(Box::new(Gateway::start(upstreams, shared.user_tokens, ports, config).await));

        let declared: BTreeSet<_> = queues::ALL.iter().map(|queue| queue.name).collect();
        let taken: Vec<_> = services.iter().flat_map(|service| service.queues()).map(|queue| queue.name).collect();
        assert_eq!(taken.len(), declared.len(), "a queue is consumed by two services");
        assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), declared);
        for service in &services {
            let own = service.queues();
            let consumed = service.consumers();
            assert!(consumed.iter().all(|(wish, _)| own.contains(&wish.queue)), "{}", service.name());
        }
        stores.close().await;
    }
}
