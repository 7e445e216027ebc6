//! What the services of the one binary stand on.

use std::sync::Arc;

use anyhow::Context;
use jobapp_auth_service::AuthPorts;
use jobapp_chat_service::ChatPorts;
use jobapp_gig_service::GigPorts;
use jobapp_order_service::OrderPorts;
use jobapp_platform::{Address, OpenError, Payments, Search, Shared};
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
    /// The provider that the order service has.
    pub(crate) payments: Payments,
}

impl Parts {
    /// On these stores and this index.
    pub(crate) async fn open(stores: &Stores, shared: &Shared, search: &Search) -> anyhow::Result<Self> {
        let address = Address::new("jobapp", "fake", "");
        let payments = Payments::open(&address, &stores.payments, Arc::clone(&shared.clock)).await;
        let payments = opened("payments", payments)?;
        let order = OrderPorts::open(&stores.order, shared, payments.provider()).await;
        Ok(Self {
            auth: opened("auth", AuthPorts::open(&stores.auth, shared).await)?,
            users: opened("users", UsersPorts::open(&stores.users, shared).await)?,
            gig: opened("gig", GigPorts::open(&stores.gig, shared, search).await)?,
            chat: opened("chat", ChatPorts::open(&stores.chat, shared).await)?,
            order: opened("order", order)?,
            review: opened("review", ReviewPorts::open(&stores.review, shared).await)?,
            payments,
        })
    }

    /// As [`Parts::open`], to look at what is stored: nothing is searched.
    pub(crate) async fn to_look_at(stores: &Stores, shared: &Shared) -> anyhow::Result<Self> {
        Self::open(stores, shared, &Search::in_memory()).await
    }
}

fn opened<T>(service: &str, ports: Result<T, OpenError>) -> anyhow::Result<T> {
    ports.map_err(advised_to_open).with_context(|| format!("the store of {service}"))
}
