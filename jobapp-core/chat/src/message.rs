//! Messages: written once, read once, and answered once if they carry an offer.

use jobapp_directory::SellerId;
use jobapp_kernel::{Aggregate, InvalidState, Key, KeyValue, MAX_KEY_BYTES, ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::conversation::{Pair, one_way};
use crate::{ChatError, ConversationId, GigId, Offer, OfferState};

/// Where in a conversation a message stands. Places are given out one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The conversation.
    pub conversation: ConversationId,
    /// 1 for the first message, 2 for the next…
    pub sequence: i64,
    /// When it was written: later than the message before it.
    pub at: Timestamp,
}

impl Place {
    /// The first place of a conversation.
    pub const fn first(conversation: ConversationId, now: Timestamp) -> Self {
        Self { conversation, sequence: 1, at: now }
    }

    /// The place behind this one. Its time is now, or just after the message before: clocks of two machines differ.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Self {
        let at = now.max(self.at.plus(std::time::Duration::from_millis(1)));
        Self { conversation: self.conversation.clone(), sequence: self.sequence + 1, at }
    }
}

/// One of the two users of a message, as he was when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Stored form.
    pub username: String,
    /// URL.
    pub picture: String,
}

impl Participant {
    /// Whether this is the user's name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.username.to_lowercase() == name.to_lowercase()
    }
}

/// A file that came with a message; empty texts when there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attachment {
    /// What the media store keeps it as, or the URL of a file that is stored elsewhere.
    pub url: String,
    /// What the sender calls its type, such as `zip`.
    pub file_type: String,
    /// What the sender calls its size.
    pub size: String,
    /// What the sender calls it.
    pub name: String,
}

/// What a message says, to whom and from whom. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Who wrote it.
    pub sender: Participant,
    /// To whom.
    pub receiver: Participant,
    /// The seller's document id: of one of the two.
    pub seller_id: String,
    /// The buyer's document id: of the other.
    pub buyer_id: String,
    /// The text.
    pub body: String,
    /// The file.
    pub attachment: Attachment,
    /// The gig it is about, or empty.
    pub gig_id: String,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    id: ObjectId,
    place: Place,
    content: Content,
    offer: Option<Offer>,
    is_read: bool,
}

/// What happened to a message. Each tells the whole message, as it was afterwards.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum MessageEvent {
    /// It was written.
    Sent {
        /// The message.
        message: MessageState,
        /// The receiver's address, if there is something to mail: an offer.
        receiver_email: Option<String>,
    },
    /// The receiver has read it.
    Read {
        /// The message.
        message: MessageState,
        /// Whether the two users' browsers hear of it.
        announced: bool,
    },
    /// The buying side accepted its offer.
    OfferAccepted {
        /// The message.
        message: MessageState,
        /// When.
        at: Timestamp,
        /// Whether the two users' browsers hear of it.
        announced: bool,
    },
    /// Its offer was taken back.
    OfferCancelled {
        /// The message.
        message: MessageState,
        /// When.
        at: Timestamp,
        /// Whether the two users' browsers hear of it.
        announced: bool,
    },
}

impl ChatMessage {
    /// By place: nobody else can have it.
    pub const PLACE: Key<Self> = Key::<Self>::text("place", |message| {
        vec![format!("{}/{}", message.place.conversation, message.place.sequence).into()]
    })
    .unique();
    /// By conversation, in order.
    pub const CONVERSATION: Key<Self> =
        Key::<Self>::text("conversation", |message| vec![(&message.place.conversation).into()])
            .sorted_by(|message| message.place.sequence.into());
    /// Unread ones by sender and receiver, in order.
    pub const UNREAD: Key<Self> = Key::<Self>::text("unread", |message| {
        if message.is_read {
            return Vec::new();
        }
        vec![one_way(&message.content.sender.username, &message.content.receiver.username)]
    })
    .sorted_by(|message| message.place.sequence.into());
    /// Ones with an open offer by gig.
    pub const OPEN_OFFER: Key<Self> = Key::<Self>::text("open_offer", |message| match &message.offer {
        Some(offer) if offer.state() == OfferState::Open && !message.content.gig_id.is_empty() => {
            vec![message.content.gig_id.as_str().into()]
        }
        _ => Vec::new(),
    })
    .sorted_by(|message| message.place.at.into());

    /// Ones with an offer, answered or not, see [`ChatMessage::offers_between`]; by age.
    pub const OFFERS: Key<Self> = Key::<Self>::text("offers", |message| {
        let content = &message.content;
        let (Some(_), Ok(gig), Ok(seller)) = (&message.offer, content.gig_id.parse(), content.seller_id.parse()) else {
            return Vec::new();
        };
        // Only sellers make offers, so the receiver is the one who buys.
        Self::offers_between(gig, seller, &content.receiver.username).into_iter().collect()
    })
    .sorted_by(|message| message.place.at.into());

    /// The value of [`ChatMessage::OFFERS`] for a gig, its seller and the name of a buyer; `None` for a name so long that it is
    /// nobody's.
    pub fn offers_between(gig: GigId, seller: SellerId, buyer: &str) -> Option<KeyValue> {
        let key = format!("{gig} {seller} {}", buyer.to_lowercase());
        (key.len() <= MAX_KEY_BYTES).then(|| key.into())
    }

    /// A message that was just written, unread.
    ///
    /// # Errors
    /// When somebody writes to himself, or when the one who makes the offer is not the seller, so that the other could not
    /// buy. `is_from_seller` says whose the seller's id is.
    pub fn write(
        id: ObjectId,
        place: Place,
        content: Content,
        offer: Option<Offer>,
        is_from_seller: bool,
        receiver_email: String,
    ) -> Result<(Self, Vec<MessageEvent>), ChatError> {
        if content.sender.is(&content.receiver.username) {
            return Err(ChatError::ToOneself);
        }
        if offer.is_some() && !is_from_seller {
            return Err(ChatError::NotTheSeller);
        }
        let message = Self { id, place, content, offer, is_read: false };
        let receiver_email = message.offer.is_some().then_some(receiver_email);
        let sent = MessageEvent::Sent { message: message.to_state(), receiver_email };
        Ok((message, vec![sent]))
    }

    /// Takes over a message that another system kept. Nothing has happened: there is no event.
    ///
    /// # Errors
    /// [`InvalidState`] when it could not be stored.
    pub fn taken_over(
        id: ObjectId,
        place: Place,
        content: Content,
        offer: Option<Offer>,
        is_read: bool,
    ) -> Result<Self, InvalidState> {
        Self::from_state(MessageState::V1(Box::new(MessageV1 { id, place, content, offer, is_read })))
    }

    /// Where it stands.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// What it says.
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The offer it carries.
    pub const fn offer(&self) -> Option<&Offer> {
        self.offer.as_ref()
    }

    /// Whether the receiver has read it.
    pub const fn is_read(&self) -> bool {
        self.is_read
    }

    /// The two users.
    pub fn pair(&self) -> Pair {
        Pair::of(&self.content.sender.username, &self.content.receiver.username)
    }

    /// Refuses strangers: a message's existence is its participants' business.
    fn check_participant(&self, caller: &str) -> Result<(), ChatError> {
        if self.pair().has(caller) { Ok(()) } else { Err(ChatError::NoMessage) }
    }

    /// `caller` has read it. No event when it was read before. Here and below, `announced` says whether the two users'
    /// browsers hear of it.
    ///
    /// # Errors
    /// When the caller is not its receiver.
    pub fn read(mut self, caller: &str, announced: bool) -> Result<(Self, Vec<MessageEvent>), ChatError> {
        self.check_participant(caller)?;
        if !self.content.receiver.is(caller) {
            return Err(ChatError::NotTheReceiver);
        }
        if self.is_read {
            return Ok((self, Vec::new()));
        }
        self.is_read = true;
        let read = MessageEvent::Read { message: self.to_state(), announced };
        Ok((self, vec![read]))
    }

    /// `caller` accepts its offer. No event when that was done before.
    ///
    /// # Errors
    /// When there is no offer, the caller is not the buying side, or the offer was taken back.
    pub fn accept(self, caller: &str, now: Timestamp, announced: bool) -> Result<(Self, Vec<MessageEvent>), ChatError> {
        self.check_participant(caller)?;
        // Offers are made by sellers only, so the receiver is the one who buys.
        if self.offer.is_some() && !self.content.receiver.is(caller) {
            return Err(ChatError::NotTheBuyer);
        }
        let (message, is_news) = self.answer(OfferState::Accepted)?;
        let accepted = || MessageEvent::OfferAccepted { message: message.to_state(), at: now, announced };
        let events = if is_news { vec![accepted()] } else { Vec::new() };
        Ok((message, events))
    }

    /// `caller` takes its offer back or declines it; without a caller the marketplace does, because the gig is gone. No event
    /// when that was done before.
    ///
    /// # Errors
    /// When there is no offer, the caller is a stranger, or the offer was accepted.
    pub fn cancel(
        self,
        caller: Option<&str>,
        now: Timestamp,
        announced: bool,
    ) -> Result<(Self, Vec<MessageEvent>), ChatError> {
        if let Some(caller) = caller {
            self.check_participant(caller)?;
        }
        let (message, is_news) = self.answer(OfferState::Cancelled)?;
        let cancelled = || MessageEvent::OfferCancelled { message: message.to_state(), at: now, announced };
        let events = if is_news { vec![cancelled()] } else { Vec::new() };
        Ok((message, events))
    }

    fn answer(mut self, answer: OfferState) -> Result<(Self, bool), ChatError> {
        let offer = self.offer.as_mut().ok_or(ChatError::NoOffer)?;
        match offer.answer(answer) {
            Some(is_news) => Ok((self, is_news)),
            None => Err(ChatError::Answered { state: offer.state() }),
        }
    }
}

/// What is stored of a message.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum MessageState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<MessageV1>),
}
jobapp_kernel::forms!(MessageState { "1" => V1 });

/// The first stored form of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageV1 {
    id: ObjectId,
    place: Place,
    content: Content,
    offer: Option<Offer>,
    is_read: bool,
}

impl Aggregate for ChatMessage {
    const NAME: &'static str = "chat_message";
    type Id = ObjectId;
    type Event = MessageEvent;
    type State = MessageState;

    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::PLACE, Self::CONVERSATION, Self::UNREAD, Self::OPEN_OFFER, Self::OFFERS] }
    }

    fn to_state(&self) -> MessageState {
        let Self { id, place, content, offer, is_read } = self.clone();
        MessageState::V1(Box::new(MessageV1 { id, place, content, offer, is_read }))
    }

    fn from_state(state: MessageState) -> Result<Self, InvalidState> {
        let MessageState::V1(state) = state;
        let MessageV1 { id, place, content, offer, is_read } = *state;
        if place.sequence < 1 {
            return Err(InvalidState::new("a message needs a place above zero"));
        }
        let message = Self { id, place, content, offer, is_read };
        if message.pair().is_one_user() {
            return Err(InvalidState::new("a message needs two users"));
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::{ErrorKind, Ids, KeyValue, Kinded, Money, SequenceIds};
    use proptest::prelude::*;

    use super::*;
    use crate::OfferTerms;

    const LOUD: bool = true;

    fn participant(name: &str) -> Participant {
        Participant { username: name.into(), picture: format!("https://img.example.org/{name}.png") }
    }

    fn content(sender: &str, receiver: &str) -> Content {
        Content {
            sender: participant(sender),
            receiver: participant(receiver),
            seller_id: "s".into(),
            buyer_id: "b".into(),
            body: "Hello".into(),
            attachment: Attachment::default(),
            gig_id: "g".into(),
        }
    }

    fn an_offer() -> Offer {
        Offer::open(OfferTerms {
            gig_title: "Logo".into(),
            price: Money::from_cents(7500),
            description: "Three drafts".into(),
            delivery_in_days: 4,
            old_delivery_date: "then".into(),
            new_delivery_date: "then".into(),
        })
        .unwrap()
    }

    fn place() -> Place {
        Place::first(ConversationId::proposed("1").unwrap(), Timestamp::EPOCH)
    }

    /// Iria, the seller, wrote to Marta, the buyer.
    fn message(offer: Option<Offer>) -> ChatMessage {
        let id = SequenceIds::default().object_id();
        ChatMessage::write(id, place(), content("Iria", "Marta"), offer, true, "m@example.org".into()).unwrap().0
    }

    #[test]
    fn writing_tells_the_whole_message() {
        let id = SequenceIds::default().object_id();
        let (message, events) =
            ChatMessage::write(id, place(), content("Iria", "Marta"), None, true, "m@example.org".into()).unwrap();
        let [MessageEvent::Sent { message: told, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(ChatMessage::from_state(told.clone()).unwrap(), message);
    }

    #[test]
    fn a_message_that_was_kept_elsewhere_is_taken_over_as_it_is_unless_it_breaks_a_rule() {
        let id = SequenceIds::default().object_id();
        let offer = Offer::taken_over(an_offer().terms().clone(), OfferState::Accepted).unwrap();
        let taken = ChatMessage::taken_over(id, place(), content("Iria", "Marta"), Some(offer), true).unwrap();
        assert!(taken.is_read() && taken.offer().unwrap().state() == OfferState::Accepted);
        let misplaced = Place { sequence: 0, ..place() };
        assert!(ChatMessage::taken_over(id, misplaced, content("Iria", "Marta"), None, true).is_err());
        assert!(ChatMessage::taken_over(id, place(), content("Iria", "iria"), None, true).is_err());
    }

    #[test]
    fn nobody_writes_to_himself_and_only_sellers_offer() {
        let id = SequenceIds::default().object_id();
        let write = |sender: &str, receiver: &str, offer, is_from_seller| {
            ChatMessage::write(id, place(), content(sender, receiver), offer, is_from_seller, String::new())
        };
        assert!(matches!(write("Iria", "iria", None, true), Err(ChatError::ToOneself)));
        assert!(matches!(write("Marta", "Iria", Some(an_offer()), false), Err(ChatError::NotTheSeller)));
        assert!(write("Marta", "Iria", None, false).is_ok());
    }

    #[test]
    fn the_receiver_alone_reads_and_once() {
        assert!(matches!(message(None).read("Iria", LOUD), Err(ChatError::NotTheReceiver)));
        assert!(matches!(message(None).read("Ana", LOUD), Err(ChatError::NoMessage)));
        let (read, events) = message(None).read("marta", LOUD).unwrap();
        assert!(read.is_read() && matches!(events[..], [MessageEvent::Read { announced: true, .. }]));
        assert!(read.read("Marta", LOUD).unwrap().1.is_empty());
    }

    #[test]
    fn a_read_message_leaves_the_unread_ones() {
        let unread = message(None);
        assert_eq!((ChatMessage::UNREAD.read)(&unread), [one_way("Iria", "Marta")]);
        assert!((ChatMessage::UNREAD.read)(&unread.read("Marta", LOUD).unwrap().0).is_empty());
    }

    #[test]
    fn every_answer_to_an_offer_is_as_the_table_says() {
        type Answer = fn(ChatMessage, &str) -> Result<(ChatMessage, Vec<MessageEvent>), ChatError>;
        let accept: Answer = |message, who| message.accept(who, Timestamp::EPOCH, LOUD);
        let cancel: Answer = |message, who| message.cancel(Some(who), Timestamp::EPOCH, LOUD);
        let open = message(Some(an_offer()));
        let accepted = accept(open.clone(), "Marta").unwrap().0;
        let cancelled = cancel(open.clone(), "Iria").unwrap().0;
        for (before, answer, who, expected) in [
            (&open, accept, "Marta", Ok((OfferState::Accepted, 1))),
            (&open, accept, "Iria", Err(ErrorKind::Forbidden)),
            (&open, accept, "Ana", Err(ErrorKind::NotFound)),
            (&open, cancel, "Marta", Ok((OfferState::Cancelled, 1))),
            (&open, cancel, "Iria", Ok((OfferState::Cancelled, 1))),
            (&open, cancel, "Ana", Err(ErrorKind::NotFound)),
            (&accepted, accept, "MARTA", Ok((OfferState::Accepted, 0))),
            (&accepted, cancel, "Iria", Err(ErrorKind::Refused)),
            (&accepted, cancel, "Marta", Err(ErrorKind::Refused)),
            (&cancelled, cancel, "Marta", Ok((OfferState::Cancelled, 0))),
            (&cancelled, accept, "Marta", Err(ErrorKind::Refused)),
            (&message(None), accept, "Marta", Err(ErrorKind::Invalid)),
            (&message(None), cancel, "Iria", Err(ErrorKind::Invalid)),
        ] {
            let result = answer(before.clone(), who)
                .map(|(after, events)| (after.offer().unwrap().state(), events.len()))
                .map_err(|error| error.kind());
            assert_eq!(result, expected, "{who}: {before:?}");
        }
    }

    #[test]
    fn the_marketplace_cancels_the_open_offers_of_a_gig_that_is_gone() {
        let open = message(Some(an_offer()));
        assert_eq!((ChatMessage::OPEN_OFFER.read)(&open), [KeyValue::from("g")]);
        let (cancelled, events) = open.cancel(None, Timestamp::EPOCH, LOUD).unwrap();
        assert!(matches!(events[..], [MessageEvent::OfferCancelled { .. }]));
        assert!((ChatMessage::OPEN_OFFER.read)(&cancelled).is_empty());
    }

    #[test]
    fn events_and_states_survive_a_round_trip() {
        let (message, events) = message(Some(an_offer())).accept("Marta", Timestamp::EPOCH, LOUD).unwrap();
        let json = serde_json::to_value(&events[0]).unwrap();
        assert_eq!(json["type"], "offer-accepted");
        assert_eq!(json["message"]["v"], "1");
        let MessageEvent::OfferAccepted { message: told, .. } = serde_json::from_value(json).unwrap() else {
            panic!("another event")
        };
        assert_eq!(ChatMessage::from_state(told).unwrap(), message);
    }

    proptest! {
        #[test]
        fn times_grow_however_clocks_jump(clock in proptest::collection::vec(0_i64..1000, 1..50)) {
            let mut place = place();
            for millis in clock {
                let next = place.next(Timestamp::from_millis(millis).unwrap());
                prop_assert!(next.at > place.at && next.sequence == place.sequence + 1);
                place = next;
            }
        }
    }
}
