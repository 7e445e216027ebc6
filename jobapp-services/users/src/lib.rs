//! The users service: buyers and sellers, their pages, and what they hear from orders, gigs and reviews.
//!
//! [`UsersService`] composes it: [`UsersService::router`] serves, [`UsersService::consumers`] listen,
//! [`UsersService::translate`] turns what was stored into messages. What is decided is decided in `jobapp-users`.

mod config;
mod consumers;
mod dice;
mod documents;
mod http;
mod messages;

use std::sync::Arc;

use jobapp_http::ServiceGuard;
use jobapp_kernel::{
    Clock, Handler, Ids, MediaStore, Message, OutboxEntry, Publisher, Queue, Repository, Sequence, Subscription,
};
use jobapp_runtime::TranslateError;
use jobapp_users::{Buyer, Ports, Seller, Users};
use jobapp_wire::queues;

pub use config::UsersConfig;

/// What the users service stands on.
#[derive(Clone)]
pub struct UsersPorts {
    /// The buyers.
    pub buyers: Arc<dyn Repository<Buyer>>,
    /// The sellers.
    pub sellers: Arc<dyn Repository<Seller>>,
    /// Numbers the sellers.
    pub numbers: Arc<dyn Sequence>,
    /// Stores sellers' pictures.
    pub media: Arc<dyn MediaStore>,
    /// Answers requests for sample sellers.
    pub publisher: Arc<dyn Publisher>,
    /// Dates new sellers.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Checks who calls: audiences `buyer` and `seller`.
    pub guard: Arc<ServiceGuard>,
}

/// The users service.
#[derive(Clone)]
pub struct UsersService {
    users: Users,
    media: Arc<dyn MediaStore>,
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    guard: Arc<ServiceGuard>,
    config: Arc<UsersConfig>,
}

impl UsersService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["buyer", "seller"];

    /// On these ports.
    pub fn new(ports: UsersPorts, config: UsersConfig) -> Self {
        let users = Users::new(Ports {
            buyers: ports.buyers,
            sellers: ports.sellers,
            numbers: ports.numbers,
            clock: Arc::clone(&ports.clock),
            ids: ports.ids,
            dice: Arc::new(dice::ThreadDice),
        });
        Self {
            users,
            media: ports.media,
            publisher: ports.publisher,
            clock: ports.clock,
            guard: ports.guard,
            config: Arc::new(config),
        }
    }

    /// Every route with its full path; the health route is outside the guard.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }

    /// What the routes accept and answer.
    pub fn openapi() -> utoipa::openapi::OpenApi {
        http::openapi()
    }

    /// What it consumes.
    pub fn queues() -> Vec<Queue> {
        vec![queues::USER_BUYER, queues::USER_SELLER, queues::SELLER_REVIEW, queues::USER_GIG, queues::USER_PROFILE]
    }

    /// Who consumes it.
    pub fn consumers(&self) -> Vec<(Subscription, Arc<dyn Handler>)> {
        vec![
            consumers::user_buyer::consumer(self.users.clone()),
            consumers::user_seller::consumer(self.users.clone()),
            consumers::seller_review::consumer(self.users.clone()),
            consumers::user_gig::consumer(self.users.clone(), Arc::clone(&self.publisher), Arc::clone(&self.clock)),
            consumers::user_profile::consumer(self.users.clone()),
        ]
    }

    /// The messages an outbox entry of this service becomes.
    ///
    /// # Errors
    /// [`TranslateError`] for an event this version does not know.
    pub fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
        messages::translate(entry)
    }
}
