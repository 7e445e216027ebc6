//! `POST /api/v1/message`

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use jobapp_chat::{ChatError, NewFile, NewMessage, OfferTerms};
use jobapp_directory::{BuyerId, SellerId};
use jobapp_http::{ApiError, Caller, ErrorBody, FileBody};
use jobapp_kernel::{ObjectId, RepositoryError, with_offset};
use jobapp_runtime::{may_be_on_its_way, patiently};
use jobapp_wire::chat::{MessageBody, MessageDocument, OfferBody};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ChatService;
use crate::documents::message_document;

const HERE: &str = "Create message() method";

/// A message that was written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WrittenMessageAnswer {
    /// For people.
    message: &'static str,
    /// The conversation it is in: the one of the two users, whatever the client proposed.
    conversation_id: String,
    /// The message.
    message_data: MessageDocument,
}

/// Writes a message. With `hasOffer`, the seller makes an offer, which is also mailed.
#[utoipa::path(post, path = "/api/v1/message", tag = "message",
    request_body(content = MessageBody,
        example = json!({
            "sellerId": "66f0c0ffee0000000000a001", "buyerId": "66f0c0ffee0000000000c001",
            "senderUsername": "Anna", "senderPicture": "https://example.com/anna.png",
            "receiverUsername": "Iria", "receiverPicture": "https://example.com/iria.png",
            "body": "Hello! Would you have time for a small job this week?", "gigId": "66f0c0ffee0000000000b001",
            "hasConversationId": false, "hasOffer": false, "isRead": false
        })),
    responses(
        (status = 200, description = "The message.", body = WrittenMessageAnswer),
        (status = 400, description = "A rule is broken, or the file cannot be used.", body = ErrorBody),
        (status = 403, description = "The sender is not the caller.", body = ErrorBody),
        (status = 404, description = "The gig that is offered does not exist.", body = ErrorBody),
        (status = 413, description = "The file is too large.", body = ErrorBody),
        (status = 422, description = "The idempotency key came with another body.", body = ErrorBody),
        (status = 503, description = "The profile of one of the two, or the gig that is offered, is not known yet.", body = ErrorBody),
    ))]
pub(crate) async fn send(
    State(service): State<ChatService>,
    caller: Caller,
    body: FileBody,
) -> Result<Json<WrittenMessageAnswer>, ApiError> {
    let cause = body.cause_of(&caller, "POST /message");
    let parsed = MessageBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, HERE))?;
    caller.must_be(&parsed.sender_username).map_err(|error| error.at(HERE))?;
    let new = new_message(&caller, parsed);
    let asked = AtomicBool::new(false);
    let check = || async {
        let checked = service.chat.check(&new).await;
        if let Err(ChatError::UnknownGig { gig }) = &checked
            && !asked.swap(true, Ordering::Relaxed)
        {
            service.ask_about(*gig).await;
        }
        checked
    };
    let known = patiently(service.config.profile_wait, ChatError::is_early, check).await;
    let checked = match known {
        Ok(checked) => checked,
        Err(error) => return Err(not_known(&service, &new, error).await.at(HERE)),
    };
    let sent = service.chat.send_checked(new, checked, body.received, cause).await;
    let message = sent.map_err(|error| ApiError::from(error).at(HERE))?;
    service.summarise(&message).await;
    let message_data = message_document(&message, service.reader());
    let conversation_id = message_data.conversation_id.clone();
    Ok(Json(WrittenMessageAnswer { message: "Message added", conversation_id, message_data }))
}

/// 503 where the answer about a gig is missing, and where the news of a profile may still be on its way: that of the caller, who has a session, or one made a moment ago.
async fn not_known(service: &ChatService, new: &NewMessage, error: ChatError) -> ApiError {
    if matches!(error, ChatError::UnknownSender | ChatError::UnknownGig { .. }) {
        return ApiError::unavailable(error.to_string(), 2);
    }
    if !error.is_early() {
        return error.into();
    }
    match is_awaited(service, new).await {
        Ok(true) => ApiError::unavailable("A profile of the two is not known yet. Please try again in a moment.", 2),
        Ok(false) => error.into(),
        Err(failure) => failure.into(),
    }
}

/// Whether nobody is known by one of the two ids, and it was made a moment ago.
async fn is_awaited(service: &ChatService, new: &NewMessage) -> Result<bool, RepositoryError> {
    let is_new = |id: &ObjectId| may_be_on_its_way(id, service.chat.clock.now());
    let directory = &service.chat.directory;
    let seller = new.seller_id.parse::<SellerId>().ok().filter(|id| is_new(&id.0));
    let buyer = new.buyer_id.parse::<BuyerId>().ok().filter(|id| is_new(&id.0));
    let seller_awaited = matches!(seller, Some(id) if directory.of_seller(id).await?.is_none());
    Ok(seller_awaited || matches!(buyer, Some(id) if directory.of_buyer(id).await?.is_none()))
}

fn new_message(caller: &Caller, body: MessageBody) -> NewMessage {
    let file = body.file.map(|file| NewFile {
        source: file.source,
        file_type: file.file_type,
        name: file.name,
        size: file.size,
    });
    let (gig_id, offer) = match body.offer {
        Some(offer) => (offer.gig_id.to_string(), Some(terms(offer))),
        None => (body.gig_id, None),
    };
    NewMessage {
        conversation: body.conversation_id,
        sender: caller.username().to_owned(),
        receiver: body.receiver_username,
        seller_id: body.seller_id,
        buyer_id: body.buyer_id,
        body: body.body,
        gig_id,
        file,
        offer,
    }
}

fn terms(offer: OfferBody) -> OfferTerms {
    OfferTerms {
        gig_title: offer.gig_title,
        price: offer.price.money(),
        description: offer.description,
        delivery_in_days: offer.delivery_in_days,
        old_delivery_date: with_offset(offer.old_delivery_date),
        new_delivery_date: with_offset(offer.new_delivery_date),
    }
}
