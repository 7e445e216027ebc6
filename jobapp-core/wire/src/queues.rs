//! Exchanges, routing keys and queues, exactly as the brokers of existing deployments know them, and what we add.
//!
//! Everything is durable. A queue's retries go through `<queue>.retry.{1s,10s,60s,10m}`, its dead letters to `<queue>.dead`.

use jobapp_kernel::{Exchange, ExchangeKind, Queue};

const fn direct(name: &'static str) -> Exchange {
    Exchange { name, kind: ExchangeKind::Direct }
}

const fn fanout(name: &'static str) -> Exchange {
    Exchange { name, kind: ExchangeKind::Fanout }
}

const fn queue(name: &'static str, exchange: Exchange, routing_key: &'static str) -> Queue {
    Queue { name, exchange, routing_key }
}

/// Accounts and orders tell about buyers.
pub const BUYER_UPDATE: Exchange = direct("jobber-buyer-update");
/// Orders and gigs tell about sellers' counters.
pub const SELLER_UPDATE: Exchange = direct("jobber-seller-update");
/// Reviews.
pub const REVIEW: Exchange = fanout("jobber-review");
/// Ratings on their way to gigs.
pub const UPDATE_GIG: Exchange = direct("jobber-update-gig");
/// Asks for sellers to make sample gigs for.
pub const GIG: Exchange = direct("jobber-gig");
/// Sellers to make sample gigs for.
pub const SEED_GIG: Exchange = direct("jobber-seed-gig");
/// Mails about accounts.
pub const EMAIL_NOTIFICATION: Exchange = direct("jobber-email-notification");
/// Mails about orders and offers.
pub const ORDER_NOTIFICATION: Exchange = direct("jobber-order-notification");
/// Ours: a buyer's or seller's public card changed ([`crate::messages::ProfileChanged`]).
pub const PROFILE: Exchange = fanout("jobapp-profile");
/// Ours: a gig was created, changed or deleted ([`crate::messages::GigChanged`]).
pub const GIG_CHANGED: Exchange = fanout("jobapp-gig-changed");
/// Ours: an offer was made, accepted or cancelled ([`crate::messages::OfferChanged`]).
pub const OFFER_CHANGED: Exchange = fanout("jobapp-offer-changed");
/// Ours: an order moved ([`crate::messages::OrderChanged`]).
pub const ORDER_CHANGED: Exchange = fanout("jobapp-order-changed");
/// Ours: a chat message was written or read ([`crate::chat::ChatMessageChanged`]).
pub const CHAT_MESSAGE: Exchange = fanout("jobapp-chat-message");
/// Ours: work the order service has for itself, around payments.
pub const ORDER_WORK: Exchange = direct("jobapp-order-work");
/// Ours: somebody needs a fact that another service owns ([`crate::messages::GigAsked`], [`crate::messages::OffersAsked`]).
pub const FACT_ASKED: Exchange = direct("jobapp-fact-asked");
/// Ours: what was asked on [`FACT_ASKED`] is answered ([`crate::messages::GigTold`], [`crate::messages::FactTold`]).
pub const FACT_TOLD: Exchange = direct("jobapp-fact-told");
/// Ours: something for the browsers of some users ([`crate::messages::Realtime`]).
pub const REALTIME: Exchange = fanout("jobapp-realtime");

/// Buyers: created, gig bought, order cancelled. Taken by users.
pub const USER_BUYER: Queue = queue("user-buyer-queue", BUYER_UPDATE, "user-buyer");
/// Sellers' counters. Taken by users.
pub const USER_SELLER: Queue = queue("user-seller-queue", SELLER_UPDATE, "user-seller");
/// Sellers' ratings. Taken by users.
pub const SELLER_REVIEW: Queue = queue("seller-review-queue", REVIEW, "");
/// Requests for sample sellers. Taken by users.
pub const USER_GIG: Queue = queue("user-gig-queue", GIG, "get-sellers");
/// Gigs' ratings. Taken by gig.
pub const GIG_UPDATE: Queue = queue("gig-update-queue", UPDATE_GIG, "update-gig");
/// Sample sellers. Taken by gig.
pub const SEED_GIG_QUEUE: Queue = queue("seed-gig-queue", SEED_GIG, "receive-sellers");
/// Reviews of orders. Taken by order.
pub const ORDER_REVIEW: Queue = queue("order-review-queue", REVIEW, "");
/// Mails about accounts. Taken by notification.
pub const AUTH_EMAIL: Queue = queue("auth-email-queue", EMAIL_NOTIFICATION, "auth-email");
/// Mails about orders and offers. Taken by notification.
pub const ORDER_EMAIL: Queue = queue("order-email-queue", ORDER_NOTIFICATION, "order-email");

/// Ours. A seller was created: marks the buyer. Taken by users.
pub const USER_PROFILE: Queue = queue("user-profile-queue", PROFILE, "");
/// Ours. Cards of buyers and sellers. Taken by gig.
pub const GIG_PROFILE: Queue = queue("gig-profile-queue", PROFILE, "");
/// Ours. Cards of buyers and sellers. Taken by chat.
pub const CHAT_PROFILE: Queue = queue("chat-profile-queue", PROFILE, "");
/// Ours. Cards of buyers and sellers. Taken by order.
pub const ORDER_PROFILE: Queue = queue("order-profile-queue", PROFILE, "");
/// Ours. Cards of buyers and sellers. Taken by review.
pub const REVIEW_PROFILE: Queue = queue("review-profile-queue", PROFILE, "");
/// Ours. Keeps the search index current. Taken by gig.
pub const GIG_SEARCH: Queue = queue("gig-search-queue", GIG_CHANGED, "");
/// Ours. Prices a gig had, for the check of an order's price. Taken by order.
pub const ORDER_GIG: Queue = queue("order-gig-queue", GIG_CHANGED, "");
/// Ours. Whose gigs are, for the check of an offer; a deleted gig cancels its open offers. Taken by chat.
pub const CHAT_GIG: Queue = queue("chat-gig-queue", GIG_CHANGED, "");
/// Ours. Questions whether there is a gig, and how it is. Taken by gig.
pub const GIG_ASKED: Queue = queue("gig-asked-queue", FACT_ASKED, "gig");
/// Ours. Questions which offers there are. Taken by chat.
pub const CHAT_ASKED: Queue = queue("chat-asked-queue", FACT_ASKED, "offers");
/// Ours. Answers to questions about gigs that are offered. Taken by chat.
pub const CHAT_TOLD: Queue = queue("chat-told-queue", FACT_TOLD, "chat");
/// Ours. Answers to questions about what orders claim. Taken by order.
pub const ORDER_TOLD: Queue = queue("order-told-queue", FACT_TOLD, "order");
/// Ours. Keeps each conversation's summary of its newest message. Taken by chat.
pub const CHAT_SUMMARY: Queue = queue("chat-message-queue", CHAT_MESSAGE, "");
/// Ours. Offers, for the check of an order's price. Taken by order.
pub const ORDER_OFFER: Queue = queue("order-offer-queue", OFFER_CHANGED, "");
/// Ours. Makes the notifications of an order. Taken by order.
pub const ORDER_ACTIVITY: Queue = queue("order-activity-queue", ORDER_CHANGED, "");
/// Ours. Money that has to go back. Taken by order.
pub const ORDER_REFUND: Queue = queue("order-refund-queue", ORDER_WORK, "refund");
/// Ours. Payments that arrived, or never will. Taken by order.
pub const ORDER_PAYMENT: Queue = queue("order-payment-queue", ORDER_WORK, "payment");
/// Ours. Who may review what. Taken by review.
pub const REVIEW_ORDER: Queue = queue("review-order-queue", ORDER_CHANGED, "");
/// Ours. Review analytics. Taken by review.
pub const REVIEW_ANALYTICS: Queue = queue("review-analytics-queue", REVIEW, "");
/// Ours. What browsers must hear. Taken by the gateway.
pub const GATEWAY_REALTIME: Queue = queue("gateway-realtime-queue", REALTIME, "");
/// Ours. Drops kept answers about gigs that changed. Taken by the gateway.
pub const GATEWAY_GIG: Queue = queue("gateway-gig-queue", GIG_CHANGED, "");
/// Ours. Drops kept answers about buyers and sellers that changed. Taken by the gateway.
pub const GATEWAY_PROFILE: Queue = queue("gateway-profile-queue", PROFILE, "");

/// All of them. Whoever starts declares every one, so that nothing published misses its consumer.
pub const ALL: [Queue; 31] = [
    USER_BUYER,
    USER_SELLER,
    SELLER_REVIEW,
    USER_GIG,
    GIG_UPDATE,
    SEED_GIG_QUEUE,
    ORDER_REVIEW,
    AUTH_EMAIL,
    ORDER_EMAIL,
    USER_PROFILE,
    GIG_PROFILE,
    CHAT_PROFILE,
    ORDER_PROFILE,
    REVIEW_PROFILE,
    GIG_SEARCH,
    ORDER_GIG,
    CHAT_GIG,
    GIG_ASKED,
    CHAT_ASKED,
    CHAT_TOLD,
    ORDER_TOLD,
    CHAT_SUMMARY,
    ORDER_OFFER,
    ORDER_ACTIVITY,
    ORDER_REFUND,
    ORDER_PAYMENT,
    REVIEW_ORDER,
    REVIEW_ANALYTICS,
    GATEWAY_REALTIME,
    GATEWAY_GIG,
    GATEWAY_PROFILE,
];
