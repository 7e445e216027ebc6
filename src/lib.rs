//! A freelance marketplace as a library: people sign up, sellers publish gigs, buyers search, chat, order, pay, receive the
//! work, approve it and review each other.
//!
//! The core decides, and knows no socket, file, clock or random source: it asks for them through *ports*, traits such as
//! [`kernel::Repository`], [`kernel::Clock`] or [`orders::PaymentProvider`]. *Adapters* implement the ports; they are behind
//! features. Take those you want and bring your own for the rest.
//!
//! # The core, always there
//!
//! | module | what it holds |
//! |---|---|
//! | [`kernel`] | ids, money, time, paging, the ports of the store, the bus, media and the clock |
//! | [`auth`] | accounts, sessions, one-time codes |
//! | [`users`] | buyers and sellers |
//! | [`directory`] | what every service keeps of users |
//! | [`gigs`] | gigs and what a search asks for |
//! | [`orders`] | the order's lifecycle, payments, notifications |
//! | [`reviews`] | reviews and the totals they feed |
//! | [`chat`] | conversations, messages, offers |
//! | [`notifications`] | which event becomes which mail |
//! | [`realtime`] | who hears what, who is online |
//! | [`wire`] | JSON bodies, queue messages, queue and exchange names |
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `memory` (default) | `adapters::memory`: the store, the bus and the search in memory |
//! | `sqlite` | `adapters::sqlite`: the store and the bus in SQLite files |
//! | `amqp` | `adapters::amqp`: the bus on RabbitMQ |
//! | `postgres`, `mysql` | `adapters::sql`: the store on database servers |
//! | `mongodb` | `adapters::mongo`: the store on MongoDB |
//! | `tantivy` | `adapters::tantivy`: gig search in a folder |
//! | `elastic` | `adapters::elastic`: gig search on Elasticsearch |
//! | `mail` | `adapters::mail`: mail templates, a mailer that writes `.eml` files, a mailbox page |
//! | `smtp` | a mailer to a mail host; brings `mail` |
//! | `redis` | `adapters::redis`: presence, fan-out, limits and records of sent mails that many processes share |
//! | `media` | `adapters::media`: pictures and files in a folder or in memory |
//! | `payments` | `adapters::payments`: a payment provider without money, and its page |
//! | `client` | `adapters::client`: an HTTP client of the gateway |
//! | `contracts` | `contracts`: the suites every implementation of a port passes; run them on yours |
//! | `runtime` | `runtime` and `adapters::http`: what a service needs to run |
//! | `platform` | `platform`: the form of a service, its store, and what runs several of them; brings `runtime` |
//! | `services` | `services`: the eight services, to compose a binary of your own; brings `platform` |
//!
//! # An example
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use jobapp::adapters::memory::{MemorySearch, MemoryStore};
//! use jobapp::gigs::{Content, Finder, Gigs, Indexer, SearchQuery, Seller};
//! use jobapp::kernel::{FixedClock, Money, SequenceIds, Timestamp};
//!
//! // Ports in memory: a store for the gigs and their events, an index to search in, a clock that stands still.
//! let store = MemoryStore::new();
//! let index = Arc::new(MemorySearch::new());
//! let clock = Arc::new(FixedClock::at("2026-11-24T10:00:00Z".parse::<Timestamp>()?));
//! let gigs = Gigs::new(store.repository(), store.sequence(), clock, Arc::new(SequenceIds::default()));
//!
//! // Iria publishes a gig.
//! let iria = Seller {
//!     id: "66f0c0ffee0000000000a001".parse()?,
//!     username: "Iria".into(),
//!     email: "iria@example.org".into(),
//!     picture: "https://img.example.org/iria.png".into(),
//! };
//! let content = Content {
//!     title: "I will draw your logo".into(),
//!     description: "A logo for your shop, drawn by hand.".into(),
//!     category: "Graphics & Design".into(),
//!     sub_categories: vec!["Logo Design".into()],
//!     tags: vec!["logo".into()],
//!     price: Money::from_cents(20_00),
//!     cover_image: "https://img.example.org/logo.png".into(),
//!     expected_delivery: "3 Days Delivery".into(),
//!     basic_title: "One logo".into(),
//!     basic_description: "One draft, two revisions".into(),
//! };
//! let gig = gigs.create(iria, content, None).await?;
//!
//! // The gig and the event that tells of it were stored in one step. In a running marketplace a relay publishes the
//! // event, and a consumer takes it to the index.
//! assert_eq!(store.events()[0].aggregate_id, gig.id.to_string());
//! Indexer::new(store.repository(), index.clone()).changed(&[(gig.id, 1)]).await?;
//!
//! // Somebody looks for logos.
//! let query = SearchQuery::parse("0", "10", "forward", [("query", "logos"), ("maxPrice", "25")]);
//! let page = Finder::new(store.repository(), index).search(&query).await?;
//! assert_eq!((page.total, page.gigs[0].id), (1, gig.id));
//! # Ok(()) }
//! # #[cfg(not(feature = "memory"))] fn main() {}
//! ```
//!
//! # Where to go on
//!
//! The `examples` folder has one idea in each file, and each runs without anything installed:
//!
//! - `embed_orders`: the order core on memory adapters, without any server
//! - `own_port`: one port replaced by your own
//! - `swap_an_adapter`: one adapter swapped by its address
//! - `two_services`: a binary of your own with two of the services
//! - `journey`: a running marketplace, driven over HTTP
//!
//! `docs/architecture.md` follows one request through the whole system and tells how to add an aggregate or a port. The
//! marketplace itself is the package `jobapp-all-in-one`; its `compose.rs` is the parts list.

pub use jobapp_auth as auth;
pub use jobapp_chat as chat;
pub use jobapp_directory as directory;
pub use jobapp_gigs as gigs;
pub use jobapp_kernel as kernel;
pub use jobapp_notifications as notifications;
pub use jobapp_orders as orders;
pub use jobapp_realtime_core as realtime;
pub use jobapp_reviews as reviews;
pub use jobapp_users as users;
pub use jobapp_wire as wire;

#[cfg(feature = "contracts")]
pub use jobapp_contracts as contracts;
#[cfg(feature = "platform")]
pub use jobapp_metrics as metrics;
#[cfg(feature = "platform")]
pub use jobapp_platform as platform;
#[cfg(feature = "runtime")]
pub use jobapp_runtime as runtime;
#[cfg(feature = "platform")]
pub use jobapp_telemetry as telemetry;

/// Adapters: the ports on real technology, and how the outside is reached.
pub mod adapters {
    #[cfg(feature = "amqp")]
    pub use jobapp_amqp as amqp;
    #[cfg(feature = "client")]
    pub use jobapp_client as client;
    #[cfg(feature = "elastic")]
    pub use jobapp_elastic as elastic;
    #[cfg(feature = "runtime")]
    pub use jobapp_http as http;
    #[cfg(feature = "mail")]
    pub use jobapp_mail as mail;
    #[cfg(feature = "media")]
    pub use jobapp_media as media;
    #[cfg(feature = "memory")]
    pub use jobapp_memory as memory;
    #[cfg(feature = "mongodb")]
    pub use jobapp_mongo as mongo;
    #[cfg(feature = "payments")]
    pub use jobapp_payments as payments;
    #[cfg(feature = "services")]
    pub use jobapp_realtime as realtime;
    #[cfg(feature = "redis")]
    pub use jobapp_redis as redis;
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub use jobapp_sql as sql;
    #[cfg(feature = "sqlite")]
    pub use jobapp_sqlite as sqlite;
    #[cfg(feature = "tantivy")]
    pub use jobapp_tantivy as tantivy;
}

/// The eight services. Each is made of its ports, and is a `platform::Service`.
#[cfg(feature = "services")]
pub mod services {
    pub use jobapp_auth_service as auth;
    pub use jobapp_chat_service as chat;
    pub use jobapp_gateway_service as gateway;
    pub use jobapp_gig_service as gig;
    pub use jobapp_notification_service as notification;
    pub use jobapp_order_service as order;
    pub use jobapp_review_service as review;
    pub use jobapp_users_service as users;
}
