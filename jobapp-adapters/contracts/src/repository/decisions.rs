//! Decisions: what is there is read, decided about and stored in one step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use jobapp_kernel::{About, Cause, Change, KeyValue, RepositoryError, Saved, Stored, decided};

use crate::Harness;
use crate::fixture::{Kettle, KettleEvent, a_kettle, at, id};

/// How many decide at the same time.
const DECIDERS: u64 = 24;
/// How often each of them does.
const ROUNDS: u64 = 5;

fn boiled() -> Vec<KettleEvent> {
    vec![KettleEvent::Boiled { times: 1 }]
}

/// Raises the price of what is there, and tells it.
fn raise(stored: Option<Stored<Kettle>>) -> Result<(i64, Option<Change<Kettle>>), RepositoryError> {
    let Some(Stored { value, version }) = stored else { return Ok((0, None)) };
    let price = value.price + 1;
    Ok((price, Some(Change::update(version, Kettle { price, ..value }, boiled()))))
}

/// A decision sees what is stored, by id and by a unique value, and what it makes of it is stored with its events.
pub async fn a_decision_sees_what_is_there(h: &Harness) {
    h.insert(&Kettle { price: 7, ..a_kettle(1) }).await;
    let by_serial = About::Holder(Kettle::SERIAL, KeyValue::from("serial 1"));
    let first = decided(&*h.kettles, About::Id(id(1)), raise).await.unwrap();
    let second = decided(&*h.kettles, by_serial, raise).await.unwrap();
    assert_eq!((first, second), ((8, Some(Saved::Stored(2))), (9, Some(Saved::Stored(3)))));
    assert_eq!(h.load(id(1)).await.value.price, 9);
    assert_eq!(h.outbox.waiting().await.unwrap(), 2);
}

/// Where there is nothing, something new can be decided on, or nothing.
pub async fn a_decision_may_begin_something_or_leave_it(h: &Harness) {
    let nothing = decided(&*h.kettles, About::Id(id(1)), raise).await.unwrap();
    assert_eq!(nothing, (0, None));
    let begin = |stored: Option<Stored<Kettle>>| {
        Ok::<_, RepositoryError>(((), stored.is_none().then(|| Change::insert(a_kettle(1), boiled()))))
    };
    assert_eq!(decided(&*h.kettles, About::Id(id(1)), begin).await.unwrap(), ((), Some(Saved::Stored(1))));
    assert_eq!(decided(&*h.kettles, About::Id(id(1)), begin).await.unwrap(), ((), None));
    assert_eq!(h.outbox.waiting().await.unwrap(), 1);
}

/// What a decision fails with is told, and nothing is stored.
pub async fn a_decision_that_fails_stores_nothing(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    let fail = |_: Option<Stored<Kettle>>| Err::<((), _), _>(RepositoryError::overtaken("kettle"));
    let failed = decided(&*h.kettles, About::Id(id(1)), fail).await;
    assert!(matches!(failed, Err(RepositoryError::Unavailable { .. })), "{failed:?}");
    assert_eq!(h.load(id(1)).await.version, 1);
    assert_eq!(h.outbox.waiting().await.unwrap(), 0);
}

/// A unique value that somebody else has is refused as in a save, and a cause that was handled is a duplicate.
pub async fn a_decision_is_refused_like_a_save(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    h.insert(&a_kettle(2)).await;
    let take_serial = |stored: Option<Stored<Kettle>>| {
        let change = stored.map(|Stored { value, version }| {
            Change::update(version, Kettle { serial: "serial 2".to_owned(), ..value }, boiled())
        });
        Ok::<_, RepositoryError>(((), change))
    };
    let refused = decided(&*h.kettles, About::Id(id(1)), take_serial).await.unwrap_err();
    assert_eq!(refused.taken_key(), Some("serial"));
    let once = |stored: Option<Stored<Kettle>>| {
        raise(stored).map(|(price, change)| (price, change.map(|change| change.caused_by(Cause::message("pots", "1")))))
    };
    assert_eq!(decided(&*h.kettles, About::Id(id(1)), once).await.unwrap().1, Some(Saved::Stored(2)));
    let again = decided(&*h.kettles, About::Id(id(1)), once).await.unwrap().1;
    assert_eq!(again, Some(Saved::Duplicate { id: id(1).to_string() }));
    assert_eq!(h.outbox.waiting().await.unwrap(), 1, "one that was refused and one that was a duplicate raise nothing");
}

/// However many decide at the same time, each sees what the one before made of it.
pub async fn decisions_at_the_same_time_all_go_through(h: &Harness) {
    h.insert(&Kettle { price: 0, ..a_kettle(1) }).await;
    let tasks = (0..DECIDERS).map(|_| {
        let kettles = Arc::clone(&h.kettles);
        tokio::spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..ROUNDS {
                seen.push(decided(&*kettles, About::Id(id(1)), raise).await.unwrap().0);
            }
            seen
        })
    });
    let mut seen: Vec<i64> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    seen.sort_unstable();
    let all = i64::try_from(DECIDERS * ROUNDS).unwrap();
    assert_eq!(seen, (1..=all).collect::<Vec<_>>(), "each saw another price");
    assert_eq!(h.load(id(1)).await.version, DECIDERS * ROUNDS + 1);
    assert_eq!(h.outbox.waiting().await.unwrap(), DECIDERS * ROUNDS);
}

/// Those who put themselves behind the last one of a list at the same time get a place each, without a gap.
pub async fn everybody_gets_a_place_behind_the_last(h: &Harness) {
    let number = Arc::new(AtomicU32::new(0));
    let tasks = (0..DECIDERS).map(|_| {
        let (kettles, number) = (Arc::clone(&h.kettles), Arc::clone(&number));
        let id = id(1000 + u64::from(number.fetch_add(1, Ordering::Relaxed)));
        tokio::spawn(async move {
            let about = About::Last { of: Kettle::OWNER, value: KeyValue::from("bob"), place: Kettle::NICKNAME };
            let join = move |last: Option<Stored<Kettle>>| {
                let place = last.map_or(1, |last| last.value.price + 1);
                let kettle = Kettle {
                    id,
                    serial: format!("serial of {id}"),
                    owner: "bob".to_owned(),
                    nickname: Some(format!("bob {place}")),
                    made: at(u32::try_from(place).unwrap()),
                    price: place,
                    ..a_kettle(1)
                };
                Ok::<_, RepositoryError>((place, Some(Change::insert(kettle, boiled()))))
            };
            decided(&*kettles, about, join).await.unwrap().0
        })
    });
    let mut places: Vec<i64> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=i64::try_from(DECIDERS).unwrap()).collect::<Vec<_>>());
}

/// A value that cannot be stored has no holder, and a key that was not declared is told.
pub async fn a_decision_about_what_cannot_be_stored_finds_nothing(h: &Harness) {
    let about = About::Holder(Kettle::SERIAL, KeyValue::from("\0"));
    assert_eq!(decided(&*h.kettles, about, raise).await.unwrap(), (0, None));
}
