//! The chat service: conversations, messages and offers.
//!
//! [`ChatService`] is what a process runs of it, a [`Service`] as all are. What was stored becomes messages for browsers, mailboxes
//! and other services. What is decided is decided in `jobapp-chat`.

mod config;
mod consumers;
mod documents;
mod http;
mod messages;
mod ports;

use std::sync::Arc;

use axum::Router;
use jobapp_chat::{Chat, ChatMessage, GigId};
use jobapp_kernel::Queue;
use jobapp_platform::{Service, Shared};
use jobapp_runtime::{Consumer, Translate, told};
use jobapp_wire::messages::GigAsked;
use jobapp_wire::queues;
use utoipa::openapi::OpenApi;

use crate::documents::Reader;

pub use config::ChatConfig;
pub use ports::ChatPorts;

/// The chat service.
#[derive(Clone)]
pub struct ChatService {
    chat: Chat,
    shared: Shared,
    config: Arc<ChatConfig>,
}

impl Service for ChatService {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn audiences(&self) -> &'static [&'static str] {
        Self::AUDIENCES
    }

    fn router(&self) -> Router {
        http::router(self)
    }

    fn openapi(&self) -> Option<OpenApi> {
        Some(http::openapi())
    }

    fn queues(&self) -> Vec<Queue> {
        vec![queues::CHAT_PROFILE, queues::CHAT_GIG, queues::CHAT_ASKED, queues::CHAT_TOLD, queues::CHAT_SUMMARY]
    }

    fn consumers(&self) -> Vec<Consumer> {
        vec![
            told(queues::CHAT_PROFILE, self.chat.directory.listener()),
            consumers::chat_gig::consumer(self.chat.clone()),
            consumers::chat_asked::consumer(self.chat.clone(), Arc::clone(&self.shared.publisher)),
            consumers::chat_told::consumer(self.chat.clone()),
            consumers::chat_message::consumer(self.chat.clone()),
        ]
    }

    /// Mails link to the client's pages.
    fn translator(&self) -> Option<Translate> {
        let config = Arc::clone(&self.config);
        let media = Arc::clone(&self.chat.media);
        Some(Arc::new(move |entry| messages::translate(entry, &config.client_url, &*media)))
    }
}

impl ChatService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["message"];

    /// On these ports.
    pub fn new(ports: ChatPorts, config: ChatConfig) -> Self {
        Self { chat: ports.chat, shared: ports.shared, config: Arc::new(config) }
    }

    /// Documents are shown to the two users of a conversation, and nobody else.
    fn reader(&self) -> Reader<'_> {
        Reader::Participant(&*self.chat.media)
    }

    /// Asks whoever keeps the gigs about one. The answer is heard on a queue; whoever needs it looks for it again and again.
    async fn ask_about(&self, gig: GigId) {
        let (id, at) = (self.chat.ids.object_id(), self.chat.clock.now());
        let asked = GigAsked { gig_id: gig.0, order_id: None };
        let asked = jobapp_runtime::note(format!("gig-asked/{id}"), queues::GIG_ASKED, "gig-asked", &asked, at);
        let published = match asked {
            Ok(message) => {
                let published = self.shared.publisher.publish_one(&message).await;
                published.map_err(|error| jobapp_runtime::error_text(&error))
            }
            Err(error) => Err(jobapp_runtime::error_text(&error)),
        };
        if let Err(error) = published {
            tracing::warn!(%gig, error, "nobody could be asked about the gig of an offer");
        }
    }

    /// Keeps the conversation's summary current, so that the writer sees it in his next list. The message is stored: should
    /// this fail, its event does it later.
    async fn summarise(&self, message: &ChatMessage) {
        if let Err(error) = self.chat.summarise(message).await {
            let conversation = message.place().conversation.as_str();
            let error = jobapp_runtime::error_text(&error);
            tracing::warn!(conversation, error, "the summary of a conversation waits for its message's event");
        }
    }
}
