//! The stores of the one binary: one SQLite file for each service.

use std::sync::Arc;

use anyhow::Context;
use jobapp_auth::{Account, Attempts, PendingSignIn, Session};
use jobapp_chat::{ChatMessage, Conversation, DeletedGig, GigSeller};
use jobapp_directory::Card;
use jobapp_gigs::{ChosenCategory, Gig};
use jobapp_kernel::{Aggregate, Outbox, Repository, Timestamp};
use jobapp_orders::{GigFact, OfferFact, Order, OrderNotification, Payment};
use jobapp_payments::FakeIntent;
use jobapp_reviews::{OrderFact, RatingSummary, Review};
use jobapp_sql::{Seal, SqlConfig, SqlStore};
use jobapp_users::{Buyer, Seller};

use crate::Folder;
use crate::storage::{advised, look_through};

/// A repository, shared.
type Shared<A> = Arc<dyn Repository<A>>;

/// Is shown every repository, one after the other.
pub(crate) trait Visit {
    /// Looks at everything a repository holds.
    async fn add<A: Aggregate>(&mut self, repository: &Shared<A>) -> anyhow::Result<()>;
}

/// Every store and its repositories.
pub(crate) struct Stores {
    pub(crate) auth: SqlStore,
    pub(crate) accounts: Shared<Account>,
    pub(crate) sessions: Shared<Session>,
    pub(crate) pending: Shared<PendingSignIn>,
    pub(crate) attempts: Shared<Attempts>,
    pub(crate) users: SqlStore,
    pub(crate) buyers: Shared<Buyer>,
    pub(crate) sellers: Shared<Seller>,
    pub(crate) gig: SqlStore,
    pub(crate) gigs: Shared<Gig>,
    pub(crate) gig_cards: Shared<Card>,
    pub(crate) choices: Shared<ChosenCategory>,
    pub(crate) chat: SqlStore,
    pub(crate) conversations: Shared<Conversation>,
    pub(crate) messages: Shared<ChatMessage>,
    pub(crate) gig_sellers: Shared<GigSeller>,
    pub(crate) deleted_gigs: Shared<DeletedGig>,
    pub(crate) chat_cards: Shared<Card>,
    pub(crate) order: SqlStore,
    pub(crate) orders: Shared<Order>,
    pub(crate) payments: Shared<Payment>,
    pub(crate) gig_facts: Shared<GigFact>,
    pub(crate) offer_facts: Shared<OfferFact>,
    pub(crate) notifications: Shared<OrderNotification>,
    pub(crate) order_cards: Shared<Card>,
    pub(crate) review: SqlStore,
    pub(crate) reviews: Shared<Review>,
    pub(crate) order_facts: Shared<OrderFact>,
    pub(crate) summaries: Shared<RatingSummary>,
    pub(crate) review_cards: Shared<Card>,
    pub(crate) provider: SqlStore,
    pub(crate) intents: Shared<FakeIntent>,
}

async fn open(folder: &Folder, service: &str, seal: Option<Seal>) -> anyhow::Result<SqlStore> {
    let config = SqlConfig { seal, ..SqlConfig::file(folder.database(service)) };
    let opening = async {
        look_through(folder, service).await?;
        SqlStore::open(config).await.map_err(advised)
    };
    opening.await.with_context(|| format!("the store of {service}"))
}

async fn of<A: Aggregate>(store: &SqlStore) -> anyhow::Result<Shared<A>> {
    store.register::<A>().await.map_err(advised).with_context(|| format!("the table of {}", A::NAME))
}

impl Stores {
    /// Opens all of them at once, and makes what is missing.
    pub(crate) async fn open(folder: &Folder) -> anyhow::Result<Self> {
        let seal = folder.secrets()?.seal()?;
        let (auth, users, gig, chat, order, review, provider) = tokio::try_join!(
            // What it tells others of are links and codes that open accounts.
            open(folder, "auth", seal),
            open(folder, "users", None),
            open(folder, "gig", None),
            open(folder, "chat", None),
            open(folder, "order", None),
            open(folder, "review", None),
            open(folder, "payments", None),
        )?;
        Ok(Self {
            accounts: of(&auth).await?,
            sessions: of(&auth).await?,
            pending: of(&auth).await?,
            attempts: of(&auth).await?,
            auth,
            buyers: of(&users).await?,
            sellers: of(&users).await?,
            users,
            gigs: of(&gig).await?,
            gig_cards: of(&gig).await?,
            choices: of(&gig).await?,
            gig,
            conversations: of(&chat).await?,
            messages: of(&chat).await?,
            gig_sellers: of(&chat).await?,
            deleted_gigs: of(&chat).await?,
            chat_cards: of(&chat).await?,
            chat,
            orders: of(&order).await?,
            payments: of(&order).await?,
            gig_facts: of(&order).await?,
            offer_facts: of(&order).await?,
            notifications: of(&order).await?,
            order_cards: of(&order).await?,
            order,
            reviews: of(&review).await?,
            order_facts: of(&review).await?,
            summaries: of(&review).await?,
            review_cards: of(&review).await?,
            review,
            intents: of(&provider).await?,
            provider,
        })
    }

    /// The stores by the name of their service.
    pub(crate) fn all(&self) -> [(&'static str, &SqlStore); 7] {
        [
            ("auth", &self.auth),
            ("users", &self.users),
            ("gig", &self.gig),
            ("chat", &self.chat),
            ("order", &self.order),
            ("review", &self.review),
            ("payments", &self.provider),
        ]
    }

    /// The outboxes by the name of their service.
    pub(crate) fn outboxes(&self) -> Vec<(&'static str, Arc<dyn Outbox>)> {
        self.all().map(|(name, store)| (name, store.outbox())).to_vec()
    }

    /// Forgets causes nobody can repeat any more.
    pub(crate) async fn prune(&self, now: Timestamp) {
        for (name, store) in self.all() {
            match store.prune(now).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(service = name, count, "old causes were forgotten"),
                Err(error) => {
                    tracing::warn!(service = name, error = jobapp_runtime::error_text(&error), "old causes stay");
                }
            }
        }
    }

    /// Closes all files.
    pub(crate) async fn close(&self) {
        for (name, store) in self.all() {
            if let Err(error) = store.close().await {
                tracing::warn!(service = name, error = jobapp_runtime::error_text(&error), "a store did not close");
            }
        }
    }

    /// Shows every repository to a visitor.
    pub(crate) async fn each(&self, lines: &mut impl Visit) -> anyhow::Result<()> {
        lines.add(&self.accounts).await?;
        lines.add(&self.sessions).await?;
        lines.add(&self.pending).await?;
        lines.add(&self.attempts).await?;
        lines.add(&self.buyers).await?;
        lines.add(&self.sellers).await?;
        lines.add(&self.gigs).await?;
        lines.add(&self.choices).await?;
        lines.add(&self.conversations).await?;
        lines.add(&self.messages).await?;
        lines.add(&self.gig_sellers).await?;
        lines.add(&self.deleted_gigs).await?;
        lines.add(&self.orders).await?;
        lines.add(&self.payments).await?;
        lines.add(&self.gig_facts).await?;
        lines.add(&self.offer_facts).await?;
        lines.add(&self.notifications).await?;
        lines.add(&self.reviews).await?;
        lines.add(&self.order_facts).await?;
        lines.add(&self.summaries).await?;
        lines.add(&self.intents).await?;
        for cards in [&self.gig_cards, &self.chat_cards, &self.order_cards, &self.review_cards] {
            lines.add(cards).await?;
        }
        Ok(())
    }
}
