//! What is taken over, and in which order.

use std::fmt;
use std::str::FromStr;

use jobapp_kernel::InvalidId;
use serde::{Deserialize, Serialize};

/// One kind of thing that the existing system keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Who somebody is and how they prove it: `auths` in MySQL.
    Accounts,
    /// `Buyer` in MongoDB.
    Buyers,
    /// `Seller` in MongoDB.
    Sellers,
    /// `Gig` in MongoDB.
    Gigs,
    /// `Conversation` in MongoDB.
    Conversations,
    /// `Message` in MongoDB.
    Messages,
    /// `Order` in MongoDB.
    Orders,
    /// `OrderNotification` in MongoDB.
    Notifications,
    /// `reviews` in PostgreSQL.
    Reviews,
}

impl Kind {
    /// All of them, each behind those it speaks of.
    pub const ALL: [Self; 9] = [
        Self::Accounts,
        Self::Buyers,
        Self::Sellers,
        Self::Gigs,
        Self::Conversations,
        Self::Messages,
        Self::Orders,
        Self::Notifications,
        Self::Reviews,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Buyers => "buyers",
            Self::Sellers => "sellers",
            Self::Gigs => "gigs",
            Self::Conversations => "conversations",
            Self::Messages => "messages",
            Self::Orders => "orders",
            Self::Notifications => "notifications",
            Self::Reviews => "reviews",
        }
    }

    /// The service whose business it is, here and there.
    pub const fn service(self) -> &'static str {
        match self {
            Self::Accounts => "auth",
            Self::Buyers | Self::Sellers => "users",
            Self::Gigs => "gig",
            Self::Conversations | Self::Messages => "chat",
            Self::Orders | Self::Notifications => "order",
            Self::Reviews => "review",
        }
    }

    /// What has to be here before: it is spoken of, and whatever is spoken of and is not here is missing.
    pub const fn needs(self) -> &'static [Self] {
        match self {
            Self::Accounts => &[],
            Self::Buyers => &[Self::Accounts],
            Self::Sellers => &[Self::Buyers],
            Self::Gigs | Self::Conversations | Self::Orders => &[Self::Sellers],
            Self::Messages => &[Self::Conversations],
            Self::Notifications | Self::Reviews => &[Self::Orders],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = "accounts, buyers, sellers, gigs, conversations, messages, orders, notifications or reviews";
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| InvalidId::new(text, expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_behind_those_it_needs_and_its_name_is_read_back() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert!(kind.needs().iter().all(|needed| Kind::ALL[..place].contains(needed)), "{kind}");
            assert_eq!(kind.name().parse::<Kind>().unwrap(), kind);
        }
        assert!("gig".parse::<Kind>().is_err());
    }
}
