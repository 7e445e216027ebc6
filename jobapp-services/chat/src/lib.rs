//! The chat service: conversations, messages and offers.
//!
//! [`ChatService`] composes it: [`ChatService::router`] serves, [`ChatService::consumers`] listen,
//! [`ChatService::translator`] turns what was stored into messages for browsers, mailboxes and other services. What is
//! decided is decided in `jobapp-chat`.

mod config;
mod consumers;
mod documents;
mod http;
mod messages;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jobapp_chat::{Chat, ChatMessage, Conversation, DeletedGig, GigId, GigSeller};
use jobapp_directory::{Card, Directory};
use jobapp_http::ServiceGuard;
use jobapp_kernel::{Clock, Ids, MediaStore, Publisher, Queue, Repository};
use jobapp_runtime::{Consumer, Translate, told};
use jobapp_wire::messages::GigAsked;
use jobapp_wire::queues;

use crate::documents::Reader;

pub use config::ChatConfig;

/// What the chat service stands on.
#[derive(Clone)]
pub struct ChatPorts {
    /// The conversations.
    pub conversations: Arc<dyn Repository<Conversation>>,
    /// The messages.
    pub messages: Arc<dyn Repository<ChatMessage>>,
    /// Whose gigs are: this service's own copies.
    pub gigs: Arc<dyn Repository<GigSeller>>,
    /// The gigs that are gone.
    pub deleted_gigs: Arc<dyn Repository<DeletedGig>>,
    /// Who is which buyer and which seller: this service's own copies.
    pub cards: Arc<dyn Repository<Card>>,
    /// Where files go.
    pub media: Arc<dyn MediaStore>,
    /// Asks about gigs, and answers what others ask of offers.
    pub publisher: Arc<dyn Publisher>,
    /// Dates messages.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Checks who calls: audience `message`.
    pub guard: Arc<ServiceGuard>,
}

/// The chat service.
#[derive(Clone)]
pub struct ChatService {
    chat: Chat,
    publisher: Arc<dyn Publisher>,
    guard: Arc<ServiceGuard>,
    config: Arc<ChatConfig>,
}

impl ChatService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["message"];

    /// On these ports.
    pub fn new(ports: ChatPorts, config: ChatConfig) -> Self {
        let ChatPorts { conversations, messages, gigs, deleted_gigs, cards, media, publisher, clock, ids, guard } =
            ports;
        let directory = Directory::new(cards);
        let chat = Chat { conversations, messages, gigs, deleted_gigs, directory, media, clock, ids };
        Self { chat, publisher, guard, config: Arc::new(config) }
    }

    /// Every route with its full path; the health route is outside the guard.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }

    /// What the routes accept and answer.
    pub fn openapi() -> utoipa::openapi::OpenApi {
        http::openapi()
    }

    /// What it consumes.
    pub fn queues() -> Vec<Queue> {
        vec![queues::CHAT_PROFILE, queues::CHAT_GIG, queues::CHAT_ASKED, queues::CHAT_TOLD, queues::CHAT_SUMMARY]
    }

    /// Who consumes it.
    pub fn consumers(&self) -> Vec<Consumer> {
        vec![
            told(queues::CHAT_PROFILE, self.chat.directory.listener()),
            consumers::chat_gig::consumer(self.chat.clone()),
            consumers::chat_asked::consumer(self.chat.clone(), Arc::clone(&self.publisher)),
            consumers::chat_told::consumer(self.chat.clone()),
            consumers::chat_message::consumer(self.chat.clone()),
        ]
    }

    /// Makes the messages an outbox entry of this service becomes. Mails link to the client's pages.
    pub fn translator(&self) -> Translate {
        let config = Arc::clone(&self.config);
        let media = Arc::clone(&self.chat.media);
        Arc::new(move |entry| messages::translate(entry, &config.client_url, &*media))
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
            Ok(message) => self.publisher.publish(&[message]).await.map_err(|error| jobapp_runtime::error_text(&error)),
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
