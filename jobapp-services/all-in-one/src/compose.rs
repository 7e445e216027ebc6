//! The parts list: the eight service libraries on embedded adapters, in one process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use jobapp_auth_service::{Argon2Hasher, AuthConfig, AuthPorts, AuthService, SystemSecrets};
use jobapp_chat_service::{ChatConfig, ChatPorts, ChatService};
use jobapp_directory::Directory;
use jobapp_gateway_service::routes::Target;
use jobapp_gateway_service::{DemoSource, Door, Gateway, GatewayConfig, GatewayPorts, Upstreams, targets_of};
use jobapp_gig_service::{GigConfig, GigPorts, GigService};
use jobapp_gigs::{Indexer, SelectedCategories, StoredCategories};
use jobapp_http::{GatewayTokens, ServiceGuard, UserTokens, in_process};
use jobapp_kernel::{Clock, Ids, MediaStore, Publisher, Queue, Subscriber, Timestamp};
use jobapp_mail::{Brand, FileSentRecords, FolderMailer, Templates};
use jobapp_notification_service::NotificationService;
use jobapp_order_service::{OrderConfig, OrderPorts, OrderService};
use jobapp_payments::{FakePayments, dev_page};
use jobapp_review_service::{ReviewConfig, ReviewPorts, ReviewService};
use jobapp_reviews::StoredAnalytics;
use jobapp_runtime::{Consumer, Relay, Shutdown, SystemClock, SystemIds, Translate, error_text, run_consumer};
use jobapp_sql::{SqlBus, SqlBusConfig, SqlStore};
use jobapp_tantivy::TantivySearch;
use jobapp_users_service::{UsersConfig, UsersPorts, UsersService};
use utoipa::openapi::OpenApi;

use crate::demo::{self, Demo};
use crate::storage::{Storage, advised, look_through};
pub(crate) use crate::stores::Stores;
use crate::{Folder, Secrets, Settings, developer, media, status};

/// How often old causes are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(6 * 3600);
/// How long an access token lives, in seconds.
const ACCESS_SECONDS: u64 = 15 * 60;

/// The running marketplace.
pub struct Marketplace {
    stores: Arc<Stores>,
    bus: SqlBus,
    provider: FakePayments,
    door: Door,
}

/// What every service gets.
struct Shared {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    media: Arc<dyn MediaStore>,
    publisher: Arc<dyn Publisher>,
    subscriber: Arc<dyn Subscriber>,
    gateway_tokens: GatewayTokens,
    user_tokens: UserTokens,
    shutdown: Shutdown,
    /// Where links in mails lead.
    links: String,
    /// Where developers read mails.
    mailbox: Option<String>,
}

impl Shared {
    fn guard(&self, audiences: &'static [&'static str]) -> Arc<ServiceGuard> {
        Arc::new(ServiceGuard { audiences, gateway: self.gateway_tokens.clone(), users: self.user_tokens.clone() })
    }

    /// Starts a service's relay and consumers.
    fn run(&self, name: &'static str, store: Option<(&SqlStore, Translate)>, consumers: Vec<Consumer>) {
        if let Some((store, translate)) = store {
            let relay = Relay {
                outbox: store.outbox(),
                publisher: Arc::clone(&self.publisher),
                translate,
                // The folder has one holder, so what an earlier process leased is this one's at once.
                owner: name.to_owned(),
            };
            let stop = self.shutdown.last_token().clone();
            self.shutdown.spawn_last(async move { relay.run(stop).await });
        }
        for (subscription, handler) in consumers {
            let stop = self.shutdown.token().clone();
            self.shutdown.spawn(run_consumer(Arc::clone(&self.subscriber), subscription, handler, stop));
        }
    }

    /// Runs something that has no end of its own until the process is asked to stop.
    fn meanwhile(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.shutdown.token().clone();
        self.shutdown.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }
}

/// Every queue of the marketplace.
pub(crate) fn queues() -> Vec<Queue> {
    [
        AuthService::queues(),
        UsersService::queues(),
        GigService::queues(),
        ChatService::queues(),
        OrderService::queues(),
        ReviewService::queues(),
        vec![jobapp_wire::queues::AUTH_EMAIL, jobapp_wire::queues::ORDER_EMAIL],
        Gateway::queues(),
    ]
    .concat()
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
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let secrets = folder.secrets()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (user_tokens, gateway_tokens) = tokens(&secrets, settings, clock.now());
        let stores = Arc::new(Box::pin(Stores::open(folder)).await?);
        let bus = open_bus(folder, &secrets).await.context("the message bus")?;
        // All queues before anything is published, so that nothing misses its consumer.
        bus.declare(&queues()).await.context("the queues")?;
        let media = media::open(settings, folder, public_url, Arc::clone(&clock))?;
        media::make_private(folder, &stores, &media).await?;
        let shared = Shared {
            clock: Arc::clone(&clock),
            ids: Arc::new(SystemIds::default()),
            media: Arc::new(media.clone()),
            publisher: Arc::new(bus.clone()),
            subscriber: Arc::new(bus.clone()),
            gateway_tokens,
            user_tokens,
            shutdown: shutdown.clone(),
            links: settings.links_lead_to(public_url),
            mailbox: settings.developer_mode.then(|| format!("{public_url}/_dev/mail")),
        };

        let mailer = mailer(&shared.links, folder)?;
        let mailbox = mailer.mailbox();
        let records = FileSentRecords::open(folder.within("mail").join("sent"), Arc::clone(&clock))
            .context("the record of sent mails")?;
        let notification = NotificationService::new(Arc::new(mailer), Arc::new(records));
        shared.run("notification", None, notification.consumers());

        let auth = auth_service(&shared, &stores, settings)?;
        let users = users_service(&shared, &stores, settings);
        let categories: Arc<dyn SelectedCategories> = Arc::new(StoredCategories::new(Arc::clone(&stores.choices)));
        let path = folder.within("search");
        let search = TantivySearch::open(&path).with_context(|| format!("the search index {}", path.display()))?;
        let storage = Storage::new(folder, Arc::clone(&stores), bus.clone(), search.clone());
        let looking = storage.clone();
        shared.meanwhile(async move { looking.look_through_large().await });
        let gig = gig_service(&shared, &stores, settings, search, Arc::clone(&categories));
        let chat = chat_service(&shared, &stores, settings);
        let provider = FakePayments::new(Arc::clone(&stores.intents), Arc::clone(&clock));
        let order = order_service(&shared, &stores, settings, &provider);
        let review = review_service(&shared, &stores, settings);

        let services =
            [("auth", auth), ("users", users), ("gig", gig), ("chat", chat), ("order", order), ("review", review)];
        let upstreams = services.iter().flat_map(|(name, router)| {
            let service = in_process(router.clone());
            targets_of(name).map(move |target: Target| (target, service.clone())).collect::<Vec<_>>()
        });
        let config = GatewayConfig { demo: Some(demo_source(folder)), ..gateway_config(settings, public_url) };
        let upstreams = Upstreams::new(upstreams, shared.gateway_tokens.clone(), &config.guards);
        let ports = GatewayPorts::alone(categories).standing_on(Arc::new(storage));
        let gateway = Gateway::start(upstreams, shared.user_tokens.clone(), ports, config).await?;
        gateway.load_ended_sessions().await.map_err(|error| anyhow::anyhow!(error.message().to_owned()))?;
        shared.run("gateway", None, gateway.consumers());
        let (draining, stop) = (gateway.clone(), shutdown.token().clone());
        shutdown.spawn(async move {
            stop.cancelled().await;
            draining.drain().await;
        });

        let mut extra = media.router();
        if settings.developer_mode {
            let status = status::router(bus.clone(), stores.outboxes());
            let pages = mailbox.router().merge(dev_page(provider.clone())).merge(status);
            extra = extra.merge(developer::guarded(pages, public_url));
        }
        let door = gateway.door_with(&documents(), extra);

        let pruned = Arc::clone(&stores);
        shared.meanwhile(async move {
            let mut ticks = tokio::time::interval(PRUNE_EVERY);
            loop {
                ticks.tick().await;
                pruned.prune(clock.now()).await;
            }
        });
        Ok(Self { stores, bus, provider, door })
    }

    /// Everything the marketplace answers.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Confirms payments as their payers would.
    pub(crate) fn confirm_payments(&self) -> demo::Confirm {
        let provider = self.provider.clone();
        Arc::new(move |intent| {
            let provider = provider.clone();
            Box::pin(async move {
                provider.confirm(&intent).await?;
                Ok(())
            })
        })
    }

    /// Closes every file. To be called once everything has stopped.
    pub async fn close(&self) {
        if let Err(error) = self.bus.close().await {
            tracing::warn!(error = error_text(&error), "the message bus did not close");
        }
        self.stores.close().await;
    }
}

/// The message bus, looked through and sealed.
async fn open_bus(folder: &Folder, secrets: &Secrets) -> anyhow::Result<SqlBus> {
    look_through(folder, "bus").await?;
    let config = SqlBusConfig { seal: secrets.seal()?, ..SqlBusConfig::file(folder.database("bus")) };
    SqlBus::open(config).await.map_err(advised)
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

/// What the services' routes accept and answer.
fn documents() -> [OpenApi; 6] {
    [
        AuthService::openapi(),
        UsersService::openapi(),
        GigService::openapi(),
        ChatService::openapi(),
        OrderService::openapi(),
        ReviewService::openapi(),
    ]
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

fn mailer(links: &str, folder: &Folder) -> anyhow::Result<FolderMailer> {
    let brand = Brand { name: "JobApp".to_owned(), link: links.to_owned() };
    let sender = "JobApp <no-reply@jobapp.example>".parse().context("the sender of mails")?;
    let path = folder.within("mail");
    FolderMailer::open(&path, Arc::new(Templates::new(brand)), sender)
        .with_context(|| format!("the mail folder {}", path.display()))
}

fn auth_service(shared: &Shared, stores: &Stores, settings: &Settings) -> anyhow::Result<Router> {
    let hasher = Argon2Hasher::new().context("the hashing of passwords")?;
    let ports = AuthPorts {
        accounts: Arc::clone(&stores.accounts),
        sessions: Arc::clone(&stores.sessions),
        pending: Arc::clone(&stores.pending),
        attempts: Arc::clone(&stores.attempts),
        numbers: stores.auth.sequence(),
        media: Arc::clone(&shared.media),
        hasher: Arc::new(hasher),
        secrets: Arc::new(SystemSecrets),
        clock: Arc::clone(&shared.clock),
        ids: Arc::clone(&shared.ids),
        guard: shared.guard(AuthService::AUDIENCES),
    };
    let config = AuthConfig {
        client_url: shared.links.clone(),
        mailbox: shared.mailbox.clone(),
        body_limit: settings.body_limit,
        picture_limit: settings.picture_body_limit,
        seed: settings.seed_routes,
        ..AuthConfig::default()
    };
    let service = AuthService::new(ports, config);
    shared.run("auth", Some((&stores.auth, service.translator())), service.consumers());
    let keeper = service.clone();
    shared.meanwhile(async move { keeper.housekeeping().await });
    Ok(service.router())
}

fn users_service(shared: &Shared, stores: &Stores, settings: &Settings) -> Router {
    let ports = UsersPorts {
        buyers: Arc::clone(&stores.buyers),
        sellers: Arc::clone(&stores.sellers),
        numbers: stores.users.sequence(),
        media: Arc::clone(&shared.media),
        publisher: Arc::clone(&shared.publisher),
        clock: Arc::clone(&shared.clock),
        ids: Arc::clone(&shared.ids),
        guard: shared.guard(UsersService::AUDIENCES),
    };
    let config = UsersConfig {
        seed: settings.seed_routes,
        body_limit: settings.body_limit,
        picture_body_limit: settings.picture_body_limit,
        ..UsersConfig::default()
    };
    let service = UsersService::new(ports, config);
    shared.run("users", Some((&stores.users, Arc::new(UsersService::translate))), service.consumers());
    service.router()
}

fn gig_service(
    shared: &Shared,
    stores: &Stores,
    settings: &Settings,
    search: TantivySearch,
    categories: Arc<dyn SelectedCategories>,
) -> Router {
    let ports = GigPorts {
        gigs: Arc::clone(&stores.gigs),
        cards: Arc::clone(&stores.gig_cards),
        numbers: stores.gig.sequence(),
        search: Arc::new(search.clone()),
        index: Arc::new(search),
        categories,
        media: Arc::clone(&shared.media),
        publisher: Arc::clone(&shared.publisher),
        clock: Arc::clone(&shared.clock),
        ids: Arc::clone(&shared.ids),
        guard: shared.guard(GigService::AUDIENCES),
    };
    let config = GigConfig {
        seed: settings.seed_routes,
        body_limit: settings.body_limit,
        picture_body_limit: settings.picture_body_limit,
        ..GigConfig::default()
    };
    let service = GigService::new(ports, config);
    shared.run("gig", Some((&stores.gig, Arc::new(GigService::translate))), service.consumers());
    let (keeper, stop) = (service.clone(), shared.shutdown.token().clone());
    shared.shutdown.spawn(async move { keeper.keep_search(stop).await });
    service.router()
}

fn chat_service(shared: &Shared, stores: &Stores, settings: &Settings) -> Router {
    let ports = ChatPorts {
        conversations: Arc::clone(&stores.conversations),
        messages: Arc::clone(&stores.messages),
        gigs: Arc::clone(&stores.gig_sellers),
        deleted_gigs: Arc::clone(&stores.deleted_gigs),
        cards: Arc::clone(&stores.chat_cards),
        media: Arc::clone(&shared.media),
        publisher: Arc::clone(&shared.publisher),
        clock: Arc::clone(&shared.clock),
        ids: Arc::clone(&shared.ids),
        guard: shared.guard(ChatService::AUDIENCES),
    };
    let config = ChatConfig {
        client_url: shared.links.clone(),
        body_limit: settings.body_limit,
        file_body_limit: settings.file_body_limit,
        ..ChatConfig::default()
    };
    let service = ChatService::new(ports, config);
    shared.run("chat", Some((&stores.chat, service.translator())), service.consumers());
    service.router()
}

fn order_service(shared: &Shared, stores: &Stores, settings: &Settings, provider: &FakePayments) -> Router {
    let ports = OrderPorts {
        orders: Arc::clone(&stores.orders),
        payments: Arc::clone(&stores.payments),
        gigs: Arc::clone(&stores.gig_facts),
        offers: Arc::clone(&stores.offer_facts),
        notifications: Arc::clone(&stores.notifications),
        directory: Arc::new(Directory::new(Arc::clone(&stores.order_cards))),
        provider: Arc::new(provider.clone()),
        media: Arc::clone(&shared.media),
        clock: Arc::clone(&shared.clock),
        ids: Arc::clone(&shared.ids),
        guard: shared.guard(OrderService::AUDIENCES),
    };
    let config = OrderConfig {
        client_url: shared.links.clone(),
        body_limit: settings.body_limit,
        file_body_limit: settings.file_body_limit,
        ..OrderConfig::default()
    };
    let service = OrderService::new(ports, config);
    provider.set_webhook(Arc::new(service.clone()));
    shared.run("order", Some((&stores.order, service.translator())), service.consumers());
    let sweeper = service.clone();
    shared.meanwhile(async move {
        let mut ticks = tokio::time::interval(OrderService::SWEEP_EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = sweeper.sweep().await {
                tracing::warn!(error = error_text(&error), "the sweep of orders failed and comes again");
            }
        }
    });
    service.router()
}

fn review_service(shared: &Shared, stores: &Stores, settings: &Settings) -> Router {
    let ports = ReviewPorts {
        media: Arc::clone(&shared.media),
        reviews: Arc::clone(&stores.reviews),
        orders: Arc::clone(&stores.order_facts),
        cards: Arc::clone(&stores.review_cards),
        analytics: Arc::new(StoredAnalytics::new(Arc::clone(&stores.summaries))),
        numbers: stores.review.sequence(),
        clock: Arc::clone(&shared.clock),
        guard: shared.guard(ReviewService::AUDIENCES),
    };
    let config = ReviewConfig { body_limit: settings.body_limit, ..ReviewConfig::default() };
    let service = ReviewService::new(ports, config);
    shared.run("review", Some((&stores.review, Arc::new(ReviewService::translate))), service.consumers());
    service.router()
}

/// Makes the search index of a folder anew and returns how many gigs it holds.
pub(crate) async fn rebuild_search(
    folder: &Folder,
    stores: &Stores,
    progress: &(dyn Fn(usize) + Send + Sync),
) -> anyhow::Result<usize> {
    let search = TantivySearch::open(folder.within("search")).context("the search index")?;
    Ok(Indexer::new(Arc::clone(&stores.gigs), Arc::new(search)).rebuild(progress).await?)
}
