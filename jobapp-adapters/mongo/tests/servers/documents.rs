//! What is in the documents.

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Bounds, Change, MessageId, PageRequest};
use mongodb::Collection;
use mongodb::bson::{Document, doc};

use crate::place::{LONG, Place, documents, until};

/// Longer than what some databases take as a text.
const MUCH: usize = 300_000;

#[tokio::test(flavor = "multi_thread")]
async fn long_states_and_events_are_kept_whole() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    // A character outside the basic plane takes four bytes.
    let long = Kettle { note: "🫖".repeat(MUCH / 4), ..a_kettle(1) };
    let event = KettleEvent::Bought { owner: "o".repeat(MUCH) };
    kettles.save(Change::insert(long.clone(), vec![event.clone()])).await.unwrap().version().unwrap();
    assert_eq!(kettles.find(&id(1)).await.unwrap().unwrap().value, long);
    let entries = store.outbox().lease("relay", LONG, 1).await.unwrap();
    assert_eq!(entries[0].event, serde_json::to_value(&event).unwrap());
}

/// What collations take for the same, or sort otherwise, is told apart and in the order of its bytes; and what a server may take for
/// more than a text is one.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_compared_bytewise() {
    let place = Place::on_shared().await;
    let kettles = place.open().await.register::<Kettle>().await.unwrap();
    let mut serials = [
        "a", "A", "a ", " a", "á", "a\u{301}", "ss", "ß", "SS", "ﬁ", "fi", "🫖", "z", "Z", "_", "%", "\\", "'", "1",
        "01", "$a", "$", "a.b", "{}", "/a/",
    ];
    for (number, serial) in (1..).zip(serials) {
        let kettle = Kettle { serial: serial.into(), owner: serial.into(), ..a_kettle(number) };
        kettles.save(Change::insert(kettle, vec![])).await.unwrap().version().unwrap();
    }
    for (number, serial) in (1..).zip(serials) {
        let found = kettles.find_by(Kettle::SERIAL, serial.into()).await.unwrap().unwrap();
        assert_eq!(found.value.id, id(number), "{serial:?}");
        let listed = kettles.list(Kettle::OWNER, serial.into(), PageRequest::first(9)).await.unwrap();
        assert_eq!(listed.items.len(), 1, "{serial:?}");
    }
    serials.sort_unstable();
    let mut page = PageRequest::first(3);
    let mut ordered = Vec::new();
    loop {
        let found = kettles.range(Kettle::SERIAL, Bounds { from: None, until: None }, page.clone()).await.unwrap();
        ordered.extend(found.items.into_iter().map(|stored| stored.value.serial));
        let Some(next) = found.next else { break };
        page = page.after(Some(next));
    }
    assert_eq!(ordered, serials);
}

/// An aggregate with several values within the bounds comes once for each.
#[tokio::test(flavor = "multi_thread")]
async fn a_range_by_a_key_of_many_has_each_value() {
    let place = Place::on_shared().await;
    let kettles = place.open().await.register::<Kettle>().await.unwrap();
    for (number, voltages) in [(1, vec![110, 230, 400]), (2, vec![12]), (3, vec![230, 999]), (4, vec![])] {
        let kettle = Kettle { voltages, ..a_kettle(number) };
        kettles.save(Change::insert(kettle, vec![])).await.unwrap().version().unwrap();
    }
    let bounds = || Bounds { from: Some(100.into()), until: Some(999.into()) };
    for (first, expected) in [(PageRequest::first(3), [1, 1, 3, 1]), (PageRequest::newest(3), [1, 3, 1, 1])] {
        let mut page = first;
        let mut found = Vec::new();
        loop {
            let part = kettles.range(Kettle::VOLTAGE, bounds(), page.clone()).await.unwrap();
            found.extend(part.items.into_iter().map(|stored| stored.value.id));
            let Some(next) = part.next else { break };
            page = page.after(Some(next));
        }
        assert_eq!(found, expected.map(id));
    }
}

/// A damaged entry is handed out as unreadable and holds back its aggregate alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_is_handed_out_as_unreadable() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    for number in 1..=2 {
        let boiled = vec![KettleEvent::Boiled { times: 1 }];
        kettles.save(Change::insert(a_kettle(number), boiled)).await.unwrap().version().unwrap();
    }
    let own: Collection<Document> = place.database().await.collection("kettle");
    own.update_one(doc! {"_id": id(1).to_string()}, doc! {"$set": {"outbox": ["damaged"]}}).await.unwrap();
    let entries = store.outbox().lease("relay", LONG, 10).await.unwrap();
    let unreadable: Vec<bool> = entries.iter().map(|entry| entry.why_unreadable().is_some()).collect();
    assert_eq!(unreadable, [true, false]);
    store.outbox().hold_back("relay", &[(entries[0].id.clone(), LONG)]).await.unwrap();
    assert_eq!(store.outbox().stuck().await.unwrap(), 1);
    store.outbox().clear("relay", &[entries[1].id.clone()]).await.unwrap();
    assert_eq!(store.outbox().waiting().await.unwrap(), 1);
}

/// Many save while one clears: no event is lost from sight, and none stays behind.
#[tokio::test(flavor = "multi_thread")]
async fn clearing_does_not_disturb_saving() {
    const EVENTS: u64 = 60;
    let place = Place::on_shared().await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    let saving = async {
        for version in 1..=EVENTS {
            let boiled = vec![KettleEvent::Boiled { times: 1 }];
            kettles.save(Change::update(version, a_kettle(1), boiled)).await.unwrap().version().unwrap();
        }
    };
    let seen = parking_lot::Mutex::new(Vec::new());
    let clearing = until("every event was seen", async || {
        let entries = store.outbox().lease("relay", LONG, 7).await.unwrap();
        let ids: Vec<MessageId> = entries.iter().map(|entry| entry.id.clone()).collect();
        store.outbox().clear("relay", &ids).await.unwrap();
        let mut seen = seen.lock();
        seen.extend(entries.into_iter().map(|entry| entry.version));
        seen.len() as u64 == EVENTS
    });
    tokio::join!(saving, clearing);
    assert_eq!(*seen.lock(), (2..=EVENTS + 1).collect::<Vec<_>>(), "each once, in order");
    let own: Collection<Document> = place.database().await.collection("kettle");
    let kettle = &documents(&own).await[0];
    assert!(!kettle.contains_key("oldest") && !kettle.contains_key("leased_by"), "{kettle}");
}
