//! `PUT /api/v1/message/mark-as-read` and `PUT /api/v1/message/mark-multiple-as-read`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::chat::{MarkAsReadBody, MarkMultipleBody};
use serde::Serialize;
use utoipa::ToSchema;

use super::message_id;
use super::offer::SingleMessageAnswer;
use crate::ChatService;
use crate::documents::message_document;

const ONE: &str = "Mark message as read() method";
const ALL: &str = "Mark multiple messages as read() method";

/// Nothing but a text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MarkedAnswer {
    /// For people.
    message: &'static str,
}

/// The receiver has read a message.
#[utoipa::path(put, path = "/api/v1/message/mark-as-read", tag = "message",
    request_body(content = MarkAsReadBody,
        example = json!({ "messageId": "66f0c0ffee0000000000d001" })),
    responses(
        (status = 200, description = "The message.", body = SingleMessageAnswer),
        (status = 400, description = "A rule is broken.", body = ErrorBody),
        (status = 403, description = "The caller wrote it.", body = ErrorBody),
        (status = 404, description = "There is no such message between the caller and anybody.", body = ErrorBody),
    ))]
pub(crate) async fn one(
    State(service): State<ChatService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<SingleMessageAnswer>, ApiError> {
    let body = MarkAsReadBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, ONE))?;
    let marked = service.chat.mark_as_read(message_id(&body.message_id)?, caller.username()).await;
    let message = marked.map_err(|error| ApiError::from(error).at(ONE))?;
    service.summarise(&message).await;
    Ok(Json(SingleMessageAnswer {
        message: "Message marked as read",
        single_message: message_document(&message, service.reader()),
    }))
}

/// The receiver has read everything that a user wrote to him.
#[utoipa::path(put, path = "/api/v1/message/mark-multiple-as-read", tag = "message",
    request_body(content = MarkMultipleBody,
        example = json!({
            "receiverUsername": "Anna", "senderUsername": "Iria", "messageId": "66f0c0ffee0000000000d001"
        })),
    responses(
        (status = 200, description = "All of them are marked.", body = MarkedAnswer),
        (status = 400, description = "A rule is broken.", body = ErrorBody),
        (status = 403, description = "The receiver is not the caller.", body = ErrorBody),
    ))]
pub(crate) async fn all(
    State(service): State<ChatService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<MarkedAnswer>, ApiError> {
    let body = MarkMultipleBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, ALL))?;
    let named = message_id(&body.message_id)?;
    caller.must_be(&body.receiver_username).map_err(|error| error.at(ALL))?;
    let marked = service.chat.mark_all_as_read(&body.sender_username, caller.username(), named).await;
    if let Some(newest) = marked.map_err(|error| ApiError::from(error).at(ALL))? {
        service.summarise(&newest).await;
    }
    Ok(Json(MarkedAnswer { message: "Messages marked as read" }))
}
