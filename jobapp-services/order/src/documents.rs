//! Orders and notifications as the wire shows them.

use jobapp_kernel::{MediaStore, file_label, file_name};
use jobapp_orders::{NotificationRecord, OrderRecord, Review};
use jobapp_wire::orders::{
    DeliveredWork, ExtensionRequest, NotificationDocument, OrderDocument, OrderEvents, OrderOffer, OrderReview,
};

/// Who reads a document.
#[derive(Clone, Copy)]
pub(crate) enum Reader<'a> {
    /// A participant of the order: files come with addresses made for now.
    Participant(&'a dyn MediaStore),
    /// Another service: files come as they are stored, which opens none.
    Service,
}

impl Reader<'_> {
    fn file(self, stored: &str, name: &str) -> String {
        match self {
            Self::Participant(media) => media.address(stored, name),
            Self::Service => stored.to_owned(),
        }
    }

    fn picture(self, stored: &str) -> String {
        match self {
            Self::Participant(media) => media.picture(stored),
            Self::Service => stored.to_owned(),
        }
    }
}

/// The wire's document of an order. Every date a client formats is there and valid.
pub(crate) fn order_document(order: &OrderRecord, reader: Reader<'_>) -> OrderDocument {
    let phase = order.phase;
    OrderDocument {
        id: order.id.to_string(),
        offer: OrderOffer {
            gig_title: order.agreement.title.clone(),
            price: order.price.to_decimal(),
            description: order.agreement.description.clone(),
            delivery_in_days: order.agreement.delivery_in_days,
            old_delivery_date: order.agreement.first_due,
            new_delivery_date: order.agreement.due,
            accepted: true,
            cancelled: false,
            reason: order.agreement.reason.clone(),
        },
        gig_id: order.gig.id.to_string(),
        seller_id: order.seller.id.to_string(),
        seller_username: order.seller.username.clone(),
        seller_image: reader.picture(&order.seller.picture),
        seller_email: order.seller.email.clone(),
        gig_cover_image: reader.picture(&order.gig.cover_image),
        gig_main_title: order.gig.title.clone(),
        gig_basic_title: order.gig.basic_title.clone(),
        gig_basic_description: order.gig.basic_description.clone(),
        buyer_id: order.buyer.id.to_string(),
        buyer_username: order.buyer.username.clone(),
        buyer_email: order.buyer.email.clone(),
        buyer_image: reader.picture(&order.buyer.picture),
        status: phase.status().to_owned(),
        state: Some(phase.name().to_owned()),
        order_id: order.number.to_string(),
        quantity: 1,
        price: order.price.to_decimal(),
        service_fee: order.fee.to_decimal(),
        requirements: order.requirements.clone(),
        approved: phase == jobapp_orders::machine::Phase::Completed,
        delivered: order.delivered_at.is_some(),
        cancelled: phase == jobapp_orders::machine::Phase::Cancelled,
        approved_at: order.approved_at(),
        payment_intent: order.payment.clone(),
        delivered_work: order.work.iter().map(|work| work_document(work, reader)).collect(),
        request_extension: order.extension.as_ref().map_or_else(ExtensionRequest::default, |request| {
            ExtensionRequest {
                original_date: request.original_date.clone(),
                new_date: request.new_date.clone(),
                days: request.days,
                reason: request.reason.clone(),
            }
        }),
        date_ordered: order.placed_at,
        events: OrderEvents {
            place_order: Some(order.placed_at),
            requirements: Some(order.placed_at),
            order_started: Some(order.started_at.unwrap_or(order.placed_at)),
            delivery_date_update: order.extended_at,
            order_delivered: order.delivered_at,
            buyer_review: order.buyer_review.as_ref().map(|review| review.at),
            seller_review: order.seller_review.as_ref().map(|review| review.at),
        },
        buyer_review: review_document(order.buyer_review.as_ref()),
        seller_review: review_document(order.seller_review.as_ref()),
    }
}

fn work_document(work: &jobapp_orders::DeliveredWork, reader: Reader<'_>) -> DeliveredWork {
    // Names that were stored before they were made fit to be shown are made so now.
    let name = work.file_name.as_deref().map(file_name);
    let file = work.file.as_deref().map(|file| reader.file(file, name.as_deref().unwrap_or_default()));
    DeliveredWork {
        id: work.id.to_string(),
        message: work.message.clone(),
        file,
        file_type: work.file_type.as_deref().map(file_label),
        file_size: work.file_size.as_deref().map(file_label),
        file_name: name,
    }
}

fn review_document(review: Option<&Review>) -> OrderReview {
    review.map_or_else(OrderReview::default, |review| OrderReview {
        rating: review.rating,
        review: review.text.clone(),
        created: Some(review.at),
    })
}

/// The wire's document of a notification.
pub(crate) fn notification_document(note: &NotificationRecord, media: &dyn MediaStore) -> NotificationDocument {
    NotificationDocument {
        id: note.id.to_string(),
        user_to: note.receiver.username.clone(),
        sender_username: note.sender.username.clone(),
        sender_picture: media.picture(&note.sender.picture),
        receiver_username: note.receiver.username.clone(),
        receiver_picture: media.picture(&note.receiver.picture),
        is_read: note.is_read,
        message: note.message.clone(),
        order_id: note.order_number.clone(),
        created_at: note.created_at,
    }
}
