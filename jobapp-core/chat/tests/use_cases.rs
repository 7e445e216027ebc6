//! Chatting on a store in memory: races, order, and what follows from events.

use std::sync::Arc;

use futures::future::join_all;
use jobapp_chat::{
    Chat, ChatError, ChatMessage, Content, Conversation, MAX_MESSAGES, MessageEvent, NewFile, NewMessage, OfferState,
    OfferTerms, Place,
};
use jobapp_directory::{CardUpdate, Directory};
use jobapp_kernel::{
    Aggregate, Cause, Change, Collected, FixedClock, MediaError, MediaSink, MediaStore, Money, ObjectId, Saved,
    SequenceIds, StoredMedia, Timestamp, Upload, UploadPurpose,
};
use jobapp_memory::MemoryStore;

const BUYER_OF_MARTA: &str = "66f0c0ffee0000000000b001";
const BUYER_OF_IRIA: &str = "66f0c0ffee0000000000b002";
const SELLER_OF_IRIA: &str = "66f0c0ffee0000000000a002";
const GIG: &str = "66f0c0ffee00000000009001";
const OTHER_GIG: &str = "66f0c0ffee00000000009002";

/// Refuses the source `bad`, keeps any other.
struct Echo;

#[async_trait::async_trait]
impl MediaStore for Echo {
    async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError> {
        assert!(matches!(upload.purpose, UploadPurpose::File { .. }));
        match upload.source.as_str() {
            "bad" => Err(MediaError::invalid("it is bad")),
            source => Ok(StoredMedia { reference: format!("{source}#{}", upload.public_id.unwrap_or_default()) }),
        }
    }

    async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
        Ok(Collected::begin(self))
    }
}

async fn a_buyer(chat: &Chat, name: &str, id: &str) {
    let (email, picture) = (format!("{name}@example.org").to_lowercase(), format!("{name}.png"));
    let buyer = CardUpdate::Buyer { buyer_id: id.parse().unwrap(), email, picture, country: "Portugal".into() };
    chat.directory.apply(name, buyer, 1).await.unwrap();
}

async fn a_seller(chat: &Chat, name: &str, id: &str) {
    let seller = CardUpdate::Seller {
        seller_id: id.parse().unwrap(),
        email: format!("{name}@example.org").to_lowercase(),
        picture: format!("{name}-sells.png"),
        country: "Spain".into(),
        full_name: name.into(),
        oneliner: "I draw".into(),
    };
    chat.directory.apply(name, seller, 1).await.unwrap();
}

/// Marta buys; Iria sells and buys.
async fn a_chat() -> (MemoryStore, Chat) {
    let store = MemoryStore::new();
    let chat = Chat {
        conversations: store.repository(),
        messages: store.repository(),
        gigs: store.repository(),
        deleted_gigs: store.repository(),
        directory: Directory::new(store.repository()),
        media: Arc::new(Echo),
        clock: Arc::new(FixedClock::at(Timestamp::EPOCH)),
        ids: Arc::new(SequenceIds::default()),
    };
    a_buyer(&chat, "Marta", BUYER_OF_MARTA).await;
    a_buyer(&chat, "Iria", BUYER_OF_IRIA).await;
    a_seller(&chat, "Iria", SELLER_OF_IRIA).await;
    for gig in [GIG, OTHER_GIG] {
        chat.gig_told(gig.parse().unwrap(), Some(SELLER_OF_IRIA.parse().unwrap())).await.unwrap();
    }
    (store, chat)
}

fn from_marta(body: &str) -> NewMessage {
    NewMessage {
        sender: "Marta".into(),
        receiver: "Iria".into(),
        seller_id: SELLER_OF_IRIA.into(),
        buyer_id: BUYER_OF_MARTA.into(),
        body: body.into(),
        ..NewMessage::default()
    }
}

fn from_iria(body: &str) -> NewMessage {
    NewMessage { sender: "Iria".into(), receiver: "Marta".into(), ..from_marta(body) }
}

fn an_offer() -> NewMessage {
    let terms = OfferTerms {
        gig_title: "Logo".into(),
        price: Money::from_cents(7500),
        description: "Three drafts".into(),
        delivery_in_days: 4,
        old_delivery_date: "then".into(),
        new_delivery_date: "then".into(),
    };
    NewMessage { gig_id: GIG.into(), offer: Some(terms), ..from_iria("My offer") }
}

async fn offer_state(chat: &Chat, message: &ChatMessage) -> OfferState {
    chat.messages.find(message.id()).await.unwrap().unwrap().value.offer().unwrap().state()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_messages_that_race_end_in_one_conversation_in_one_order() {
    let (store, chat) = a_chat().await;
    let proposed = |message: NewMessage, id: &str| NewMessage { conversation: Some(id.into()), ..message };
    let sends = (0..20).map(|i| {
        let message = if i % 2 == 0 { from_marta("a") } else { from_iria("b") };
        let (chat, message) = (chat.clone(), proposed(message, &format!("{i}")));
        tokio::spawn(async move { chat.send(message, None).await.unwrap() })
    });
    let sent: Vec<ChatMessage> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(store.count::<Conversation>(), 1);
    let messages = chat.messages_between("iria", "MARTA").await.unwrap();
    assert_eq!(messages.len(), 20);
    assert!(sent.iter().all(|one| one.place().conversation == messages[0].place().conversation));
    for (one, next) in messages.iter().zip(&messages[1..]) {
        assert!(one.place().at < next.place().at && one.place().sequence + 1 == next.place().sequence);
    }
}

#[tokio::test]
async fn the_id_of_a_conversation_of_others_is_not_joined() {
    let (_, chat) = a_chat().await;
    a_buyer(&chat, "Ana", "66f0c0ffee0000000000b003").await;
    let id = "111111111111111";
    let first = NewMessage { conversation: Some(id.into()), ..from_marta("mine") };
    assert_eq!(chat.send(first, None).await.unwrap().place().conversation.as_str(), id);
    let from_ana = NewMessage {
        conversation: Some(id.into()),
        sender: "Ana".into(),
        buyer_id: "66f0c0ffee0000000000b003".into(),
        ..from_marta("Hello")
    };
    let other = chat.send(from_ana, None).await.unwrap().place().conversation.to_string();
    assert!(other != id && other.len() == 15);
    assert_eq!(chat.messages_of(id, "Ana").await.unwrap(), []);
    assert_eq!(chat.messages_of(id, "Marta").await.unwrap().len(), 1);
    // The same two stay where they are, whatever their client believes.
    let again = NewMessage { conversation: Some("222".into()), ..from_marta("again") };
    assert_eq!(chat.send(again, None).await.unwrap().place().conversation.as_str(), id);
}

#[tokio::test]
async fn roles_are_those_of_the_two() {
    let (_, chat) = a_chat().await;
    for (message, is_early) in [
        (NewMessage { receiver: "Nobody".into(), ..from_marta("x") }, true),
        (NewMessage { sender: "Nobody".into(), ..from_marta("x") }, true),
        (NewMessage { receiver: "marta".into(), ..from_marta("x") }, false),
        // Marta is no seller yet: she may be about to become one.
        (
            NewMessage {
                seller_id: "66f0c0ffee0000000000a001".into(),
                buyer_id: BUYER_OF_IRIA.into(),
                ..from_marta("x")
            },
            true,
        ),
        (NewMessage { buyer_id: BUYER_OF_IRIA.into(), ..from_marta("x") }, true),
        (NewMessage { sender: "Marta".into(), ..an_offer_from_the_buyer() }, false),
    ] {
        let error = chat.send(message.clone(), None).await.unwrap_err();
        assert_eq!(error.is_early(), is_early, "{error}: {message:?}");
    }
    a_seller(&chat, "Marta", "66f0c0ffee0000000000a001").await;
    let reversed =
        NewMessage { seller_id: "66f0c0ffee0000000000a001".into(), buyer_id: BUYER_OF_IRIA.into(), ..from_marta("x") };
    assert!(chat.send(reversed, None).await.is_ok());
    let foreign = NewMessage { buyer_id: "undefined".into(), ..from_marta("x") };
    let error = chat.send(foreign, None).await.unwrap_err();
    assert!(matches!(error, ChatError::ForeignRoles { may_change: false }));
}

fn an_offer_from_the_buyer() -> NewMessage {
    NewMessage { receiver: "Iria".into(), ..an_offer() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repeated_request_is_answered_as_the_first_time() {
    let (store, chat) = a_chat().await;
    let cause = |hash: &str| {
        let (caller, route, key) = ("Marta".to_owned(), "POST /message".to_owned(), "k".to_owned());
        Some(Cause::Request { caller, route, key, body_hash: hash.to_owned() })
    };
    let first = chat.send(from_marta("once"), cause("h")).await.unwrap();
    assert_eq!(chat.send(from_marta("once"), cause("h")).await.unwrap(), first);
    assert_eq!(store.count::<ChatMessage>(), 1);
    assert!(chat.send(from_marta("other"), cause("other")).await.is_err());
    let (caller, route, key) = ("Marta".to_owned(), "POST /message".to_owned(), "racing".to_owned());
    let cause = Cause::Request { caller, route, key, body_hash: "h".to_owned() };
    let racing = (0..8).map(|_| {
        let (chat, cause) = (chat.clone(), cause.clone());
        tokio::spawn(async move { chat.send(from_marta("twice"), Some(cause)).await.unwrap() })
    });
    let answers: Vec<ChatMessage> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(store.count::<ChatMessage>(), 2);
}

#[tokio::test]
async fn a_file_is_stored_before_the_message_or_nothing_is() {
    let (store, chat) = a_chat().await;
    let file = |source: &str, file_type: &str| {
        Some(NewFile { source: source.into(), file_type: file_type.into(), name: "a.zip".into(), size: "1 KB".into() })
    };
    let bad = NewMessage { file: file("bad", "zip"), ..from_marta("x") };
    let error = chat.send(bad, None).await.unwrap_err();
    assert_eq!(error.to_string(), "File upload error. Try again");
    assert_eq!((store.count::<ChatMessage>(), store.count::<Conversation>()), (0, 0));
    let zip = NewMessage { file: file("https://x/1", "zip"), ..from_marta("x") };
    let url = chat.send(zip, None).await.unwrap().content().attachment.url.clone();
    let name = url.strip_prefix("https://x/1#").and_then(|name| name.strip_suffix(".zip")).unwrap();
    assert!(name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    let pdf = NewMessage { file: file("https://x/2", "pdf"), ..from_marta("x") };
    assert_eq!(chat.send(pdf, None).await.unwrap().content().attachment.url, "https://x/2#");
}

#[tokio::test]
async fn a_gig_that_goes_takes_its_open_offers_along() {
    let (store, chat) = a_chat().await;
    let open = chat.send(an_offer(), None).await.unwrap();
    let accepted = chat.send(an_offer(), None).await.unwrap();
    chat.accept_offer(*accepted.id(), "Marta").await.unwrap();
    let other = chat.send(NewMessage { gig_id: OTHER_GIG.into(), ..an_offer() }, None).await.unwrap();
    for _ in 0..2 {
        chat.gig_deleted(GIG.parse().unwrap()).await.unwrap();
    }
    assert_eq!(offer_state(&chat, &open).await, OfferState::Cancelled);
    assert_eq!(offer_state(&chat, &accepted).await, OfferState::Accepted);
    assert_eq!(offer_state(&chat, &other).await, OfferState::Open);
    let cancelled = store.events().iter().filter(|entry| entry.event["type"] == "offer-cancelled").count();
    assert_eq!(cancelled, 1);
    assert!(matches!(chat.send(an_offer(), None).await, Err(ChatError::GigDeleted)));
}

#[tokio::test]
async fn an_offer_is_for_a_gig_that_there_is_of_the_one_who_offers_it() {
    let (store, chat) = a_chat().await;
    let (foreign, none, new) = ("66f0c0ffee00000000009003", "66f0c0ffee00000000009004", "66f0c0ffee00000000009005");
    chat.gig_told(foreign.parse().unwrap(), Some("66f0c0ffee0000000000a009".parse().unwrap())).await.unwrap();
    chat.gig_told(none.parse().unwrap(), None).await.unwrap();
    for (gig, expected) in [
        ("", "An offer must name its gig."),
        ("abc", "An offer must name its gig."),
        ("undefined", "An offer must name its gig."),
        (foreign, "The gig of this offer belongs to another seller."),
        (none, "The gig of this offer does not exist."),
        (new, "The gig of this offer is not known yet. Please try again in a moment."),
    ] {
        let offer = NewMessage { gig_id: gig.into(), ..an_offer() };
        assert_eq!(chat.check(&offer).await.unwrap_err().to_string(), expected, "{gig}");
        let error = chat.send(offer, None).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.is_early()), (expected, gig == new), "{gig}");
    }
    assert_eq!(store.count::<ChatMessage>(), 0);
    // A message about it is no offer of it.
    chat.send(NewMessage { gig_id: "abc".into(), ..from_iria("About this") }, None).await.unwrap();
    // It is made later, and told in any order.
    for seller in [Some(SELLER_OF_IRIA.parse().unwrap()), None] {
        chat.gig_told(none.parse().unwrap(), seller).await.unwrap();
        let offer = NewMessage { gig_id: none.to_uppercase(), ..an_offer() };
        assert_eq!(chat.send(offer, None).await.unwrap().content().gig_id, none);
    }
}

#[tokio::test]
async fn an_offer_from_before_gigs_were_checked_is_accepted_only_if_it_can_be_ordered() {
    let (_, chat) = a_chat().await;
    let foreign = "66f0c0ffee00000000009003";
    chat.gig_told(foreign.parse().unwrap(), Some("66f0c0ffee0000000000a009".parse().unwrap())).await.unwrap();
    let known = chat.send(an_offer(), None).await.unwrap();
    for (number, gig, is_accepted) in
        [(2, "", false), (3, "abc", false), (4, foreign, false), (5, "66f0c0ffee00000000009005", true)]
    {
        let id = chat.ids.object_id();
        let place = Place { sequence: number, ..known.place().clone() };
        let content = Content { gig_id: gig.into(), ..known.content().clone() };
        let (old, events) =
            ChatMessage::write(id, place, content, known.offer().cloned(), true, "marta@example.org".into()).unwrap();
        assert!(matches!(chat.messages.save(Change::insert(old, events)).await, Ok(Saved::Stored(_))));
        assert_eq!(chat.accept_offer(id, "Marta").await.is_ok(), is_accepted, "{gig}");
        if !is_accepted {
            assert!(matches!(chat.accept_offer(id, "Iria").await, Err(ChatError::NotTheBuyer)), "{gig}");
            assert!(chat.cancel_offer(id, "Marta").await.is_ok(), "{gig}");
        }
    }
}

#[tokio::test]
async fn the_offers_that_explain_a_price_are_found_whatever_became_of_them() {
    let (_, chat) = a_chat().await;
    let (gig, seller) = (GIG.parse().unwrap(), SELLER_OF_IRIA.parse().unwrap());
    let offers = async |buyer: &str, cents: i64| -> Vec<ObjectId> {
        let found = chat.offers_between(gig, seller, buyer, Money::from_cents(cents)).await.unwrap();
        found.iter().map(|stored| *stored.value.id()).collect()
    };
    let open = chat.send(an_offer(), None).await.unwrap();
    let accepted = chat.send(an_offer(), None).await.unwrap();
    chat.accept_offer(*accepted.id(), "Marta").await.unwrap();
    chat.send(NewMessage { gig_id: OTHER_GIG.into(), ..an_offer() }, None).await.unwrap();
    chat.send(from_iria("no offer"), None).await.unwrap();
    for _ in 0..150 {
        let cheaper = OfferTerms { price: Money::from_cents(1), ..an_offer().offer.unwrap() };
        chat.send(NewMessage { offer: Some(cheaper), ..an_offer() }, None).await.unwrap();
    }
    assert_eq!(offers("marta", 7500).await, [*accepted.id(), *open.id()]);
    assert_eq!(offers("Marta", 1).await.len(), 150);
    assert!(offers("Ana", 7500).await.is_empty() && offers("Marta", 7501).await.is_empty());
    assert!(offers(&"M".repeat(200), 7500).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_offer_stays_open_however_it_races_with_the_end_of_its_gig() {
    for _ in 0..20 {
        let (_, chat) = a_chat().await;
        let (sending, deleting) = (chat.clone(), chat.clone());
        let send = tokio::spawn(async move { sending.send(an_offer(), None).await });
        let delete = tokio::spawn(async move { deleting.gig_deleted(GIG.parse().unwrap()).await });
        delete.await.unwrap().unwrap();
        match send.await.unwrap() {
            Ok(message) => assert_eq!(offer_state(&chat, &message).await, OfferState::Cancelled),
            Err(error) => assert!(matches!(error, ChatError::GigDeleted), "{error}"),
        }
    }
}

#[tokio::test]
async fn everything_unread_is_marked_and_the_named_message_announced() {
    let (store, chat) = a_chat().await;
    let mut sent = Vec::new();
    for i in 0..40 {
        sent.push(chat.send(from_marta(&i.to_string()), None).await.unwrap());
    }
    let mine = chat.send(from_iria("mine"), None).await.unwrap();
    let named = *sent[7].id();
    let newest = chat.mark_all_as_read("Marta", "Iria", named).await.unwrap().unwrap();
    assert_eq!(newest.id(), sent[39].id());
    let messages = chat.messages_between("Marta", "Iria").await.unwrap();
    assert!(messages.iter().all(|message| message.is_read() == (message.id() != mine.id())));
    let announced: Vec<String> = store
        .events()
        .iter()
        .filter(|entry| entry.event["type"] == "read" && entry.event["announced"] == true)
        .map(|entry| entry.aggregate_id.clone())
        .collect();
    assert_eq!(announced, [named.to_string()]);
    assert_eq!(chat.mark_all_as_read("Marta", "Iria", named).await.unwrap(), None);
}

#[tokio::test]
async fn the_newest_messages_are_returned_oldest_first() {
    let (_, chat) = a_chat().await;
    for i in 0..MAX_MESSAGES + 3 {
        chat.send(from_marta(&i.to_string()), None).await.unwrap();
    }
    let messages = chat.messages_between("Marta", "Iria").await.unwrap();
    assert_eq!(messages.len(), MAX_MESSAGES);
    assert_eq!(messages[0].content().body, "3");
    assert_eq!(messages[MAX_MESSAGES - 1].content().body, (MAX_MESSAGES + 2).to_string());
}

#[tokio::test]
async fn the_list_of_conversations_shows_the_newest_messages_first() {
    let (_, chat) = a_chat().await;
    a_buyer(&chat, "Ana", "66f0c0ffee0000000000b003").await;
    let clock = FixedClock::at(chat.clock.now());
    clock.advance(std::time::Duration::from_secs(1));
    let later = Chat { clock: Arc::new(clock), ..chat.clone() };
    let to_iria = chat.send(from_marta("to Iria"), None).await.unwrap();
    let from_ana =
        NewMessage { sender: "Ana".into(), buyer_id: "66f0c0ffee0000000000b003".into(), ..from_marta("from Ana") };
    let from_ana = later.send(from_ana, None).await.unwrap();
    // Told in any order, several times.
    for message in [&from_ana, &to_iria, &from_ana] {
        chat.summarise(message).await.unwrap();
    }
    let bodies = async |name: &str| -> Vec<String> {
        let conversations = chat.conversations_of(name).await.unwrap();
        conversations.iter().map(|one| one.newest().unwrap().body.clone()).collect()
    };
    assert_eq!(bodies("iria").await, ["from Ana", "to Iria"]);
    assert_eq!(bodies("Marta").await, ["to Iria"]);
    assert_eq!(bodies("Nobody").await, [""; 0]);
    let read = chat.mark_as_read(*to_iria.id(), "Iria").await.unwrap();
    chat.summarise(&read).await.unwrap();
    assert!(chat.conversations_of("Marta").await.unwrap()[0].newest().unwrap().is_read);
}

#[tokio::test]
async fn an_offer_is_announced_again_only_while_it_is_the_newest_message() {
    let (store, chat) = a_chat().await;
    let first = chat.send(an_offer(), None).await.unwrap();
    chat.cancel_offer(*first.id(), "Marta").await.unwrap();
    let second = chat.send(an_offer(), None).await.unwrap();
    chat.send(from_marta("Thinking…"), None).await.unwrap();
    chat.accept_offer(*second.id(), "Marta").await.unwrap();
    let announced: Vec<bool> = store
        .events()
        .into_iter()
        .filter_map(|entry| match serde_json::from_value(entry.event).unwrap() {
            MessageEvent::OfferAccepted { announced, .. } | MessageEvent::OfferCancelled { announced, .. } => {
                Some(announced)
            }
            MessageEvent::Sent { .. } | MessageEvent::Read { .. } => None,
        })
        .collect();
    assert_eq!(announced, [true, false]);
}
