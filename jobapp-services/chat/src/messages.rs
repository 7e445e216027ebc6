//! What was stored, as messages for browsers, mailboxes and other services.

use jobapp_chat::{ChatMessage, MessageEvent, MessageState, Offer};
use jobapp_kernel::{Aggregate, Exchange, MediaStore, Message, OutboxEntry, Timestamp};
use jobapp_runtime::{TranslateError, event_of, message_of};
use jobapp_wire::chat::ChatMessageChanged;
use jobapp_wire::messages::{OrderMail, Realtime};
use jobapp_wire::queues::{CHAT_MESSAGE, OFFER_CHANGED, ORDER_EMAIL, REALTIME};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::documents::{Reader, message_document, told_offer};

/// What stays as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(crate) fn translate(
    entry: &OutboxEntry,
    client_url: &str,
    media: &dyn MediaStore,
) -> Result<Vec<Message>, TranslateError> {
    if entry.aggregate != ChatMessage::NAME {
        return Err(TranslateError::new(format!("nobody here raises events of a {:?}", entry.aggregate)));
    }
    let out = Translation { entry, client_url, media };
    match event_of(entry)? {
        MessageEvent::Sent { message, receiver_email } => out.sent(&read(message)?, receiver_email),
        MessageEvent::Read { message, announced } => {
            let message = read(message)?;
            let mut messages = vec![out.changed("message-read", &message)?];
            messages.extend(out.updated_if(announced, &message)?);
            Ok(messages)
        }
        MessageEvent::OfferAccepted { message, at, announced }
        | MessageEvent::OfferCancelled { message, at, announced } => {
            let message = read(message)?;
            let mut messages = Vec::from_iter(out.offer_changed(&message, at)?);
            messages.extend(out.updated_if(announced, &message)?);
            Ok(messages)
        }
    }
}

fn read(state: MessageState) -> Result<ChatMessage, TranslateError> {
    ChatMessage::from_state(state).map_err(|error| TranslateError {
        reason: "it tells of an impossible message".to_owned(),
        source: Some(error.into()),
    })
}

struct Translation<'a> {
    entry: &'a OutboxEntry,
    client_url: &'a str,
    media: &'a dyn MediaStore,
}

impl Translation<'_> {
    fn sent(&self, message: &ChatMessage, receiver_email: Option<String>) -> Result<Vec<Message>, TranslateError> {
        let mut messages = vec![self.changed("message-sent", message)?, self.realtime("message received", message)?];
        messages.extend(self.offer_changed(message, message.place().at)?);
        if let Some(offer) = message.offer() {
            let mail = self.offer_mail(message, offer, receiver_email);
            messages.push(self.message("offer", ORDER_EMAIL.exchange, ORDER_EMAIL.routing_key, &mail)?);
        }
        Ok(messages)
    }

    /// For the summary of the conversation.
    fn changed(&self, kind: &str, message: &ChatMessage) -> Result<Message, TranslateError> {
        let sequence = message.place().sequence;
        let body =
            ChatMessageChanged { kind: kind.to_owned(), message: message_document(message, Reader::Service), sequence };
        self.message(kind, CHAT_MESSAGE, "", &body)
    }

    /// For every browser of both users: the writer's own page shows his message only once it hears of it.
    fn realtime(&self, event: &str, message: &ChatMessage) -> Result<Message, TranslateError> {
        let content = message.content();
        let body = Realtime {
            event: event.to_owned(),
            arguments: vec![serde_json::to_value(message_document(message, Reader::Participant(self.media)))?],
            receivers: vec![content.sender.username.clone(), content.receiver.username.clone()],
        };
        self.message(event, REALTIME, "", &body)
    }

    fn updated_if(&self, announced: bool, message: &ChatMessage) -> Result<Option<Message>, TranslateError> {
        announced.then(|| self.realtime("message updated", message)).transpose()
    }

    /// For the check of an order's price.
    fn offer_changed(&self, message: &ChatMessage, at: Timestamp) -> Result<Option<Message>, TranslateError> {
        let body = told_offer(message, at);
        body.map(|body| self.message("offer-changed", OFFER_CHANGED, "", &body)).transpose()
    }

    fn offer_mail(&self, message: &ChatMessage, offer: &Offer, receiver_email: Option<String>) -> OrderMail {
        let (sender, receiver) = (&message.content().sender.username, &message.content().receiver.username);
        let terms = offer.terms();
        let page = utf8_percent_encode(&sender.to_lowercase(), SEGMENT).to_string();
        OrderMail {
            template: "offer".to_owned(),
            receiver_email,
            sender: Some(sender.clone()),
            amount: Some(terms.price.to_string()),
            buyer_username: Some(receiver.clone()),
            seller_username: Some(sender.clone()),
            title: Some(terms.gig_title.clone()),
            description: Some(terms.description.clone()),
            delivery_days: Some(terms.delivery_in_days.to_string()),
            offer_link: Some(format!(
                "{}/inbox/{page}/{}",
                self.client_url.trim_end_matches('/'),
                utf8_percent_encode(message.place().conversation.as_str(), SEGMENT)
            )),
            ..OrderMail::default()
        }
    }

    fn message(
        &self,
        kind: &str,
        exchange: Exchange,
        routing_key: &str,
        body: &impl Serialize,
    ) -> Result<Message, TranslateError> {
        message_of(self.entry, exchange, routing_key, kind, body)
    }
}
