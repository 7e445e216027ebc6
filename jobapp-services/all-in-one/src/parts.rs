//! What the services of the one binary stand on.

use std::sync::Arc;

use anyhow::Context;
use jobapp_auth_service::AuthPorts;
use jobapp_chat_service::ChatPorts;
use jobapp_gig_service::GigPorts;
use jobapp_gigs::{GigSearch, SearchIndex};
use jobapp_memory::MemorySearch;
use jobapp_order_service::OrderPorts;
use jobapp_payments::FakePayments;
use jobapp_platform::{OpenError, Shared};
use jobapp_review_service::ReviewPorts;
use jobapp_users_service::UsersPorts;

use crate::databases::advised_to_open;
use crate::stores::Stores;

/// The ports of every service.
pub(crate) struct Parts {
    pub(crate) auth: AuthPorts,
    pub(crate) users: UsersPorts,
    pub(crate) gig: GigPorts,
    pub(crate) chat: ChatPorts,
    pub(crate) order: OrderPorts,
    pub(crate) review: ReviewPorts,
    /// The provider of payments that the order service has.
    pub(crate) provider: FakePayments,
}

impl Parts {
    /// On these stores and this index.
    pub(crate) async fn open<I>(stores: &Stores, shared: &Shared, index: Arc<I>) -> anyhow::Result<Self>
    where
        I: GigSearch + SearchIndex + 'static,
    {
        let intents = opened("payments", stores.payments.repository().await)?;
        let provider = FakePayments::new(intents, Arc::clone(&shared.clock));
        let order = OrderPorts::open(&stores.order, shared, Arc::new(provider.clone())).await;
        Ok(Self {
            auth: opened("auth", AuthPorts::open(&stores.auth, shared).await)?,
            users: opened("users", UsersPorts::open(&stores.users, shared).await)?,
            gig: opened("gig", GigPorts::open(&stores.gig, shared, index).await)?,
            chat: opened("chat", ChatPorts::open(&stores.chat, shared).await)?,
            order: opened("order", order)?,
            review: opened("review", ReviewPorts::open(&stores.review, shared).await)?,
            provider,
        })
    }

    /// As [`Parts::open`], to look at what is stored: nothing is searched.
    pub(crate) async fn to_look_at(stores: &Stores, shared: &Shared) -> anyhow::Result<Self> {
        Self::open(stores, shared, Arc::new(MemorySearch::new())).await
    }
}

fn opened<T>(service: &str, ports: Result<T, OpenError>) -> anyhow::Result<T> {
    ports.map_err(advised_to_open).with_context(|| format!("the store of {service}"))
}
