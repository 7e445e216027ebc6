//! Where everything goes, opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jobapp_auth::Account;
use jobapp_chat::{ChatMessage, Conversation, DeletedGig};
use jobapp_gigs::Gig;
use jobapp_kernel::{RepositoryError, Sequence};
use jobapp_orders::{Order, OrderNotification, Payment};
use jobapp_platform::OpenError;
use jobapp_reviews::{Review, ReviewAnalytics};
use jobapp_users::{Buyer, Seller};

use crate::Ours;
use crate::target::Target;

pub(crate) struct Targets {
    pub(crate) accounts: Target<Account>,
    pub(crate) buyers: Target<Buyer>,
    pub(crate) sellers: Target<Seller>,
    pub(crate) gigs: Target<Gig>,
    pub(crate) deleted_gigs: Target<DeletedGig>,
    pub(crate) conversations: Target<Conversation>,
    pub(crate) messages: Target<ChatMessage>,
    pub(crate) orders: Target<Order>,
    pub(crate) payments: Target<Payment>,
    pub(crate) notifications: Target<OrderNotification>,
    pub(crate) reviews: Target<Review>,
    pub(crate) account_numbers: Numbers,
    pub(crate) seller_numbers: Numbers,
    pub(crate) gig_numbers: Numbers,
    pub(crate) review_numbers: Numbers,
    /// The totals of reviews; none in a dry run.
    pub(crate) analytics: Option<Arc<dyn ReviewAnalytics>>,
}

impl Targets {
    pub(crate) async fn open(ours: &Ours, dry_run: bool) -> Result<Self, OpenError> {
        let numbers = |sequence| Numbers::new(sequence, dry_run);
        Ok(Self {
            accounts: Target::open(&ours.auth, dry_run).await?,
            buyers: Target::open(&ours.users, dry_run).await?,
            sellers: Target::open(&ours.users, dry_run).await?,
            gigs: Target::open(&ours.gig, dry_run).await?,
            deleted_gigs: Target::open(&ours.chat, dry_run).await?,
            conversations: Target::open(&ours.chat, dry_run).await?,
            messages: Target::open(&ours.chat, dry_run).await?,
            orders: Target::open(&ours.order, dry_run).await?,
            payments: Target::open(&ours.order, dry_run).await?,
            notifications: Target::open(&ours.order, dry_run).await?,
            reviews: Target::open(&ours.review, dry_run).await?,
            account_numbers: numbers(ours.auth.sequence()),
            seller_numbers: numbers(ours.users.sequence()),
            gig_numbers: numbers(ours.gig.sequence()),
            review_numbers: numbers(ours.review.sequence()),
            analytics: match ours.analytics.as_ref().unwrap_or(&ours.review) {
                _ if dry_run => None,
                store => Some(store.analytics().await?),
            },
        })
    }
}

/// Where a dry run counts from: nobody has such numbers.
const TRIAL: i64 = 1 << 48;

/// Gives out numbers. Those of a dry run are not kept.
pub(crate) struct Numbers {
    sequence: Arc<dyn Sequence>,
    trial: Option<AtomicI64>,
}

impl Numbers {
    fn new(sequence: Arc<dyn Sequence>, dry_run: bool) -> Self {
        Self { sequence, trial: dry_run.then(|| AtomicI64::new(TRIAL)) }
    }

    /// The next number of the sequence `name`, `start` the first time.
    pub(crate) async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError> {
        match &self.trial {
            Some(trial) => Ok(trial.fetch_add(1, Ordering::Relaxed)),
            None => self.sequence.next(name, start).await,
        }
    }

    /// Leaves the numbers up to `highest` to those of the existing system.
    pub(crate) async fn reserve(&self, name: &str, highest: i64) -> Result<(), RepositoryError> {
        if self.trial.is_none() {
            self.sequence.next(name, highest.saturating_add(1)).await?;
        }
        Ok(())
    }
}
