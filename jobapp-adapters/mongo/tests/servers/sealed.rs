//! A store whose outbox is sealed.

use jobapp_contracts::Harness;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle};
use jobapp_kernel::{Change, Outbox};
use jobapp_mongo::{MongoConfig, MongoStore, Seal};
use mongodb::Collection;
use mongodb::bson::{Document, doc};

use crate::place::{LONG, Place, config, documents, harness};

const SECRET: &str = "reset_password?token=5eed5eed";

fn seal() -> Seal {
    Seal::new([7; Seal::KEY_BYTES])
}

fn sealed(place: &Place) -> MongoConfig {
    config(&place.url()).sealed(seal())
}

mod every_promise {
    use super::*;

    async fn fresh() -> Harness {
        let place = Place::on_shared().await;
        let config = sealed(&place);
        harness(place, config, "kettle").await
    }

    jobapp_contracts::repository!(fresh());
}

async fn say(store: &MongoStore, number: u64) {
    let kettles = store.register::<Kettle>().await.unwrap();
    let event = KettleEvent::Bought { owner: format!("{SECRET}{number}") };
    kettles.save(Change::insert(a_kettle(number), vec![event])).await.unwrap().version().unwrap();
}

async fn leased(outbox: &dyn Outbox) -> Vec<String> {
    let entries = outbox.lease("a relay", LONG, 500).await.unwrap();
    entries.iter().map(|entry| entry.event.to_string()).collect()
}

/// How many documents hold the secret.
async fn telling(place: &Place) -> usize {
    let kettles: Collection<Document> = place.database().await.collection("kettle");
    documents(&kettles).await.iter().filter(|document| document.to_string().contains(SECRET)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_document_of_a_sealed_store_tells_what_is_in_its_events() {
    let place = Place::on_shared().await;
    let store = MongoStore::open(sealed(&place)).await.unwrap();
    say(&store, 1).await;
    assert_eq!(telling(&place).await, 0);
    assert!(leased(&*store.outbox()).await[0].contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_clear_is_sealed_once_there_is_a_key() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    for number in 1..=120 {
        say(&store, number).await;
    }
    assert_eq!(telling(&place).await, 120, "or the search is blind");
    store.close().await.unwrap();
    let (one, other) = tokio::join!(MongoStore::open(sealed(&place)), MongoStore::open(sealed(&place)));
    assert_eq!(telling(&place).await, 0);
    let events = leased(&*one.unwrap().outbox()).await;
    assert!(events.len() == 120 && events.iter().all(|event| event.contains(SECRET)), "{events:?}");
    other.unwrap().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_store_is_not_opened_without_its_key_and_says_so() {
    let place = Place::on_shared().await;
    for _ in 0..2 {
        MongoStore::open(sealed(&place)).await.unwrap().close().await.unwrap();
    }
    let error = MongoStore::open(config(&place.url())).await.unwrap_err();
    assert!(format!("{error:?}").contains("no key was given"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_key_an_entry_is_unreadable_and_the_values_are_not() {
    let place = Place::on_shared().await;
    say(&MongoStore::open(sealed(&place)).await.unwrap(), 1).await;
    let other = config(&place.url()).sealed(Seal::new([8; Seal::KEY_BYTES]));
    let store = MongoStore::open(other).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    assert_eq!(kettles.find(&a_kettle(1).id).await.unwrap().unwrap().value, a_kettle(1));
    let entries = store.outbox().lease("a relay", LONG, 100).await.unwrap();
    assert!(entries[0].why_unreadable().is_some_and(|why| why.contains("another key")), "{entries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_event_cannot_be_moved_to_another_entry() {
    let place = Place::on_shared().await;
    let store = MongoStore::open(sealed(&place)).await.unwrap();
    say(&store, 1).await;
    say(&store, 2).await;
    let kettles: Collection<Document> = place.database().await.collection("kettle");
    let outbox = documents(&kettles).await[0].get_array("outbox").unwrap().clone();
    let second = doc! {"_id": a_kettle(2).id.to_string()};
    kettles.update_one(second, doc! {"$set": {"outbox": outbox}}).await.unwrap();
    let entries = store.outbox().lease("a relay", LONG, 100).await.unwrap();
    let readable: Vec<bool> = entries.iter().map(|entry| entry.why_unreadable().is_none()).collect();
    assert_eq!(readable.iter().filter(|is| **is).count(), 1, "{entries:?}");
}
