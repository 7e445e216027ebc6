//! Whether a town is here as it has to be.

use std::collections::BTreeSet;

use jobapp_auth::Account;
use jobapp_chat::{ChatMessage, Conversation};
use jobapp_gigs::Gig;
use jobapp_import::{Counts, Kind, Ours, Summary};
use jobapp_kernel::{AccountId, Aggregate, PageRequest, Repository, Timestamp};
use jobapp_orders::{Order, OrderNotification, Payment};
use jobapp_platform::Store;
use jobapp_reviews::{Day, Review, ReviewId, Subject};
use jobapp_users::{Buyer, Seller};
use serde_json::{Map, Value};

use crate::town::{Town, email, name, oid, picture, sells, when};

/// Whether a run that was not cut off came to what it had to.
pub fn assert_summary(town: &Town, summary: &Summary) {
    for kind in Kind::ALL {
        let (rows, refused) = town.counts(kind);
        let Counts { read, taken, there, refused: told, .. } = summary.0[&kind];
        assert_eq!((read, taken, there, told), (rows, rows - refused, 0, refused), "{kind}");
    }
}

/// Everything of a kind.
pub async fn every<A: Aggregate>(store: &Store) -> Vec<A> {
    let repository = store.repository::<A>().await.unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = repository.scan(after.as_ref(), 500).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.value.id().clone());
        all.extend(page.into_iter().map(|stored| stored.value));
    }
}

/// Whether the ids that are here are those of the rows that can be taken.
async fn assert_ids<A: Aggregate>(town: &Town, kind: Kind, store: &Store) {
    let here: BTreeSet<String> = every::<A>(store).await.iter().map(|one| one.id().to_string()).collect();
    let refused = town.refused.get(&kind).cloned().unwrap_or_default();
    let rows = town.rows.get(&kind).map(Vec::as_slice).unwrap_or_default();
    let expected: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).filter(|id| !refused.contains(id)).collect();
    let missing: Vec<_> = expected.difference(&here).take(5).collect();
    let surplus: Vec<_> = here.difference(&expected).take(5).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "{kind}: missing {missing:?}, surplus {surplus:?}");
}

/// Whether everything is here, once, and nothing else; and whether samples say what they said.
pub async fn assert_town(town: &Town, ours: &Ours) {
    assert_ids::<Account>(town, Kind::Accounts, &ours.auth).await;
    assert_ids::<Buyer>(town, Kind::Buyers, &ours.users).await;
    assert_ids::<Seller>(town, Kind::Sellers, &ours.users).await;
    assert_ids::<Gig>(town, Kind::Gigs, &ours.gig).await;
    assert_ids::<Conversation>(town, Kind::Conversations, &ours.chat).await;
    assert_ids::<ChatMessage>(town, Kind::Messages, &ours.chat).await;
    assert_ids::<Order>(town, Kind::Orders, &ours.order).await;
    assert_ids::<OrderNotification>(town, Kind::Notifications, &ours.order).await;
    assert_ids::<Review>(town, Kind::Reviews, &ours.review).await;
    assert_ids::<Payment>(town, Kind::Orders, &ours.order).await;
    assert_people(ours).await;
    assert_talks(ours).await;
    assert_totals(town, ours).await;
}

async fn assert_people(ours: &Ours) {
    let accounts = ours.auth.repository::<Account>().await.unwrap();
    for person in [1, 5, 10, 20] {
        let account = accounts.find(&AccountId(person.try_into().unwrap())).await.unwrap().unwrap().value;
        assert_eq!(
            (account.username().as_str(), account.email().as_str()),
            (name(person).as_str(), email(person).as_str())
        );
        // MySQL keeps whole seconds.
        assert_eq!(account.created_at().to_string()[..19], when(person)[..19]);
        assert_eq!(
            (account.profile_picture(), account.is_email_verified()),
            (picture("account", person).as_str(), person % 3 != 0)
        );
        let buyers = ours.users.repository::<Buyer>().await.unwrap();
        let buyer = buyers.find_by(Buyer::USERNAME, name(person).into()).await.unwrap().unwrap().value;
        assert_eq!((buyer.buyer_id().to_string(), buyer.is_seller()), (oid(Kind::Buyers, person), sells(person)));
        assert_eq!(
            (buyer.picture(), buyer.created_at().to_string()),
            (picture("buyer", person).as_str(), when(person))
        );
    }
    let gigs = every::<Gig>(&ours.gig).await;
    let mut by_age: Vec<_> = gigs.iter().map(Gig::listing).collect();
    by_age.sort_by_key(|gig| gig.sort_id);
    assert!(by_age.is_sorted_by_key(|gig| gig.created_at), "gigs are in the order in which they were made");
}

/// Every conversation tells of its newest message, and its messages stand in the order in which they were written.
async fn assert_talks(ours: &Ours) {
    let messages = ours.chat.repository::<ChatMessage>().await.unwrap();
    for conversation in every::<Conversation>(&ours.chat).await {
        let newest = newest(&*messages, &conversation).await;
        let told = conversation.newest().map(|summary| summary.message);
        assert_eq!(told, newest.last().map(|message| *message.id()), "{}", conversation.conversation_id());
        assert!(newest.iter().zip(1..).all(|(message, place)| message.place().sequence == place));
        assert!(newest.is_sorted_by_key(|message| *message.id()), "ids tell when they were made");
        assert!(newest.is_sorted_by(|one, next| one.place().at < next.place().at));
    }
}

async fn newest(messages: &dyn Repository<ChatMessage>, of: &Conversation) -> Vec<ChatMessage> {
    let page = PageRequest::first(10_000);
    let page = messages.list(ChatMessage::CONVERSATION, of.conversation_id().into(), page).await.unwrap();
    page.items.into_iter().map(|stored| stored.value).collect()
}

/// The totals of reviews are those of the reviews that are here, each counted once.
async fn assert_totals(town: &Town, ours: &Ours) {
    let reviews = every::<Review>(&ours.review).await;
    let analytics = ours.review.analytics().await.unwrap();
    let (subject, no_day) = (Subject::gig(&oid(Kind::Gigs, 1)).unwrap(), Day::of(Timestamp::EPOCH));
    let gig = analytics.counts(&subject, no_day..=no_day).await.unwrap();
    let of_buyers = reviews.iter().filter(|review| review.side().name() == "buyer-review");
    let (count, sum) = of_buyers.fold((0, 0), |(count, sum), review| (count + 1, sum + review.rating().get()));
    assert_eq!((gig.all.count(), gig.all.sum()), (count, sum));
    assert!(count > 0);
    // Whoever comes next gets a higher number than anybody had.
    let last = town.rows[&Kind::Reviews].last().unwrap().id.parse().unwrap();
    assert!(ours.review.sequence().next(Review::NUMBERS, 1).await.unwrap() > last);
    let last = i64::try_from(town.rows[&Kind::Accounts].len()).unwrap();
    assert!(ours.auth.sequence().next(Account::NUMBERS, 1).await.unwrap() > last);
    assert!(reviews.iter().all(|review| *review.id() <= ReviewId(i64::MAX)));
}

/// Everything that is stored, without what two equal imports may number otherwise.
pub async fn everything(ours: &Ours) -> BTreeSet<String> {
    // Asked for once, a kind is kept.
    keep::<Account>(&ours.auth).await;
    keep::<Buyer>(&ours.users).await;
    keep::<Seller>(&ours.users).await;
    keep::<Gig>(&ours.gig).await;
    keep::<Conversation>(&ours.chat).await;
    keep::<ChatMessage>(&ours.chat).await;
    keep::<Order>(&ours.order).await;
    keep::<OrderNotification>(&ours.order).await;
    keep::<Payment>(&ours.order).await;
    keep::<Review>(&ours.review).await;
    let kept = [&ours.auth, &ours.users, &ours.gig, &ours.chat, &ours.order, &ours.review].map(Store::kept).concat();
    let lines = jobapp_platform::dump(&kept, false).await.unwrap();
    let same = |line: String| {
        let mut line: Map<String, Value> = serde_json::from_str(&line).unwrap();
        if line["aggregate"] == "import_position" {
            return None;
        }
        line.remove("version");
        let state = line.get_mut("state").and_then(Value::as_object_mut).unwrap();
        // Of sellers and of gigs: in order, with gaps.
        state.remove("number").filter(Value::is_i64);
        state.remove("sort_id");
        Some(Value::Object(line).to_string())
    };
    lines.into_iter().filter_map(same).collect()
}

async fn keep<A: Aggregate>(store: &Store) {
    drop(store.repository::<A>().await.unwrap());
}
