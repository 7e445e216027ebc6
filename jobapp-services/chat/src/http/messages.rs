//! `GET /api/v1/message/…`

use axum::Json;
use axum::extract::State;
use jobapp_chat::ChatMessage;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::chat::MessageDocument;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Segments, must_be_one_of, segments};
use crate::ChatService;
use crate::documents::message_document;

/// Messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagesAnswer {
    /// For people.
    message: &'static str,
    /// The messages, oldest first.
    messages: Vec<MessageDocument>,
}

impl MessagesAnswer {
    fn new(service: &ChatService, messages: &[ChatMessage]) -> Self {
        let shown = messages.iter().map(|message| message_document(message, service.reader()));
        Self { message: "Chat messages", messages: shown.collect() }
    }
}

/// The messages of the caller and another user, whichever is named first.
#[utoipa::path(get, path = "/api/v1/message/{senderUsername}/{receiverUsername}", tag = "message",
    params(
        ("senderUsername" = String, Path, description = "One of the two, in any case."),
        ("receiverUsername" = String, Path, description = "The other, in any case."),
    ),
    responses(
        (status = 200, description = "The newest 500, oldest first.", body = MessagesAnswer),
        (status = 403, description = "The caller is neither of the two.", body = ErrorBody),
    ))]
pub(crate) async fn between(
    State(service): State<ChatService>,
    caller: Caller,
    names: Segments<(String, String)>,
) -> Result<Json<MessagesAnswer>, ApiError> {
    let (one, other) = segments(names)?;
    must_be_one_of(&caller, &one, &other)?;
    Ok(Json(MessagesAnswer::new(&service, &service.chat.messages_between(&one, &other).await?)))
}

/// The messages of a conversation. An unknown one and one of others are empty alike.
#[utoipa::path(get, path = "/api/v1/message/{conversationId}", tag = "message",
    params(("conversationId" = String, Path, description = "The conversation.")),
    responses((status = 200, description = "The newest 500, oldest first.", body = MessagesAnswer)))]
pub(crate) async fn of_conversation(
    State(service): State<ChatService>,
    caller: Caller,
    conversation: Segments<String>,
) -> Result<Json<MessagesAnswer>, ApiError> {
    let messages = service.chat.messages_of(&segments(conversation)?, caller.username()).await?;
    Ok(Json(MessagesAnswer::new(&service, &messages)))
}
