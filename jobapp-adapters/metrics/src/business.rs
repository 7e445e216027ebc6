//! What the business does, counted where its events leave the outbox: each once, whoever published it.

use jobapp_kernel::OutboxEntry;

crate::label! {
    /// An event of the business.
    pub enum BusinessEvent: "event" {
        /// Somebody signed up.
        SignedUp = "signed_up",
        /// A link to confirm an address was asked for again.
        VerificationRequested = "verification_requested",
        /// A link to a new password was asked for.
        ResetRequested = "reset_requested",
        /// A password was changed.
        PasswordChanged = "password_changed",
        /// Somebody became an operator, or is none any more.
        RoleChanged = "role_changed",
        /// A sign-in waits for its code.
        CodeRequested = "code_requested",
        /// A session ended.
        SessionEnded = "session_ended",
        /// A buyer came to be.
        BuyerCreated = "buyer_created",
        /// The profile of a seller was written.
        SellerWritten = "seller_written",
        /// A seller was rated.
        SellerRated = "seller_rated",
        /// A gig was published.
        GigCreated = "gig_created",
        /// A gig was changed.
        GigSaved = "gig_saved",
        /// A gig was deleted.
        GigDeleted = "gig_deleted",
        /// A message was sent.
        MessageSent = "message_sent",
        /// A message was read.
        MessageRead = "message_read",
        /// An offer was accepted.
        OfferAccepted = "offer_accepted",
        /// An offer was taken back or refused.
        OfferCancelled = "offer_cancelled",
        /// An order was placed.
        OrderPlaced = "order_placed",
        /// An order was paid, and its work began.
        OrderStarted = "order_started",
        /// Work was delivered.
        OrderDelivered = "order_delivered",
        /// Work was approved.
        OrderApproved = "order_approved",
        /// An order was cancelled.
        OrderCancelled = "order_cancelled",
        /// More time was asked for.
        ExtensionRequested = "extension_requested",
        /// More time was given.
        ExtensionApproved = "extension_approved",
        /// More time was refused.
        ExtensionRejected = "extension_rejected",
        /// An order learnt of its buyer's review.
        BuyerReviewed = "buyer_reviewed",
        /// An order learnt of its seller's review.
        SellerReviewed = "seller_reviewed",
        /// An order learnt that it was refunded.
        OrderRefunded = "order_refunded",
        /// A payment came in.
        PaymentSettled = "payment_settled",
        /// A payment must be given back.
        RefundOwed = "refund_owed",
        /// A payment was given back.
        PaymentRefunded = "payment_refunded",
        /// Somebody was notified.
        NotificationCreated = "notification_created",
        /// A notification was read.
        NotificationRead = "notification_read",
        /// A review was written.
        ReviewWritten = "review_written",
        /// One this version has no name for.
        Other = "other",
    }
}

/// Each event by its kind of aggregate and its type, as they are stored.
const KNOWN: &[(&str, &str, BusinessEvent)] = {
    use BusinessEvent as Event;
    &[
        ("account", "registered", Event::SignedUp),
        ("account", "verification-requested", Event::VerificationRequested),
        ("account", "reset-requested", Event::ResetRequested),
        ("account", "password-changed", Event::PasswordChanged),
        ("account", "role-changed", Event::RoleChanged),
        ("pending_sign_in", "code-requested", Event::CodeRequested),
        ("session", "ended", Event::SessionEnded),
        ("buyer", "buyer-created", Event::BuyerCreated),
        ("seller", "profile-written", Event::SellerWritten),
        ("seller", "seller-rated", Event::SellerRated),
        ("gig", "created", Event::GigCreated),
        ("gig", "saved", Event::GigSaved),
        ("gig", "deleted", Event::GigDeleted),
        ("chat_message", "sent", Event::MessageSent),
        ("chat_message", "read", Event::MessageRead),
        ("chat_message", "offer-accepted", Event::OfferAccepted),
        ("chat_message", "offer-cancelled", Event::OfferCancelled),
        ("order", "order-placed", Event::OrderPlaced),
        ("order", "order-started", Event::OrderStarted),
        ("order", "order-delivered", Event::OrderDelivered),
        ("order", "order-approved", Event::OrderApproved),
        ("order", "order-cancelled", Event::OrderCancelled),
        ("order", "extension-requested", Event::ExtensionRequested),
        ("order", "extension-approved", Event::ExtensionApproved),
        ("order", "extension-rejected", Event::ExtensionRejected),
        ("order", "buyer-review", Event::BuyerReviewed),
        ("order", "seller-review", Event::SellerReviewed),
        ("order", "order-refunded", Event::OrderRefunded),
        ("payment", "payment-settled", Event::PaymentSettled),
        ("payment", "refund-owed", Event::RefundOwed),
        ("payment", "payment-refunded", Event::PaymentRefunded),
        ("order_notification", "notification-created", Event::NotificationCreated),
        ("order_notification", "notification-read", Event::NotificationRead),
        ("review", "written", Event::ReviewWritten),
    ]
};

impl BusinessEvent {
    /// Which event an entry holds.
    pub fn of(entry: &OutboxEntry) -> Self {
        let kind = entry.event.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
        let known = KNOWN.iter().find(|(aggregate, name, _)| *aggregate == entry.aggregate && *name == kind);
        known.map_or(Self::Other, |(_, _, event)| *event)
    }
}
