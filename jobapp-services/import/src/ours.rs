//! Where everything goes.

use jobapp_platform::Store;

use crate::Kind;

/// The stores of our services. Services may be running on them.
#[derive(Clone)]
pub struct Ours {
    /// Of the auth service.
    pub auth: Store,
    /// Of the users service.
    pub users: Store,
    /// Of the gig service.
    pub gig: Store,
    /// Of the chat service.
    pub chat: Store,
    /// Of the order service.
    pub order: Store,
    /// Of the review service.
    pub review: Store,
    /// Where the totals of reviews are, if not with the reviews.
    pub analytics: Option<Store>,
}

impl Ours {
    /// The store of the service whose business a kind is.
    pub const fn of(&self, kind: Kind) -> &Store {
        match kind {
            Kind::Accounts => &self.auth,
            Kind::Buyers | Kind::Sellers => &self.users,
            Kind::Gigs => &self.gig,
            Kind::Conversations | Kind::Messages => &self.chat,
            Kind::Orders | Kind::Notifications => &self.order,
            Kind::Reviews => &self.review,
        }
    }
}
