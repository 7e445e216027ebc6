//! The stores of the one binary: one SQLite file for each service.

use std::sync::Arc;

use anyhow::Context;
use jobapp_kernel::Outbox;
use jobapp_platform::{Address, Kept, SealingKey, Store};
use jobapp_runtime::error_text;
use jobapp_telemetry::Traces;

use crate::Folder;
use crate::databases::{advised_to_open, look_through};

/// The stores by name, each of which is a file.
pub(crate) const STORES: [&str; 7] = ["auth", "users", "gig", "chat", "order", "review", "payments"];

/// Every store.
pub(crate) struct Stores {
    pub(crate) auth: Store,
    pub(crate) users: Store,
    pub(crate) gig: Store,
    pub(crate) chat: Store,
    pub(crate) order: Store,
    pub(crate) review: Store,
    /// Of the fake provider of payments.
    pub(crate) payments: Store,
}

async fn open(folder: &Folder, service: &str, key: Option<SealingKey>) -> anyhow::Result<Store> {
    let address = Address::new("--data", "sqlite", folder.database(service));
    let opening = async {
        look_through(folder, service).await?;
        Store::open(&address, key).await.map_err(advised_to_open)
    };
    opening.await.with_context(|| format!("the store of {service}"))
}

impl Stores {
    /// Opens all of them at once, and makes what is missing.
    pub(crate) async fn open(folder: &Folder) -> anyhow::Result<Self> {
        let key = folder.secrets()?.sealing_key()?;
        let (auth, users, gig, chat, order, review, payments) = tokio::try_join!(
            // What it tells others of are links and codes that open accounts.
            open(folder, "auth", key),
            open(folder, "users", None),
            open(folder, "gig", None),
            open(folder, "chat", None),
            open(folder, "order", None),
            open(folder, "review", None),
            open(folder, "payments", None),
        )?;
        Ok(Self { auth, users, gig, chat, order, review, payments })
    }

    /// The same, whose calls belong to the traces they are made in.
    pub(crate) fn traced(self, traces: &Traces) -> Self {
        let Self { auth, users, gig, chat, order, review, payments } = self;
        Self {
            auth: auth.traced(traces),
            users: users.traced(traces),
            gig: gig.traced(traces),
            chat: chat.traced(traces),
            order: order.traced(traces),
            review: review.traced(traces),
            payments: payments.traced(traces),
        }
    }

    /// The stores by the name of their service.
    pub(crate) fn all(&self) -> [(&'static str, &Store); 7] {
        [
            ("auth", &self.auth),
            ("users", &self.users),
            ("gig", &self.gig),
            ("chat", &self.chat),
            ("order", &self.order),
            ("review", &self.review),
            ("payments", &self.payments),
        ]
    }

    /// The store of a service.
    pub(crate) fn of(&self, service: &str) -> Option<&Store> {
        self.all().into_iter().find_map(|(name, store)| (name == service).then_some(store))
    }

    /// Every kind of aggregate that was asked for so far.
    pub(crate) fn kept(&self) -> Vec<Arc<dyn Kept>> {
        self.all().into_iter().flat_map(|(_, store)| store.kept()).collect()
    }

    /// The outboxes by the name of their service.
    pub(crate) fn outboxes(&self) -> Vec<(&'static str, Arc<dyn Outbox>)> {
        self.all().map(|(name, store)| (name, store.outbox())).to_vec()
    }

    /// Closes all files.
    pub(crate) async fn close(&self) {
        for (name, store) in self.all() {
            if let Err(error) = store.close().await {
                tracing::warn!(service = name, error = error_text(&error), "a store did not close");
            }
        }
    }
}
