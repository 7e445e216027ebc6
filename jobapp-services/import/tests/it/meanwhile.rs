//! What people do here before an import, and while it runs, wins.

use std::sync::Arc;

use jobapp_auth::{Account, Device, EmailAddress, Registration, Username};
use jobapp_chat::{Attachment, ChatMessage, Content, Conversation, DeletedGig, Participant, Place};
use jobapp_gigs::Gig;
use jobapp_import::{Kind, Options, Silent, import};
use jobapp_kernel::{AccountId, Aggregate, Change, Ids, ObjectId, Repository, SequenceIds, Timestamp};
use jobapp_users::{Profile, Seller};

use crate::checks::{every, everything};
use crate::old::{Scripted, in_memory, small_town};
use crate::town::{name, oid};

async fn insert<A: Aggregate>(repository: &Arc<dyn Repository<A>>, value: A) {
    assert_eq!(repository.save(Change::insert(value, Vec::new())).await.unwrap().version(), Some(1));
}

fn account(id: i64, username: &str, email: &str) -> Account {
    let registration = Registration {
        id: AccountId(id),
        username: Username::new(username).unwrap(),
        email: EmailAddress::new(email).unwrap(),
        password_hash: "$argon2id$x".into(),
        profile_public_id: "p".into(),
        profile_picture: String::new(),
        country: "Spain".into(),
        devices: vec![Device::or_unknown(None, None)],
    };
    Account::register(registration, None, Timestamp::EPOCH).0
}

#[tokio::test]
async fn who_signed_up_here_first_keeps_his_number_and_the_other_gets_a_new_one() {
    let (town, ours) = (small_town(), in_memory());
    let accounts = ours.auth.repository::<Account>().await.unwrap();
    for expected in 1..=3 {
        let number = ours.auth.sequence().next(Account::NUMBERS, 1).await.unwrap();
        assert_eq!(number, expected);
        insert(&accounts, account(number, &format!("Early{number}"), &format!("early{number}@example.com"))).await;
    }
    let summary = import(Options::new("test"), &Scripted::of(&town), &ours, &Silent).await.unwrap();
    let (rows, refused) = town.counts(Kind::Accounts);
    assert_eq!((summary.0[&Kind::Accounts].taken, summary.0[&Kind::Accounts].noted), (rows - refused, 3));
    let early = accounts.find(&AccountId(2)).await.unwrap().unwrap().value;
    assert_eq!(early.username().as_str(), "Early2");
    let moved = accounts.find_by(Account::USERNAME, name(2).into()).await.unwrap().unwrap().value;
    assert!(moved.id().0 > i64::try_from(rows).unwrap());
    // And again: he is known by his name.
    let again =
        import(Options { again: true, ..Options::new("test") }, &Scripted::of(&town), &ours, &Silent).await.unwrap();
    assert_eq!((again.0[&Kind::Accounts].taken, again.0[&Kind::Accounts].there), (0, rows - refused));
}

#[tokio::test]
async fn a_name_that_somebody_has_here_stays_his() {
    let (town, ours) = (small_town(), in_memory());
    let accounts = ours.auth.repository::<Account>().await.unwrap();
    insert(&accounts, account(100_000, &name(2), "first@example.com")).await;
    let summary = import(Options::new("test"), &Scripted::of(&town), &ours, &Silent).await.unwrap();
    assert_eq!(summary.0[&Kind::Accounts].refused, town.counts(Kind::Accounts).1 + 1);
    let stored = accounts.find_by(Account::USERNAME, name(2).into()).await.unwrap().unwrap().value;
    assert_eq!(stored.email().as_str(), "first@example.com");
}

#[tokio::test]
async fn what_people_changed_since_stays_as_they_changed_it() {
    let (town, ours) = (small_town(), in_memory());
    let old = Scripted::of(&town);
    import(Options::new("test"), &old, &ours, &Silent).await.unwrap();
    let sellers = ours.users.repository::<Seller>().await.unwrap();
    let stored = sellers.find(&oid(Kind::Sellers, 5).parse().unwrap()).await.unwrap().unwrap();
    let (rewritten, events) = stored.value.rewritten(Profile { country: "Spain".into(), ..Profile::default() });
    assert_eq!(sellers.save(Change::update(stored.version, rewritten, events)).await.unwrap().version(), Some(2));
    let gigs = ours.gig.repository::<Gig>().await.unwrap();
    let gig = every::<Gig>(&ours.gig).await.remove(0);
    let id = gig.listing().id;
    let events = gig.delete(&gig.listing().seller.username, gig.listing().seller.id, Timestamp::EPOCH).unwrap();
    assert_eq!(gigs.save(Change::delete(1, gig, events)).await.unwrap().version(), Some(2));
    // The chat service has heard of it.
    insert(&ours.chat.repository::<DeletedGig>().await.unwrap(), DeletedGig::new(jobapp_chat::GigId(id.0))).await;
    let before = everything(&ours).await;
    let again = import(Options { again: true, ..Options::new("test") }, &old, &ours, &Silent).await.unwrap();
    assert_eq!(again.total().taken, 0);
    assert_eq!(again.0[&Kind::Gigs].refused, town.counts(Kind::Gigs).1 + 1, "what was deleted here stays deleted");
    assert_eq!(everything(&ours).await, before);
}

#[tokio::test]
async fn a_message_that_is_written_here_meanwhile_keeps_its_place() {
    let (town, ours) = (small_town(), in_memory());
    let mut old = Scripted::of(&town);
    let rest = old.rows.get_mut(&Kind::Messages).unwrap().split_off(600);
    import(Options::new("test"), &old, &ours, &Silent).await.unwrap();
    let conversations = every::<Conversation>(&ours.chat).await;
    let conversation = conversations.iter().find(|one| one.newest().is_some()).unwrap();
    let newest = conversation.newest().unwrap();
    let place = Place {
        conversation: conversation.conversation_id().clone(),
        sequence: newest.sequence,
        at: newest.created_at,
    };
    let participant = |name: &str| Participant { username: name.into(), picture: String::new() };
    let content = Content {
        sender: participant(conversation.starter()),
        receiver: participant(conversation.partner()),
        seller_id: String::new(),
        buyer_id: String::new(),
        body: "Written here".into(),
        attachment: Attachment::default(),
        gig_id: String::new(),
    };
    let id: ObjectId = SequenceIds::default().object_id();
    let written = ChatMessage::write(id, place.next(Timestamp::EPOCH), content, None, false, String::new()).unwrap().0;
    let messages = ours.chat.repository::<ChatMessage>().await.unwrap();
    insert(&messages, written.clone()).await;
    old.rows.get_mut(&Kind::Messages).unwrap().extend(rest);
    let summary = import(Options::new("test"), &old, &ours, &Silent).await.unwrap();
    assert_eq!(summary.0[&Kind::Messages].read, 600);
    assert_eq!(messages.find(&id).await.unwrap().unwrap().value, written);
    let all = every::<ChatMessage>(&ours.chat).await;
    assert_eq!(all.len() as u64, town.counts(Kind::Messages).0 - town.counts(Kind::Messages).1 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_write_while_messages_are_imported_are_in_nobodys_way() {
    let (town, ours) = (small_town(), in_memory());
    let old = Scripted::of(&town);
    let kinds = [Kind::Accounts, Kind::Buyers, Kind::Sellers, Kind::Conversations];
    import(Options { kinds: kinds.into_iter().collect(), ..Options::new("test") }, &old, &ours, &Silent).await.unwrap();
    let conversations = every::<Conversation>(&ours.chat).await;
    let messages = ours.chat.repository::<ChatMessage>().await.unwrap();
    // Each takes the places that the import is about to take.
    let (writing, stop) = (Arc::clone(&messages), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let written = tokio::spawn(async move {
        let (ids, mut written) = (SequenceIds::default(), 0_u64);
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let conversation = &conversations[usize::try_from(written).unwrap() % conversations.len()];
            let page = jobapp_kernel::PageRequest::newest(1);
            let last =
                writing.list(ChatMessage::CONVERSATION, conversation.conversation_id().into(), page).await.unwrap();
            let public = conversation.conversation_id().clone();
            let place = last.items.first().map_or_else(
                || Place::first(public, Timestamp::EPOCH),
                |last| last.value.place().next(Timestamp::EPOCH),
            );
            let participant = |name: &str| Participant { username: name.into(), picture: String::new() };
            let content = Content {
                sender: participant(conversation.starter()),
                receiver: participant(conversation.partner()),
                seller_id: String::new(),
                buyer_id: String::new(),
                body: "Written here".into(),
                attachment: Attachment::default(),
                gig_id: String::new(),
            };
            let message = ChatMessage::write(ids.object_id(), place, content, None, false, String::new()).unwrap().0;
            // Whoever comes too late looks again.
            if writing.save(Change::insert(message, Vec::new())).await.is_ok() {
                written += 1;
            }
            tokio::task::yield_now().await;
        }
        written
    });
    let kinds = Kind::ALL.into_iter().filter(|kind| !kinds.contains(kind)).collect();
    import(Options { kinds, ..Options::new("test") }, &old, &ours, &Silent).await.unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let written = written.await.unwrap();
    let (rows, refused) = town.counts(Kind::Messages);
    assert_eq!(every::<ChatMessage>(&ours.chat).await.len() as u64, rows - refused + written);
}
