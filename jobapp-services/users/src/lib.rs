//! The users service: buyers and sellers, their pages, and what they hear from orders, gigs and reviews.
//!
//! [`UsersService`] is what a process runs of it, a [`Service`] as all are. What is decided is decided in `jobapp-users`.

mod config;
mod consumers;
mod dice;
mod documents;
mod http;
mod messages;
mod ports;

use std::sync::Arc;

use axum::Router;
use jobapp_kernel::Queue;
use jobapp_platform::{Service, Shared};
use jobapp_runtime::{Consumer, Translate};
use jobapp_users::Users;
use jobapp_wire::queues;
use utoipa::openapi::OpenApi;

pub use config::UsersConfig;
pub use ports::UsersPorts;

/// The users service.
#[derive(Clone)]
pub struct UsersService {
    users: Users,
    shared: Shared,
    config: Arc<UsersConfig>,
}

impl UsersService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["buyer", "seller"];

    /// On these ports.
    pub fn new(ports: UsersPorts, config: UsersConfig) -> Self {
        Self { users: Users::new(ports.users), shared: ports.shared, config: Arc::new(config) }
    }
}

impl Service for UsersService {
    fn name(&self) -> &'static str {
        "users"
    }

    fn audiences(&self) -> &'static [&'static str] {
        Self::AUDIENCES
    }

    fn router(&self) -> Router {
        http::router(self)
    }

    fn openapi(&self) -> Option<OpenApi> {
        Some(http::openapi())
    }

    fn queues(&self) -> Vec<Queue> {
        vec![queues::USER_BUYER, queues::USER_SELLER, queues::SELLER_REVIEW, queues::USER_GIG, queues::USER_PROFILE]
    }

    fn consumers(&self) -> Vec<Consumer> {
        let Shared { media, publisher, clock, .. } = &self.shared;
        vec![
            consumers::user_buyer::consumer(self.users.clone(), Arc::clone(media)),
            consumers::user_seller::consumer(self.users.clone()),
            consumers::seller_review::consumer(self.users.clone()),
            consumers::user_gig::consumer(
                self.users.clone(),
                Arc::clone(media),
                Arc::clone(publisher),
                Arc::clone(clock),
            ),
            consumers::user_profile::consumer(self.users.clone()),
        ]
    }

    fn translator(&self) -> Option<Translate> {
        Some(Arc::new(messages::translate))
    }
}
