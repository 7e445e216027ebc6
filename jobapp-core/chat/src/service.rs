//! The use cases' ports, and what they share.

use std::sync::Arc;

use jobapp_directory::Directory;
use jobapp_kernel::{
    About, Change, Clock, Ids, KeyValue, MediaStore, ObjectId, PageRequest, Repository, RepositoryError, Saved, Stored,
    Timestamp, decided, in_turn,
};

use crate::{ChatError, ChatMessage, Conversation, DeletedGig, GigSeller, MessageEvent, Place, Summary};

/// Chatting: what users do, and what follows from events.
#[derive(Clone)]
pub struct Chat {
    /// The conversations.
    pub conversations: Arc<dyn Repository<Conversation>>,
    /// The messages.
    pub messages: Arc<dyn Repository<ChatMessage>>,
    /// Whose gigs are.
    pub gigs: Arc<dyn Repository<GigSeller>>,
    /// The gigs that are gone.
    pub deleted_gigs: Arc<dyn Repository<DeletedGig>>,
    /// Who is which buyer and which seller.
    pub directory: Directory,
    /// Where files go.
    pub media: Arc<dyn MediaStore>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
}

/// Whether a change is announced to browsers. They show a changed message in their list of conversations, in the place of
/// the newest one, so older ones are announced only where a user names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announce {
    Yes,
    No,
    IfNewest,
}

impl Chat {
    /// Takes the newest message over into its conversation's summary. Told twice, or behind a later message, it changes
    /// nothing.
    ///
    /// # Errors
    /// When the store fails: tell it again.
    pub async fn summarise(&self, message: &ChatMessage) -> Result<(), RepositoryError> {
        let summary = Summary::from(message);
        let of_conversation = KeyValue::from(&message.place().conversation);
        let about = About::Holder(Conversation::CONVERSATION_ID, of_conversation);
        let take_over = move |stored: Option<Stored<Conversation>>| {
            let change = stored.and_then(|Stored { value, version }| {
                value.with_newest(summary.clone()).map(|newer| Change::update(version, newer, Vec::new()))
            });
            Ok::<_, RepositoryError>(((), change))
        };
        decided(&*self.conversations, about, take_over).await.map(drop)
    }

    /// Whether a conversation's summary tells of this message in this place, read or not, or of a later one.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn is_summarised(
        &self,
        conversation: &str,
        message: ObjectId,
        sequence: i64,
        is_read: bool,
    ) -> Result<bool, RepositoryError> {
        let stored = self.conversations.find_by(Conversation::CONVERSATION_ID, conversation.into()).await?;
        let Some(conversation) = stored.map(|stored| stored.value) else { return Ok(false) };
        let is_of_it = |known: &Summary| known.sequence > sequence || known.message == message;
        Ok(conversation.newest().is_some_and(is_of_it) && conversation.tells_of(sequence, is_read))
    }

    /// Cancels an offer whose gig is gone, unless somebody answers it first.
    pub(crate) async fn cancel_for_gig(&self, stored: Stored<ChatMessage>) -> Result<ChatMessage, ChatError> {
        let id = *jobapp_kernel::Aggregate::id(&stored.value);
        let decide = |message: ChatMessage, now, announced| match message.clone().cancel(None, now, announced) {
            Err(ChatError::Answered { .. }) => Ok((message, Vec::new())),
            other => other,
        };
        self.change(id, Announce::IfNewest, decide).await
    }

    /// Loads a message, lets `decide`, and saves what it decided.
    pub(crate) async fn change(
        &self,
        id: jobapp_kernel::ObjectId,
        announce: Announce,
        decide: impl Fn(ChatMessage, Timestamp, bool) -> Result<(ChatMessage, Vec<MessageEvent>), ChatError>,
    ) -> Result<ChatMessage, ChatError> {
        in_turn(&*self.messages, &id, || async {
            let stored = self.messages.find(&id).await?.ok_or(ChatError::NoMessage)?;
            let announced = match announce {
                Announce::Yes => true,
                Announce::No => false,
                Announce::IfNewest => self.is_newest(&stored.value).await?,
            };
            let (message, events) = decide(stored.value, self.clock.now(), announced)?;
            if !events.is_empty() {
                // Without a cause there is no duplicate.
                let _stored = self.messages.save(Change::update(stored.version, message.clone(), events)).await?;
            }
            Ok(message)
        })
        .await
    }

    async fn is_newest(&self, message: &ChatMessage) -> Result<bool, RepositoryError> {
        let newest = self.newest_place(message.place()).await?;
        Ok(newest.is_none_or(|newest| newest.sequence <= message.place().sequence))
    }

    async fn newest_place(&self, place: &Place) -> Result<Option<Place>, RepositoryError> {
        let key = KeyValue::from(&place.conversation);
        let newest = self.messages.list(ChatMessage::CONVERSATION, key, PageRequest::newest(1)).await?;
        Ok(newest.items.first().map(|stored| stored.value.place().clone()))
    }

    /// What was stored the first time this message was written.
    pub(crate) async fn first_result(&self, saved: &Saved) -> Result<Option<ChatMessage>, ChatError> {
        let Saved::Duplicate { id } = saved else { return Ok(None) };
        let id = id.parse().map_err(|_| ChatError::NoMessage)?;
        Ok(Some(self.messages.find(&id).await?.ok_or(ChatError::NoMessage)?.value))
    }
}
