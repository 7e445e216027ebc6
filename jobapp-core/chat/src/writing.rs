//! Writing a message.

use std::sync::Arc;

use jobapp_directory::Card;
use jobapp_kernel::{
    About, Aggregate, Cause, Change, KeyValue, Received, RepositoryError, Stored, Upload, decided, file_label,
    file_name, turn_by,
};

use crate::conversation::Pair;
use crate::{
    Attachment, Chat, ChatError, ChatMessage, Content, Conversation, ConversationId, GigId, Offer, OfferTerms,
    Participant, Place,
};

/// How often an id for a new conversation is made up.
const ID_ATTEMPTS: usize = 8;

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewFile {
    /// A base64 data URL, or the URL of something that is stored elsewhere.
    pub source: String,
    /// What the sender calls its type, such as `zip`.
    pub file_type: String,
    /// What the sender calls it.
    pub name: String,
    /// What the sender calls its size.
    pub size: String,
}

/// A message to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewMessage {
    /// The id the client proposes, should this be the first message of the two.
    pub conversation: Option<String>,
    /// Who writes: the caller.
    pub sender: String,
    /// To whom, in any case.
    pub receiver: String,
    /// The seller's document id: of one of the two.
    pub seller_id: String,
    /// The buyer's document id: of the other.
    pub buyer_id: String,
    /// The text.
    pub body: String,
    /// The gig it is about, or empty.
    pub gig_id: String,
    /// The file.
    pub file: Option<NewFile>,
    /// The offer.
    pub offer: Option<OfferTerms>,
}

impl Chat {
    /// Whether the two users and their roles are known, and the gig if one is offered. What is not may still be on its way: wait
    /// for it here, and a large file need not be held twice.
    ///
    /// # Errors
    /// [`ChatError`]; when [`ChatError::is_early`], the same call may succeed in a moment.
    pub async fn check(&self, new: &NewMessage) -> Result<Checked, ChatError> {
        let talk = self.introduce(new).await?;
        let offered = match new.offer {
            Some(_) => Some(self.offered(new, &talk).await?),
            None => None,
        };
        Ok(Checked { talk, offered })
    }

    /// The gig that is offered, if the sender may offer it.
    async fn offered(&self, new: &NewMessage, talk: &Talk) -> Result<GigId, ChatError> {
        if !talk.is_from_seller {
            return Err(ChatError::NotTheSeller);
        }
        self.offered_gig(new).await
    }

    /// Writes a message, in the one conversation of the two users, which is started if need be.
    ///
    /// # Errors
    /// [`ChatError`]; when [`ChatError::is_early`], the same call may succeed in a moment.
    pub async fn send(&self, new: NewMessage, cause: Option<Cause>) -> Result<ChatMessage, ChatError> {
        if let Some(known) = self.sent_before(cause.as_ref()).await? {
            return Ok(known);
        }
        let checked = self.check(&new).await?;
        self.write(new, checked, None, cause).await
    }

    /// As [`Chat::send`], for what [`Chat::check`] found good just now, with a file that was received in pieces, if any: it stands
    /// for the file's source.
    ///
    /// # Errors
    /// As [`Chat::send`]; then nothing of the file is kept.
    pub async fn send_checked(
        &self,
        new: NewMessage,
        checked: Checked,
        received: Option<Received>,
        cause: Option<Cause>,
    ) -> Result<ChatMessage, ChatError> {
        match self.sent_before(cause.as_ref()).await? {
            Some(known) => Ok(known),
            None => self.write(new, checked, received, cause).await,
        }
    }

    async fn write(
        &self,
        new: NewMessage,
        checked: Checked,
        received: Option<Received>,
        cause: Option<Cause>,
    ) -> Result<ChatMessage, ChatError> {
        let Checked { talk, offered } = checked;
        let offer = new.offer.map(Offer::open).transpose()?;
        let content = Content {
            sender: participant(&talk.sender),
            receiver: participant(&talk.receiver),
            attachment: self.upload(new.file, received).await?,
            seller_id: new.seller_id,
            buyer_id: new.buyer_id,
            body: new.body,
            gig_id: offered.map_or(new.gig_id, |gig| gig.to_string()),
        };
        let conversation = self.conversation_of(&talk, new.conversation.as_deref()).await?;
        let message = self.store(&conversation, content, offer, &talk, cause).await?;
        self.cancel_if_gig_deleted(message).await
    }

    /// What the same request wrote before.
    async fn sent_before(&self, cause: Option<&Cause>) -> Result<Option<ChatMessage>, ChatError> {
        let Some(cause) = cause else { return Ok(None) };
        let Some(id) = self.messages.caused(cause).await? else { return Ok(None) };
        Ok(Some(self.messages.find(&id).await?.ok_or(ChatError::NoMessage)?.value))
    }

    /// Who talks to whom, and in which roles.
    async fn introduce(&self, new: &NewMessage) -> Result<Talk, ChatError> {
        let pair = Pair::of(&new.sender, &new.receiver);
        if pair.is_one_user() {
            return Err(ChatError::ToOneself);
        }
        if !pair.can_be_stored() {
            return Err(ChatError::UnknownReceiver);
        }
        let sender = self.directory.of_user(&new.sender).await?.ok_or(ChatError::UnknownSender)?;
        let receiver = self.directory.of_user(&new.receiver).await?.ok_or(ChatError::UnknownReceiver)?;
        let is = |seller: &Card, buyer: &Card| {
            seller.seller_id.is_some_and(|id| id.to_string() == new.seller_id)
                && buyer.buyer_id.is_some_and(|id| id.to_string() == new.buyer_id)
        };
        let is_from_seller = is(&sender, &receiver);
        if !is_from_seller && !is(&receiver, &sender) {
            // A side that is missing on a card may be on its way, but only as the id that was named.
            let is_open = |card: &Card| card.seller_id.is_none() || card.buyer_id.is_none();
            return Err(ChatError::ForeignRoles { may_change: is_open(&sender) || is_open(&receiver) });
        }
        Ok(Talk { sender, receiver, is_from_seller })
    }

    async fn upload(&self, file: Option<NewFile>, received: Option<Received>) -> Result<Attachment, ChatError> {
        let Some(NewFile { source, file_type, name, size }) = file else { return Ok(Attachment::default()) };
        let (file_type, size, name) = (file_label(&file_type), file_label(&size), file_name(&name));
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let upload = Upload::file(source, given(&file_type), given(&name));
        let upload = if file_type.eq_ignore_ascii_case("zip") {
            // Hosts tell what an archive is by its name only.
            let (one, other) = (self.ids.object_id().to_string(), self.ids.object_id().to_string());
            upload.with_public_id(format!("{}{}.zip", &one[4..], &other[4..]))
        } else {
            upload
        };
        let url = upload.keep(&*self.media, received).await.map_err(ChatError::Upload)?.reference;
        Ok(Attachment { url, file_type, size, name })
    }

    /// The conversation of the two: the one they have, or a new one. Two who start it at once end in the same.
    async fn conversation_of(&self, talk: &Talk, proposed: Option<&str>) -> Result<Conversation, ChatError> {
        let pair = Pair::of(&talk.sender.username, &talk.receiver.username);
        let _turn = turn_by(&*self.conversations, Conversation::PAIR, pair.key()).await;
        let mut id = proposed.and_then(ConversationId::proposed);
        for _ in 0..ID_ATTEMPTS {
            if let Some(stored) = self.conversations.find_by(Conversation::PAIR, pair.key()).await? {
                return Ok(stored.value);
            }
            let conversation_id = id.take().unwrap_or_else(|| ConversationId::made_of(self.ids.object_id()));
            let (starter, partner) = (&talk.sender.username, &talk.receiver.username);
            let conversation = Conversation::between(self.ids.object_id(), conversation_id, starter, partner);
            match self.conversations.save(Change::insert(conversation.clone(), Vec::new())).await {
                Ok(_) => return Ok(conversation),
                // Either the two have one now, or others have one of this id: look again, with another id.
                Err(RepositoryError::Taken { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RepositoryError::overtaken(Conversation::NAME).into())
    }

    /// Stores the message in the next free place of its conversation.
    async fn store(
        &self,
        conversation: &Conversation,
        content: Content,
        offer: Option<Offer>,
        talk: &Talk,
        cause: Option<Cause>,
    ) -> Result<ChatMessage, ChatError> {
        let id = self.ids.object_id();
        let conversation = conversation.conversation_id().clone();
        let about = About::Last {
            of: ChatMessage::CONVERSATION,
            value: KeyValue::from(&conversation),
            place: ChatMessage::PLACE,
        };
        let (clock, email, is_from_seller) =
            (Arc::clone(&self.clock), talk.receiver.email.clone(), talk.is_from_seller);
        let write = move |newest: Option<Stored<ChatMessage>>| {
            let now = clock.now();
            let place = match newest {
                Some(newest) => newest.value.place().next(now),
                None => Place::first(conversation.clone(), now),
            };
            let (content, offer, email) = (content.clone(), offer.clone(), email.clone());
            let (message, events) = ChatMessage::write(id, place, content, offer, is_from_seller, email)?;
            Ok::<_, ChatError>((message.clone(), Some(Change::insert(message, events).caused_by(cause.clone()))))
        };
        let (message, saved) = decided(&*self.messages, about, write).await?;
        match saved {
            Some(saved) => Ok(self.first_result(&saved).await?.unwrap_or(message)),
            None => Ok(message),
        }
    }

    /// The gig may have gone while the offer was written: then nobody else will cancel it.
    async fn cancel_if_gig_deleted(&self, message: ChatMessage) -> Result<ChatMessage, ChatError> {
        if message.offer().is_none() || !self.is_gig_deleted(&message.content().gig_id).await? {
            return Ok(message);
        }
        let key = KeyValue::from(format!("{}/{}", message.place().conversation, message.place().sequence));
        match self.messages.find_by(ChatMessage::PLACE, key).await? {
            Some(stored) => self.cancel_for_gig(stored).await,
            None => Ok(message),
        }
    }
}

/// A message that may be written: who its two users are, and the gig that is offered.
#[derive(Debug, Clone)]
pub struct Checked {
    talk: Talk,
    offered: Option<GigId>,
}

/// Who talks to whom.
#[derive(Debug, Clone)]
struct Talk {
    sender: Card,
    receiver: Card,
    is_from_seller: bool,
}

fn participant(card: &Card) -> Participant {
    Participant { username: card.username.clone(), picture: card.picture.clone() }
}
