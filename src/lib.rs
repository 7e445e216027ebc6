//! A freelance marketplace as a library.
//!
//! The core decides and knows no socket, file, clock or random source. Adapters are behind features; choose those you
//! want and bring your own for the rest.
//!
//! | module | what it holds |
//! |---|---|
//! | [`kernel`] | ids, money, time, paging, the ports of the store, the bus, media and the clock |
//! | [`auth`] | accounts, sessions, one-time codes |
//! | [`users`] | buyers and sellers |
//! | [`gigs`] | gigs and what a search asks for |
//! | [`orders`] | the order's lifecycle, payments, notifications |
//! | [`reviews`] | reviews and the totals they feed |
//! | [`chat`] | conversations, messages, offers |
//! | [`notifications`] | which event becomes which mail |
//! | [`wire`] | JSON bodies, queue messages, queue and exchange names |
//!
//! The programs are in `jobapp-services`; `examples/` shows how to compose one's own.

pub use jobapp_auth as auth;
pub use jobapp_chat as chat;
pub use jobapp_gigs as gigs;
pub use jobapp_kernel as kernel;
pub use jobapp_notifications as notifications;
pub use jobapp_orders as orders;
pub use jobapp_reviews as reviews;
pub use jobapp_users as users;
pub use jobapp_wire as wire;

/// Adapters: the ports on real technology.
pub mod adapters {
    #[cfg(feature = "mail")]
    pub use jobapp_mail as mail;
    #[cfg(feature = "media")]
    pub use jobapp_media as media;
    #[cfg(feature = "memory")]
    pub use jobapp_memory as memory;
    #[cfg(feature = "payments")]
    pub use jobapp_payments as payments;
    #[cfg(feature = "sql")]
    pub use jobapp_sql as sql;
    #[cfg(feature = "tantivy")]
    pub use jobapp_tantivy as tantivy;
}
