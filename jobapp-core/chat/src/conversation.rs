//! The conversation of two users.

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, KeyValue, MAX_KEY_BYTES, ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ChatMessage;

/// Between the two names of a key. No user name has a line break.
const BETWEEN_NAMES: char = '\n';

/// Two user names, whichever is named first, in any case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pair {
    lesser: String,
    greater: String,
}

impl Pair {
    /// The pair of these users.
    pub fn of(one: &str, other: &str) -> Self {
        let (one, other) = (one.to_lowercase(), other.to_lowercase());
        if one <= other { Self { lesser: one, greater: other } } else { Self { lesser: other, greater: one } }
    }

    /// Whether a user of this name is one of the two.
    pub fn has(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        name == self.lesser || name == self.greater
    }

    /// Whether it is one user twice.
    pub fn is_one_user(&self) -> bool {
        self.lesser == self.greater
    }

    /// The value of [`Conversation::PAIR`].
    pub fn key(&self) -> KeyValue {
        format!("{}{BETWEEN_NAMES}{}", self.lesser, self.greater).into()
    }

    /// Whether its key fits into an index: no user has a longer name.
    pub(crate) fn can_be_stored(&self) -> bool {
        self.lesser.len() + self.greater.len() < MAX_KEY_BYTES
    }
}

/// The key of what one user sent to another.
pub(crate) fn one_way(sender: &str, receiver: &str) -> KeyValue {
    format!("{}{BETWEEN_NAMES}{}", sender.to_lowercase(), receiver.to_lowercase()).into()
}

/// The public id of a conversation: 15 digits when we make it, a short plain text when a client does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(String);

impl ConversationId {
    /// Words that are no ids: paths of their own, and what a browser makes of a value it does not have.
    const RESERVED: [&str; 7] =
        ["undefined", "null", "offer", "conversation", "conversations", "mark-as-read", "mark-multiple-as-read"];

    /// The id a client proposes for a new conversation; `None` when it is none we take.
    pub fn proposed(text: &str) -> Option<Self> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let is_taken = (1..=64).contains(&text.len()) && is_plain && !Self::RESERVED.contains(&text);
        is_taken.then(|| Self(text.to_owned()))
    }

    /// 15 digits out of an id nobody has.
    pub fn made_of(id: ObjectId) -> Self {
        /// The least number of 15 digits.
        const LEAST: u64 = 100_000_000_000_000;
        // The first bytes of an id are the time, the same for everybody: the digits come from the others.
        let folded = id.as_bytes()[4..].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Self((LEAST + folded % (9 * LEAST)).to_string())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ConversationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for ConversationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            return Err(InvalidId::new(text, "the id of a conversation"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<&ConversationId> for KeyValue {
    fn from(id: &ConversationId) -> Self {
        id.as_str().into()
    }
}

/// What a list of conversations shows of the newest message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The message.
    pub message: ObjectId,
    /// Its place.
    pub sequence: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub sender_username: String,
    /// URL.
    pub sender_picture: String,
    /// To whom.
    pub receiver_username: String,
    /// URL.
    pub receiver_picture: String,
    /// The seller's document id.
    pub seller_id: String,
    /// The buyer's document id.
    pub buyer_id: String,
    /// The text.
    pub body: String,
    /// What the media store keeps the file as, or empty.
    pub file: String,
    /// The gig it is about, or empty.
    pub gig_id: String,
    /// Whether the receiver has read it.
    pub is_read: bool,
    /// Whether it carries an offer.
    pub has_offer: bool,
}

impl From<&ChatMessage> for Summary {
    fn from(message: &ChatMessage) -> Self {
        let content = message.content();
        Self {
            message: *jobapp_kernel::Aggregate::id(message),
            sequence: message.place().sequence,
            created_at: message.place().at,
            sender_username: content.sender.username.clone(),
            sender_picture: content.sender.picture.clone(),
            receiver_username: content.receiver.username.clone(),
            receiver_picture: content.receiver.picture.clone(),
            seller_id: content.seller_id.clone(),
            buyer_id: content.buyer_id.clone(),
            body: content.body.clone(),
            file: content.attachment.url.clone(),
            gig_id: content.gig_id.clone(),
            is_read: message.is_read(),
            has_offer: message.offer().is_some(),
        }
    }
}

/// The one conversation of two users, with a summary of its newest message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    id: ObjectId,
    conversation_id: ConversationId,
    starter: String,
    partner: String,
    newest: Option<Summary>,
}

impl Conversation {
    /// By public id.
    pub const CONVERSATION_ID: Key<Self> =
        Key::<Self>::text("conversation_id", |one| vec![(&one.conversation_id).into()]).unique();
    /// By the two users.
    pub const PAIR: Key<Self> = Key::<Self>::text("pair", |one| vec![one.pair().key()]).unique();
    /// By each of the two users, once there is a message, by when the newest was written.
    pub const PARTICIPANT: Key<Self> = Key::<Self>::text("participant", |one| match &one.newest {
        Some(_) => vec![one.starter.to_lowercase().into(), one.partner.to_lowercase().into()],
        None => Vec::new(),
    })
    .many()
    .sorted_by(|one| one.newest.as_ref().map_or(KeyValue::Int(0), |newest| newest.created_at.into()));

    /// A conversation without messages, started by `starter`.
    pub fn between(id: ObjectId, conversation_id: ConversationId, starter: &str, partner: &str) -> Self {
        Self { id, conversation_id, starter: starter.to_owned(), partner: partner.to_owned(), newest: None }
    }

    /// The public id.
    pub const fn conversation_id(&self) -> &ConversationId {
        &self.conversation_id
    }

    /// Who wrote first.
    pub fn starter(&self) -> &str {
        &self.starter
    }

    /// The other one.
    pub fn partner(&self) -> &str {
        &self.partner
    }

    /// The two users.
    pub fn pair(&self) -> Pair {
        Pair::of(&self.starter, &self.partner)
    }

    /// The newest message it has heard of.
    pub const fn newest(&self) -> Option<&Summary> {
        self.newest.as_ref()
    }

    /// Takes over what is told of a message. `None` when that is no news: an older message, or the same one, unchanged or
    /// before it was read. So it does not matter how often and in what order messages are told.
    #[must_use]
    pub fn with_newest(mut self, told: Summary) -> Option<Self> {
        (!self.tells_of(told.sequence, told.is_read)).then(|| {
            self.newest = Some(told);
            self
        })
    }

    /// Whether the summary tells of the message in this place, read or not, or of a later one.
    pub fn tells_of(&self, sequence: i64, is_read: bool) -> bool {
        self.newest
            .as_ref()
            .is_some_and(|known| known.sequence > sequence || known.sequence == sequence && (known.is_read || !is_read))
    }
}

/// What is stored of a conversation.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum ConversationState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<ConversationV1>),
}
jobapp_kernel::forms!(ConversationState { "1" => V1 });

/// The first stored form of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConversationV1 {
    id: ObjectId,
    conversation_id: ConversationId,
    starter: String,
    partner: String,
    newest: Option<Summary>,
}

impl Aggregate for Conversation {
    const NAME: &'static str = "conversation";
    type Id = ObjectId;
    type Event = ();
    type State = ConversationState;

    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::CONVERSATION_ID, Self::PAIR, Self::PARTICIPANT] }
    }

    fn to_state(&self) -> ConversationState {
        let Self { id, conversation_id, starter, partner, newest } = self.clone();
        ConversationState::V1(Box::new(ConversationV1 { id, conversation_id, starter, partner, newest }))
    }

    fn from_state(state: ConversationState) -> Result<Self, InvalidState> {
        let ConversationState::V1(state) = state;
        let ConversationV1 { id, conversation_id, starter, partner, newest } = *state;
        let conversation = Self { id, conversation_id, starter, partner, newest };
        if conversation.pair().is_one_user() {
            return Err(InvalidState::new("a conversation needs two users"));
        }
        Ok(conversation)
    }
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::{Ids, SequenceIds};

    use super::*;

    fn summary(sequence: i64, is_read: bool) -> Summary {
        Summary {
            message: SequenceIds::default().object_id(),
            sequence,
            created_at: Timestamp::EPOCH,
            sender_username: "Marta".into(),
            sender_picture: String::new(),
            receiver_username: "Iria".into(),
            receiver_picture: String::new(),
            seller_id: String::new(),
            buyer_id: String::new(),
            body: String::new(),
            file: String::new(),
            gig_id: String::new(),
            is_read,
            has_offer: false,
        }
    }

    fn conversation() -> Conversation {
        let id = SequenceIds::default().object_id();
        Conversation::between(id, ConversationId::made_of(id), "Marta", "Iria")
    }

    #[test]
    fn a_pair_is_the_same_whoever_is_named_first() {
        assert_eq!(Pair::of("Marta", "iria"), Pair::of("IRIA", "marta"));
        assert_ne!(Pair::of("a", "bc").key(), Pair::of("ab", "c").key());
        assert!(Pair::of("Marta", "Iria").has("mARTA") && !Pair::of("Marta", "Iria").has("Ana"));
    }

    #[test]
    fn made_ids_have_fifteen_digits() {
        for bytes in [[0; 12], [255; 12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
            let id = ConversationId::made_of(ObjectId::from_bytes(bytes));
            assert!(id.as_str().len() == 15 && id.as_str().bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        }
    }

    #[test]
    fn proposed_ids_are_short_and_plain() {
        assert_eq!(ConversationId::proposed("123456789012345").unwrap().as_str(), "123456789012345");
        for text in ["", "undefined", "null", "offer", "a/b", "ä", "a b", &"1".repeat(65)] {
            assert_eq!(ConversationId::proposed(text), None, "{text}");
        }
    }

    #[test]
    fn only_news_changes_the_summary() {
        let conversation = conversation().with_newest(summary(2, false)).unwrap();
        assert_eq!(conversation.clone().with_newest(summary(1, true)), None);
        assert_eq!(conversation.clone().with_newest(summary(2, false)), None);
        let read = conversation.with_newest(summary(2, true)).unwrap();
        assert_eq!(read.clone().with_newest(summary(2, false)), None);
        assert!(!read.with_newest(summary(3, false)).unwrap().newest().unwrap().is_read);
    }

    #[test]
    fn a_conversation_without_messages_is_in_no_list() {
        let empty = conversation();
        assert!((Conversation::PARTICIPANT.read)(&empty).is_empty());
        let told = empty.with_newest(summary(1, false)).unwrap();
        assert_eq!((Conversation::PARTICIPANT.read)(&told), [KeyValue::from("marta"), KeyValue::from("iria")]);
    }

    #[test]
    fn states_survive_a_round_trip_and_keep_their_rule() {
        let told = conversation().with_newest(summary(1, false)).unwrap();
        let json = serde_json::to_string(&told.to_state()).unwrap();
        assert_eq!(Conversation::from_state(serde_json::from_str(&json).unwrap()).unwrap(), told);
        let alone = serde_json::from_str(&json.replace("\"partner\":\"Iria\"", "\"partner\":\"marta\"")).unwrap();
        assert!(Conversation::from_state(alone).is_err());
    }
}
