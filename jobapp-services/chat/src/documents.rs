//! What the wire shows of conversations and messages.

use jobapp_chat::{ChatMessage, Conversation, Offer, OfferState, Summary};
use jobapp_kernel::{Aggregate, MediaStore, Timestamp, file_label, file_name};
use jobapp_wire::chat::{ConversationDocument, ConversationEntry, MessageDocument, MessageOffer};
use jobapp_wire::messages::OfferChanged;

pub(crate) fn conversation_document(conversation: &Conversation) -> ConversationDocument {
    ConversationDocument {
        id: conversation.id().to_string(),
        conversation_id: conversation.conversation_id().to_string(),
        sender_username: conversation.starter().to_owned(),
        receiver_username: conversation.partner().to_owned(),
        version_key: 0,
    }
}

/// Who reads a document.
#[derive(Clone, Copy)]
pub(crate) enum Reader<'a> {
    /// One of the two users: the file comes with an address made for now.
    Participant(&'a dyn MediaStore),
    /// A service: the file comes as it is stored, which does not open it.
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

/// The entry of a list; none for a conversation without messages.
pub(crate) fn conversation_entry(conversation: &Conversation, reader: Reader<'_>) -> Option<ConversationEntry> {
    let Summary {
        message,
        sequence: _,
        created_at,
        sender_username,
        sender_picture,
        receiver_username,
        receiver_picture,
        seller_id,
        buyer_id,
        body,
        file,
        gig_id,
        is_read,
        has_offer,
    } = conversation.newest()?.clone();
    Some(ConversationEntry {
        id: message.to_string(),
        conversation_id: conversation.conversation_id().to_string(),
        seller_id,
        buyer_id,
        receiver_username,
        receiver_picture: reader.picture(&receiver_picture),
        sender_username,
        sender_picture: reader.picture(&sender_picture),
        body,
        file: reader.file(&file, ""),
        gig_id,
        is_read,
        has_offer,
        created_at,
    })
}

pub(crate) fn message_document(message: &ChatMessage, reader: Reader<'_>) -> MessageDocument {
    let content = message.content().clone();
    // A name that was stored before it was made fit to be shown is made so now.
    let name = file_name(&content.attachment.name);
    MessageDocument {
        id: message.id().to_string(),
        conversation_id: message.place().conversation.to_string(),
        sender_username: content.sender.username,
        sender_picture: reader.picture(&content.sender.picture),
        receiver_username: content.receiver.username,
        receiver_picture: reader.picture(&content.receiver.picture),
        body: content.body,
        file: reader.file(&content.attachment.url, &name),
        file_type: file_label(&content.attachment.file_type),
        file_size: file_label(&content.attachment.size),
        file_name: name,
        gig_id: content.gig_id,
        buyer_id: content.buyer_id,
        seller_id: content.seller_id,
        is_read: message.is_read(),
        has_offer: message.offer().is_some(),
        offer: message.offer().map(offer_document).unwrap_or_default(),
        created_at: message.place().at,
    }
}

/// The offer of a message, for the check of an order's price. An offer from before offers had to name a gig tells nobody
/// anything: nothing can be ordered on it.
pub(crate) fn told_offer(message: &ChatMessage, at: Timestamp) -> Option<OfferChanged> {
    let (offer, content) = (message.offer()?, message.content());
    Some(OfferChanged {
        kind: "offer-changed".to_owned(),
        message_id: *message.id(),
        conversation_id: message.place().conversation.to_string(),
        seller_id: content.seller_id.parse().ok()?,
        buyer_id: content.buyer_id.parse().ok()?,
        // Only sellers make offers.
        seller_username: content.sender.username.clone(),
        buyer_username: content.receiver.username.clone(),
        gig_id: content.gig_id.parse().ok()?,
        price: offer.terms().price.to_decimal(),
        delivery_in_days: offer.terms().delivery_in_days,
        accepted: offer.state() == OfferState::Accepted,
        cancelled: offer.state() == OfferState::Cancelled,
        at,
    })
}

fn offer_document(offer: &Offer) -> MessageOffer {
    let terms = offer.terms().clone();
    MessageOffer {
        gig_title: terms.gig_title,
        price: terms.price.to_decimal(),
        description: terms.description,
        delivery_in_days: terms.delivery_in_days,
        old_delivery_date: terms.old_delivery_date,
        new_delivery_date: terms.new_delivery_date,
        accepted: offer.state() == OfferState::Accepted,
        cancelled: offer.state() == OfferState::Cancelled,
    }
}
