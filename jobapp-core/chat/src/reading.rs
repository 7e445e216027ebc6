//! Reading messages, marking them as read and answering offers.

use futures::future::try_join_all;
use jobapp_kernel::{Aggregate, KeyValue, ObjectId, PageRequest, RepositoryError};

use crate::conversation::{Pair, one_way};
use crate::service::Announce;
use crate::{Chat, ChatError, ChatMessage, Conversation, ConversationId, OfferState};

/// The most messages of a conversation that are returned: the newest.
pub const MAX_MESSAGES: usize = 500;
/// The most conversations of a user that are returned: those with the newest messages.
pub const MAX_CONVERSATIONS: usize = 200;
/// How many messages are marked as read at a time.
const MARKED_AT_A_TIME: usize = 16;

impl Chat {
    /// The conversation of two users; `None` when they have none.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn conversation_between(&self, one: &str, other: &str) -> Result<Option<Conversation>, RepositoryError> {
        let pair = Pair::of(one, other);
        if !pair.can_be_stored() {
            return Ok(None);
        }
        Ok(self.conversations.find_by(Conversation::PAIR, pair.key()).await?.map(|stored| stored.value))
    }

    /// The newest messages of two users, oldest first.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn messages_between(&self, one: &str, other: &str) -> Result<Vec<ChatMessage>, RepositoryError> {
        match self.conversation_between(one, other).await? {
            Some(conversation) => self.messages_in(conversation.conversation_id()).await,
            None => Ok(Vec::new()),
        }
    }

    /// The newest messages of a conversation, oldest first. An unknown conversation and one of others look alike: empty.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn messages_of(&self, conversation: &str, caller: &str) -> Result<Vec<ChatMessage>, RepositoryError> {
        let Ok(id) = conversation.parse::<ConversationId>() else { return Ok(Vec::new()) };
        let found = self.conversations.find_by(Conversation::CONVERSATION_ID, KeyValue::from(&id)).await?;
        match found {
            Some(stored) if stored.value.pair().has(caller) => self.messages_in(&id).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn messages_in(&self, id: &ConversationId) -> Result<Vec<ChatMessage>, RepositoryError> {
        let newest = PageRequest::newest(MAX_MESSAGES);
        let page = self.messages.list(ChatMessage::CONVERSATION, KeyValue::from(id), newest).await?;
        Ok(page.items.into_iter().rev().map(|stored| stored.value).collect())
    }

    /// The conversations of a user that have messages, the one with the newest first.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn conversations_of(&self, user: &str) -> Result<Vec<Conversation>, RepositoryError> {
        let newest = PageRequest::newest(MAX_CONVERSATIONS);
        let page = self.conversations.list(Conversation::PARTICIPANT, user.to_lowercase().into(), newest).await?;
        Ok(page.items.into_iter().map(|stored| stored.value).collect())
    }

    /// `caller` has read this message.
    ///
    /// # Errors
    /// When there is no such message, or the caller is not its receiver.
    pub async fn mark_as_read(&self, message: ObjectId, caller: &str) -> Result<ChatMessage, ChatError> {
        self.change(message, Announce::Yes, |message, _, announced| message.read(caller, announced)).await
    }

    /// `caller` has read everything that `sender` wrote to him until now. Browsers hear of the message `named`, or of the
    /// newest one when that one was read before. Returns the newest one that was unread.
    ///
    /// # Errors
    /// When the store cannot answer; what was marked stays marked.
    pub async fn mark_all_as_read(
        &self,
        sender: &str,
        caller: &str,
        named: ObjectId,
    ) -> Result<Option<ChatMessage>, ChatError> {
        if !Pair::of(sender, caller).can_be_stored() {
            return Ok(None);
        }
        let unread = |page| self.messages.list(ChatMessage::UNREAD, one_way(sender, caller), page);
        let Some(newest) = unread(PageRequest::newest(1)).await?.items.into_iter().next() else { return Ok(None) };
        // What is written from now on stays unread: a fast writer must not keep this going for ever.
        let last = newest.value.place().sequence;
        let is_named_unread = match self.messages.find(&named).await? {
            Some(stored) => {
                let message = stored.value;
                !message.is_read() && message.content().receiver.is(caller) && message.content().sender.is(sender)
            }
            None => false,
        };
        let announced = if is_named_unread { named } else { *newest.value.id() };
        loop {
            let page = unread(PageRequest::first(MARKED_AT_A_TIME)).await?;
            let ids: Vec<ObjectId> = page
                .items
                .iter()
                .filter(|stored| stored.value.place().sequence <= last)
                .map(|stored| *stored.value.id())
                .collect();
            if ids.is_empty() {
                break;
            }
            let mark = |id: ObjectId| {
                let announce = if id == announced { Announce::Yes } else { Announce::No };
                self.change(id, announce, |message, _, announced| message.read(caller, announced))
            };
            try_join_all(ids.into_iter().map(mark)).await?;
        }
        Ok(self.messages.find(newest.value.id()).await?.map(|stored| stored.value))
    }

    /// `caller` accepts the offer of this message.
    ///
    /// # Errors
    /// When there is no such offer, the caller is not the buying side, the offer was taken back, or its gig cannot be ordered.
    pub async fn accept_offer(&self, message: ObjectId, caller: &str) -> Result<ChatMessage, ChatError> {
        self.check_gig(message, caller).await?;
        self.change(message, Announce::IfNewest, |message, now, announced| message.accept(caller, now, announced)).await
    }

    /// Whether the offer that `caller` wants to accept is for a gig he can order. Offers are checked when they are made; this is
    /// for those from before that.
    async fn check_gig(&self, message: ObjectId, caller: &str) -> Result<(), ChatError> {
        let Some(stored) = self.messages.find(&message).await? else { return Err(ChatError::NoMessage) };
        let (content, message) = (stored.value.content(), &stored.value);
        let is_asked = message.offer().is_some_and(|offer| offer.state() == OfferState::Open);
        if !is_asked || !content.receiver.is(caller) {
            return Ok(());
        }
        match self.gig_of(&content.gig_id, &content.seller_id).await {
            // Nothing speaks against it, and whoever orders it asks.
            Ok(_) | Err(ChatError::UnknownGig { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// `caller` takes the offer of this message back, or declines it.
    ///
    /// # Errors
    /// When there is no such offer, the caller is a stranger, or the offer was accepted.
    pub async fn cancel_offer(&self, message: ObjectId, caller: &str) -> Result<ChatMessage, ChatError> {
        self.change(message, Announce::IfNewest, |message, now, announced| message.cancel(Some(caller), now, announced))
            .await
    }
}
