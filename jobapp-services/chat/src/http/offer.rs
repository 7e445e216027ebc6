//! `PUT /api/v1/message/offer`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::chat::{MessageDocument, OfferAnswer, OfferAnswerBody};
use serde::Serialize;
use utoipa::ToSchema;

use super::message_id;
use crate::ChatService;
use crate::documents::message_document;

const HERE: &str = "Update offer() method";

/// A message that changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SingleMessageAnswer {
    /// For people.
    pub(crate) message: &'static str,
    /// The message as it is now.
    pub(crate) single_message: MessageDocument,
}

/// Accepts an offer (the buying side) or cancels it (either side). The same answer again changes nothing.
#[utoipa::path(put, path = "/api/v1/message/offer", tag = "message",
    request_body(content = OfferAnswerBody,
        example = json!({ "messageId": "66f0c0ffee0000000000d001", "type": "accepted" })),
    responses(
        (status = 200, description = "The message.", body = SingleMessageAnswer),
        (status = 400, description = "A rule is broken, or the message carries no offer that can be ordered.", body = ErrorBody),
        (status = 403, description = "The caller makes the offer and cannot accept it.", body = ErrorBody),
        (status = 404, description = "There is no such message between the caller and anybody, or its gig is gone.", body = ErrorBody),
        (status = 409, description = "The offer was answered otherwise before.", body = ErrorBody),
    ))]
pub(crate) async fn answer(
    State(service): State<ChatService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<SingleMessageAnswer>, ApiError> {
    let body = OfferAnswerBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, HERE))?;
    let id = message_id(&body.message_id)?;
    let answered = match body.answer {
        OfferAnswer::Accepted => service.chat.accept_offer(id, caller.username()).await,
        OfferAnswer::Cancelled => service.chat.cancel_offer(id, caller.username()).await,
    };
    let message = answered.map_err(|error| ApiError::from(error).at(HERE))?;
    Ok(Json(SingleMessageAnswer {
        message: "Message updated",
        single_message: message_document(&message, service.reader()),
    }))
}
