//! `GET /api/v1/message/conversation/…` and `GET /api/v1/message/conversations/…`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::chat::{ConversationDocument, ConversationEntry};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Segments, must_be_one_of, segments};
use crate::ChatService;
use crate::documents::{conversation_document, conversation_entry};

/// The conversation of two users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationAnswer {
    /// For people.
    message: &'static str,
    /// One, or none.
    conversations: Vec<ConversationDocument>,
}

/// The conversations of a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationListAnswer {
    /// For people.
    message: &'static str,
    /// The newest message of each, the newest first.
    conversations: Vec<ConversationEntry>,
}

/// The conversation of the caller and another user, whichever is named first.
#[utoipa::path(get, path = "/api/v1/message/conversation/{senderUsername}/{receiverUsername}", tag = "message",
    params(
        ("senderUsername" = String, Path, description = "One of the two, in any case."),
        ("receiverUsername" = String, Path, description = "The other, in any case."),
    ),
    responses(
        (status = 200, description = "The conversation, or an empty list.", body = ConversationAnswer),
        (status = 403, description = "The caller is neither of the two.", body = ErrorBody),
    ))]
pub(crate) async fn between(
    State(service): State<ChatService>,
    caller: Caller,
    names: Segments<(String, String)>,
) -> Result<Json<ConversationAnswer>, ApiError> {
    let (one, other) = segments(names)?;
    must_be_one_of(&caller, &one, &other)?;
    let conversation = service.chat.conversation_between(&one, &other).await?;
    let conversations = conversation.iter().map(conversation_document).collect();
    Ok(Json(ConversationAnswer { message: "Chat conversation", conversations }))
}

/// The caller's conversations.
#[utoipa::path(get, path = "/api/v1/message/conversations/{username}", tag = "message",
    params(("username" = String, Path, description = "The caller's own name, in any case.")),
    responses(
        (status = 200, description = "The newest message of each, the newest first; at most 200.", body = ConversationListAnswer),
        (status = 403, description = "It is another user's name.", body = ErrorBody),
    ))]
pub(crate) async fn of_user(
    State(service): State<ChatService>,
    caller: Caller,
    username: Segments<String>,
) -> Result<Json<ConversationListAnswer>, ApiError> {
    caller.must_be(&segments(username)?)?;
    let conversations = service.chat.conversations_of(caller.username()).await?;
    let conversations = conversations.iter().filter_map(|one| conversation_entry(one, service.reader())).collect();
    Ok(Json(ConversationListAnswer { message: "Conversation list", conversations }))
}
