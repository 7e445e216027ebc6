//! From what was stored to what is told.

use jobapp_kernel::{Aggregate, MediaStore, Message, OutboxEntry, Queue};
use jobapp_orders::{
    NotificationEvent, Order, OrderEvent, OrderNotification, OrderObjectId, OrderRecord, Payment, PaymentEvent, Step,
    WaitingFor, fees,
};
use jobapp_runtime::{TranslateError, event_of, message_of};
use jobapp_wire::messages::{
    BuyerUpdate, GigAsked, OffersAsked, OrderChanged, OrderMail, PurchasedGig, Realtime, SellerUpdate,
};
use jobapp_wire::queues;
use serde::{Deserialize, Serialize};

use crate::documents::{Reader, notification_document, order_document};

/// Work the service has for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum PaymentWork {
    /// An order ended without its work: its payment is owed to the buyer.
    RefundOrder {
        /// The order.
        order: OrderObjectId,
    },
    /// A payment is owed to the buyer.
    RefundOwed {
        /// The provider's id.
        intent: String,
    },
    /// A payment went back.
    PaymentRefunded {
        /// The provider's id.
        intent: String,
        /// The order that was cancelled, if that was the reason.
        order: Option<OrderObjectId>,
    },
    /// A payment arrived, or never will.
    PaymentSettled {
        /// The provider's id.
        intent: String,
    },
}

/// The messages an outbox entry of this service becomes.
pub(crate) fn translate(
    entry: &OutboxEntry,
    client_url: &str,
    media: &dyn MediaStore,
) -> Result<Vec<Message>, TranslateError> {
    match entry.aggregate.as_str() {
        Order::NAME => of_order(entry, &event_of(entry)?, client_url),
        Payment::NAME => of_payment(entry, event_of(entry)?),
        OrderNotification::NAME => of_notification(entry, &event_of(entry)?, media),
        other => Err(TranslateError::new(format!("nothing is known of events of a {other}"))),
    }
}

fn to_queue(entry: &OutboxEntry, queue: Queue, kind: &str, body: &impl Serialize) -> Result<Message, TranslateError> {
    message_of(entry, queue.exchange, queue.routing_key, kind, body)
}

fn of_order(entry: &OutboxEntry, event: &OrderEvent, client_url: &str) -> Result<Vec<Message>, TranslateError> {
    let step = event.step();
    let order = step.order.record();
    let mut messages = vec![changed(entry, event, step, order)?];
    let mut seller = |kind, body: SellerUpdate| {
        messages.push(to_queue(entry, queues::USER_SELLER, kind, &body)?);
        Ok::<(), TranslateError>(())
    };
    let order_id = Some(order.number.to_string());
    let seller_id = order.seller.id.to_string();
    let purchase = PurchasedGig {
        buyer_id: order.buyer.id.to_string(),
        purchased_gigs: order.gig.id.to_string(),
        order_id: order_id.clone(),
    };
    match event {
        OrderEvent::OrderPlaced(_) if order.waiting_for.is_some_and(WaitingFor::can_be_asked) => {
            messages.extend(questions(entry, order)?);
        }
        OrderEvent::OrderStarted(_) => {
            seller("create-order", SellerUpdate::OrderPlaced { seller_id, ongoing_jobs: 1, order_id })?;
        }
        OrderEvent::OrderApproved(_) => {
            let update = SellerUpdate::OrderApproved {
                seller_id,
                buyer_id: order.buyer.id.to_string(),
                ongoing_jobs: -1,
                completed_jobs: 1,
                total_earnings: fees::seller_share(order.price).to_decimal(),
                recent_delivery: step.at,
                order_id,
            };
            seller("approve-order", update)?;
            let body = BuyerUpdate::PurchasedGig(purchase);
            messages.push(to_queue(entry, queues::USER_BUYER, "purchased-gigs", &body)?);
        }
        OrderEvent::OrderCancelled(_) => {
            // What never started was never counted.
            if order.started_at.is_some() {
                seller("cancel-order", SellerUpdate::OrderCancelled { seller_id, order_id })?;
                let body = BuyerUpdate::OrderCancelled(purchase);
                messages.push(to_queue(entry, queues::USER_BUYER, "cancel-order", &body)?);
            }
            let work = PaymentWork::RefundOrder { order: order.id };
            messages.push(to_queue(entry, queues::ORDER_REFUND, "refund-order", &work)?);
        }
        _ => {}
    }
    if let Some(mail) = mail(event, order, client_url) {
        messages.push(to_queue(entry, queues::ORDER_EMAIL, &mail.template, &mail)?);
    }
    Ok(messages)
}

/// What an order asks that claims something nobody told of here yet: whoever owns the facts answers, so it waits in vain for
/// nothing.
fn questions(entry: &OutboxEntry, order: &OrderRecord) -> Result<[Message; 2], TranslateError> {
    let gig = GigAsked { gig_id: order.gig.id.0, order_id: Some(order.id.0) };
    let offers = OffersAsked {
        order_id: order.id.0,
        gig_id: order.gig.id.0,
        seller_id: order.seller.id.0,
        buyer_username: order.buyer.username.clone(),
        price: order.price.to_decimal(),
    };
    Ok([
        to_queue(entry, queues::GIG_ASKED, "gig-asked", &gig)?,
        to_queue(entry, queues::CHAT_ASKED, "offers-asked", &offers)?,
    ])
}

fn changed(
    entry: &OutboxEntry,
    event: &OrderEvent,
    step: &Step,
    order: &OrderRecord,
) -> Result<Message, TranslateError> {
    let rating = match event {
        OrderEvent::BuyerReview(_) => order.buyer_review.as_ref().map(|review| review.rating),
        OrderEvent::SellerReview(_) => order.seller_review.as_ref().map(|review| review.rating),
        _ => None,
    };
    let body = OrderChanged {
        step: event.name().to_owned(),
        actor: step.actor.clone(),
        order: Box::new(order_document(order, Reader::Service)),
        rating,
        at: step.at,
    };
    message_of(entry, queues::ORDER_CHANGED, "", event.name(), &body)
}

fn mail(event: &OrderEvent, order: &OrderRecord, client_url: &str) -> Option<OrderMail> {
    let common = |template: &str, receiver: &str| OrderMail {
        template: template.to_owned(),
        receiver_email: Some(receiver.to_owned()),
        buyer_username: Some(order.buyer.username.clone()),
        seller_username: Some(order.seller.username.clone()),
        order_url: Some(format!("{client_url}/orders/{}/activities", order.number)),
        ..OrderMail::default()
    };
    let offer = |mail: OrderMail| OrderMail {
        order_id: Some(order.number.to_string()),
        title: Some(order.agreement.title.clone()),
        description: Some(order.agreement.description.clone()),
        ..mail
    };
    let answered = |kind: &str, subject: &str, header: &str, text: &str| OrderMail {
        kind: Some(kind.to_owned()),
        subject: Some(subject.to_owned()),
        header: Some(header.to_owned()),
        message: Some(text.to_owned()),
        ..common("orderExtensionApproval", &order.seller.email)
    };
    Some(match event {
        OrderEvent::OrderStarted(_) => OrderMail {
            buyer_email: Some(order.buyer.email.clone()),
            invoice_id: Some(order.invoice.clone()),
            order_due: Some(order.agreement.due.to_js_string()),
            amount: Some(order.price.to_string()),
            service_fee: Some(order.fee.to_string()),
            total: Some(order.total().to_string()),
            requirements: Some(order.requirements.clone()).filter(|text| !text.is_empty()),
            ..offer(common("orderPlaced", &order.seller.email))
        },
        OrderEvent::OrderDelivered(_) => offer(common("orderDelivered", &order.buyer.email)),
        OrderEvent::ExtensionRequested(_) => {
            let request = order.extension.as_ref()?;
            OrderMail {
                original_date: Some(request.original_date.clone()),
                new_date: Some(request.new_date.clone()),
                reason: Some(request.reason.clone()),
                ..common("orderExtension", &order.buyer.email)
            }
        }
        OrderEvent::ExtensionApproved(_) => answered(
            "accepted",
            "Your extension was accepted",
            "More time for your order",
            "The new delivery date counts from now on.",
        ),
        OrderEvent::ExtensionRejected(_) => answered(
            "rejected",
            "Your extension was rejected",
            "The delivery date stays",
            "Talk to the buyer if you cannot deliver in time.",
        ),
        _ => return None,
    })
}

fn of_payment(entry: &OutboxEntry, event: PaymentEvent) -> Result<Vec<Message>, TranslateError> {
    let (queue, kind, work) = match event {
        PaymentEvent::PaymentSettled { intent } => {
            (queues::ORDER_PAYMENT, "payment-settled", PaymentWork::PaymentSettled { intent })
        }
        PaymentEvent::RefundOwed { intent } => {
            (queues::ORDER_REFUND, "refund-owed", PaymentWork::RefundOwed { intent })
        }
        PaymentEvent::PaymentRefunded { intent, order } => {
            (queues::ORDER_REFUND, "payment-refunded", PaymentWork::PaymentRefunded { intent, order })
        }
    };
    Ok(vec![to_queue(entry, queue, kind, &work)?])
}

/// Both participants hear of a notification, on every connection.
fn of_notification(
    entry: &OutboxEntry,
    event: &NotificationEvent,
    media: &dyn MediaStore,
) -> Result<Vec<Message>, TranslateError> {
    let told = event.told();
    let order = told.order.record();
    let note = told.notification.record();
    let mut receivers = vec![order.buyer.username.clone()];
    if order.started_at.is_some() {
        receivers.push(order.seller.username.clone());
    }
    let body = Realtime {
        event: "order notification".to_owned(),
        arguments: vec![
            serde_json::to_value(order_document(order, Reader::Participant(media)))?,
            serde_json::to_value(notification_document(note, media))?,
        ],
        receivers,
    };
    Ok(vec![message_of(entry, queues::REALTIME, "", "order notification", &body)?])
}
