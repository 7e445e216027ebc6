//! Notifications about orders.

use jobapp_kernel::{Aggregate, InvalidState, Key, Timestamp};
use serde::{Deserialize, Serialize};

use crate::machine::Who;
use crate::record::OrderRecord;
use crate::{NotificationId, Order, OrderState};

/// Who a notification is from or for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user name, stored form.
    pub username: String,
    /// URL.
    pub picture: String,
}

/// Everything a notification consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    /// The document id.
    pub id: NotificationId,
    /// What made it: the same step never makes two.
    pub cause: String,
    /// Who acted.
    pub sender: Person,
    /// Whom it is for.
    pub receiver: Person,
    /// What is shown after a user name.
    pub message: String,
    /// The public order number.
    pub order_number: String,
    /// Whether it was read.
    pub is_read: bool,
    /// When.
    pub created_at: Timestamp,
}

/// A notification about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNotification {
    record: NotificationRecord,
}

/// What is stored of a notification.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum NotificationState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<NotificationRecord>),
}
jobapp_kernel::forms!(NotificationState { "1" => V1 });

impl NotificationState {
    /// What the notification consists of.
    pub fn record(&self) -> &NotificationRecord {
        let Self::V1(record) = self;
        record
    }
}

/// What notifications raise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum NotificationEvent {
    /// It was made.
    NotificationCreated(Box<Told>),
    /// It was read.
    NotificationRead(Box<Told>),
}

impl NotificationEvent {
    /// The notification and its order.
    pub const fn told(&self) -> &Told {
        match self {
            Self::NotificationCreated(told) | Self::NotificationRead(told) => told,
        }
    }
}

/// A notification and the order it is about, as both are now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// The notification.
    pub notification: NotificationState,
    /// The order.
    pub order: OrderState,
}

/// A step of an order, as far as notifications care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened<'a> {
    /// The step's name on the wire.
    pub step: &'a str,
    /// Who acted: a user name; empty when the marketplace did.
    pub actor: &'a str,
    /// The stars of a review.
    pub rating: Option<i64>,
    /// When.
    pub at: Timestamp,
}

/// The name under which the marketplace itself speaks.
const MARKETPLACE: &str = "JobApp";

impl OrderNotification {
    /// The notifications of a user; by age.
    pub const USER_TO: Key<Self> =
        Key::<Self>::text("user_to", |note| vec![note.record.receiver.username.as_str().into()])
            .sorted_by(|note| note.record.created_at.into());
    /// The notification of a step.
    pub const CAUSE: Key<Self> = Key::<Self>::text("cause", |note| vec![note.record.cause.as_str().into()]).unique();

    /// The notification a step makes: the other side is told what was done. `None` for steps nobody has to be told of.
    pub fn of(
        id: NotificationId,
        cause: String,
        happened: &Happened<'_>,
        order: &Order,
    ) -> Option<(Self, NotificationEvent)> {
        let record = order.record();
        let (for_whom, message) = message_of(happened, record)?;
        let buyer = Person { username: record.buyer.username.clone(), picture: record.buyer.picture.clone() };
        let seller = Person { username: record.seller.username.clone(), picture: record.seller.picture.clone() };
        let (mut sender, receiver) = if for_whom == Who::Seller { (buyer, seller) } else { (seller, buyer) };
        if happened.actor.is_empty() {
            MARKETPLACE.clone_into(&mut sender.username);
        }
        let record = NotificationRecord {
            id,
            cause,
            sender,
            receiver,
            message,
            order_number: record.number.to_string(),
            is_read: false,
            created_at: happened.at,
        };
        let note = Self { record };
        let event = NotificationEvent::NotificationCreated(note.told(order));
        Some((note, event))
    }

    /// Everything it consists of.
    pub const fn record(&self) -> &NotificationRecord {
        &self.record
    }

    /// Marks it as read; no event when it was.
    #[must_use]
    pub fn read(mut self, order: &Order) -> (Self, Option<NotificationEvent>) {
        if self.record.is_read {
            return (self, None);
        }
        self.record.is_read = true;
        let event = NotificationEvent::NotificationRead(self.told(order));
        (self, Some(event))
    }

    fn told(&self, order: &Order) -> Box<Told> {
        Box::new(Told { notification: self.to_state(), order: order.to_state() })
    }
}

/// Whom a step is told to, and in which words.
fn message_of(happened: &Happened<'_>, order: &OrderRecord) -> Option<(Who, String)> {
    let plain = |who, text: &str| Some((who, text.to_owned()));
    match happened.step {
        "order-started" => plain(Who::Seller, "placed an order for your gig."),
        "order-delivered" => plain(Who::Buyer, "delivered your order."),
        "order-approved" => plain(Who::Seller, "approved your order delivery."),
        "extension-requested" => plain(Who::Buyer, "requested for an order delivery date extension."),
        "extension-approved" => plain(Who::Seller, "approved your order delivery date extension request."),
        "extension-rejected" => plain(Who::Seller, "rejected your order delivery date extension request."),
        "order-cancelled" if happened.actor.is_empty() => {
            let why = order.refusal.as_deref().unwrap_or_default();
            Some((Who::Buyer, format!("refused your order. {why}").trim_end().to_owned()))
        }
        // The seller never saw an order that the buyer took back while it waited.
        "order-cancelled" if happened.actor == order.seller.username => {
            plain(Who::Buyer, "cancelled your order delivery.")
        }
        "buyer-review" => Some((Who::Seller, stars(happened.rating?))),
        "seller-review" => Some((Who::Buyer, stars(happened.rating?))),
        _ => None,
    }
}

fn stars(rating: i64) -> String {
    format!("left you a {rating} star review")
}

impl Aggregate for OrderNotification {
    const NAME: &'static str = "order_notification";
    type Id = NotificationId;
    type Event = NotificationEvent;
    type State = NotificationState;

    fn id(&self) -> &NotificationId {
        &self.record.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::USER_TO, Self::CAUSE] }
    }

    fn to_state(&self) -> NotificationState {
        NotificationState::V1(Box::new(self.record.clone()))
    }

    fn from_state(state: NotificationState) -> Result<Self, InvalidState> {
        let NotificationState::V1(record) = state;
        if record.receiver.username.is_empty() {
            return Err(InvalidState::new("a notification is for somebody"));
        }
        Ok(Self { record: *record })
    }
}
