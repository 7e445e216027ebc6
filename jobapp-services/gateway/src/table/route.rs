//! What a row of the table says.

use http::Method;
use serde::{Deserialize, Serialize};

/// Which service answers, and under which base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// `/api/v1/auth` of the auth service.
    Auth,
    /// `/api/v1/buyer` of the users service.
    Buyer,
    /// `/api/v1/seller` of the users service.
    Seller,
    /// `/api/v1/gig` of the gig service.
    Gig,
    /// `/api/v1/message` of the chat service.
    Message,
    /// `/api/v1/order` of the order service.
    Order,
    /// `/api/v1/review` of the review service.
    Review,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Auth, Self::Buyer, Self::Seller, Self::Gig, Self::Message, Self::Order, Self::Review];

    /// The audience of the gateway token that opens it.
    pub const fn audience(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Buyer => "buyer",
            Self::Seller => "seller",
            Self::Gig => "gig",
            Self::Message => "message",
            Self::Order => "order",
            Self::Review => "review",
        }
    }

    /// Where its service says that it runs.
    pub const fn health(self) -> &'static str {
        match self {
            Self::Auth => "/auth-health",
            Self::Buyer | Self::Seller => "/user-health",
            Self::Gig => "/gig-health",
            Self::Message => "/chat-health",
            Self::Order => "/order-health",
            Self::Review => "/review-health",
        }
    }

    /// The path its routes start with.
    pub const fn base(self) -> &'static str {
        match self {
            Self::Auth => "/api/v1/auth",
            Self::Buyer => "/api/v1/buyer",
            Self::Seller => "/api/v1/seller",
            Self::Gig => "/api/v1/gig",
            Self::Message => "/api/v1/message",
            Self::Order => "/api/v1/order",
            Self::Review => "/api/v1/review",
        }
    }

    /// The name of the service for people.
    pub const fn service(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Buyer | Self::Seller => "users",
            Self::Gig => "gig",
            Self::Message => "chat",
            Self::Order => "order",
            Self::Review => "review",
        }
    }
}

/// What goes downstream from the client's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// No body.
    Nothing,
    /// The whole body, streamed, at most this large.
    Whole(BodySize),
    /// These keys of the body; the rest is left out.
    Keys(&'static [&'static str]),
    /// The query string.
    Query,
}

/// How large a body may be. The limits are in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodySize {
    /// Words only: 256 KiB by default.
    Small,
    /// With a picture: 20 MiB by default.
    Picture,
    /// With a file: 140 MiB by default.
    File,
}

/// What the answer does to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Nothing.
    Keep,
    /// The answer's tokens become cookies.
    Start,
    /// Nothing; but the session keeps a copy of the answer and is answered with it while the service is away.
    Copy,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A service.
    Forward {
        /// Which.
        target: Target,
        /// The path below its base; `:name` takes the client's parameter.
        path: &'static str,
    },
    /// The gateway itself: ends the session.
    SignOut,
    /// The gateway itself: tells who is online.
    Online,
    /// The gateway itself: takes a user offline.
    Offline,
    /// The gateway itself: puts a whole page together.
    Page(Page),
}

/// A page whose parts come in one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The page after signing in.
    Home,
    /// A gig with its seller, its reviews and similar gigs.
    Gig,
    /// An order with its gig, its participants and their conversation.
    Order,
}

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path below `/api/gateway/v1`; `:name` is a parameter.
    pub path: &'static str,
    /// Whether it needs a session.
    pub private: bool,
    /// Who answers.
    pub answer: Answer,
    /// What goes downstream.
    pub sends: Sends,
    /// The status of a good answer.
    pub status: u16,
    /// Keys of a good answer; a key the service left out is left out. Empty: the answer passes unread.
    pub keys: &'static [&'static str],
    /// What the answer does to the session.
    pub session: Session,
    /// How often it may be called.
    pub class: RateClass,
    /// What it has to do with kept answers.
    pub cache: CacheRule,
    /// Whether it exists only where the configuration says so.
    pub seed: bool,
}

/// How dear a route is. The figures are at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// Never limited: health, sockets, and the question who one is, whose refusal signs a browser out.
    Never,
    /// Everything without a class of its own. Every other class counts here, too.
    General,
    /// Searches.
    Search,
    /// Requests that may bring a picture or a file.
    Upload,
    /// Trying a password.
    SignIn,
    /// Making an account.
    SignUp,
    /// Trying a code or a link that was mailed.
    Code,
    /// Having a mail sent.
    Mail,
}

/// What a route has to do with kept answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheRule {
    /// Nothing.
    None,
    /// Its answers are kept.
    Keeps(Kept),
    /// It changes what kept answers show.
    Spoils(Kept),
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kept {
    /// A gig, by `:gigId`.
    Gig,
    /// What others see of a seller, by `:sellerId`.
    Seller,
    /// What others see of a seller, by `:username`.
    SellerNamed,
    /// What others see of a buyer, by `:username`.
    Buyer,
}
