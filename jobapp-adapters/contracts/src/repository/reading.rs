//! What was stored is found again.

use jobapp_kernel::{Change, ErrorKind, Kinded, RepositoryError};

use crate::Harness;
use crate::fixture::{Kettle, a_kettle, at, id};

/// `find` returns the value and the version it has.
pub async fn an_id_finds_its_value(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    h.insert(&a_kettle(2)).await;
    let stored = h.load(id(2)).await;
    assert_eq!((stored.value, stored.version), (a_kettle(2), 1));
}

/// What is not there is `None`, not an error.
pub async fn absence_is_none(h: &Harness) {
    assert_eq!(h.kettles.find(&id(1)).await.unwrap(), None);
    h.insert(&a_kettle(2)).await;
    assert_eq!(h.kettles.find(&id(1)).await.unwrap(), None);
    assert_eq!(h.kettles.find_by(Kettle::SERIAL, "none".into()).await.unwrap(), None);
}

/// `find_many` returns what is there, each once, in the order of the ids.
pub async fn several_ids_find_their_values_in_their_order(h: &Harness) {
    assert_eq!(h.kettles.find_many(&[]).await.unwrap(), []);
    for number in [1, 2, 3] {
        h.insert(&a_kettle(number)).await;
    }
    h.stored(Change::update(1, a_kettle(2), vec![])).await;
    let found = h.kettles.find_many(&[3, 9, 2, 3, 1].map(id)).await.unwrap();
    let seen: Vec<_> = found.iter().map(|stored| (stored.value.clone(), stored.version)).collect();
    assert_eq!(seen, [(a_kettle(3), 1), (a_kettle(2), 2), (a_kettle(1), 1)]);
    assert_eq!(h.kettles.find_many(&[id(8), id(9)]).await.unwrap(), []);
}

/// However many ids there are.
pub async fn very_many_ids_find_their_values(h: &Harness) {
    for number in [1, 700, 1300] {
        h.insert(&a_kettle(number)).await;
    }
    let ids: Vec<_> = (1..=1400).rev().map(id).collect();
    let found = h.kettles.find_many(&ids).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|stored| stored.value.id).collect();
    assert_eq!(found, [1300, 700, 1].map(id));
}

/// `find_by` returns the one value that has the unique value.
pub async fn a_unique_value_finds_its_value(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    h.insert(&Kettle { nickname: Some("Bubbles".into()), ..a_kettle(2) }).await;
    assert_eq!(h.holder(Kettle::SERIAL, "serial 1").await, Some(id(1)));
    assert_eq!(h.holder(Kettle::NICKNAME, "Bubbles").await, Some(id(2)));
    assert_eq!(h.holder(Kettle::NICKNAME, "serial 1").await, None);
}

/// A value comes back as it was given, whatever characters and numbers it has.
pub async fn every_field_survives(h: &Harness) {
    let kettle = Kettle {
        nickname: Some("a \"quoted\" 'name' \\ with % _ ? and \u{1F375}".into()),
        owner: String::new(),
        made: at(u32::MAX),
        price: i64::MIN,
        tags: vec!["red".into(), "blue".into()],
        voltages: vec![-1, 0, i64::MAX],
        parts: vec!["lid".into()],
        note: "line\nline\ttab\u{0}nul {\"v\":\"1\"}".repeat(2000),
        ..a_kettle(1)
    };
    h.insert(&kettle).await;
    assert_eq!(h.load(kettle.id).await.value, kettle);
    assert_eq!(h.holder(Kettle::NICKNAME, kettle.nickname.as_deref().unwrap()).await, Some(kettle.id));
}

/// `scan` goes through everything, a batch at a time, by id.
pub async fn scanning_returns_everything_in_the_order_of_ids(h: &Harness) {
    for number in [5, 1, 4, 2, 3] {
        h.insert(&a_kettle(number)).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let batch = h.kettles.scan(after.as_ref(), 2).await.unwrap();
        assert!(batch.len() <= 2);
        let Some(last) = batch.last() else { break };
        after = Some(last.value.id);
        seen.extend(batch.into_iter().map(|stored| stored.value.id));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5].map(id));
}

/// A text that is no state at all is reported, with the id to look for, and not taken for absence.
pub async fn a_corrupt_state_is_reported_with_its_id(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    h.insert(&a_kettle(2)).await;
    (h.corrupt)(id(1), "{\"v\":\"1\",\"serial\":7}").await;
    let error = h.kettles.find(&id(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(
        matches!(&error, RepositoryError::Corrupt { aggregate: "kettle", id: named, .. } if *named == id(1).to_string())
    );
    assert!(h.kettles.scan(None, 10).await.is_err());
    assert!(h.kettles.find_many(&[id(2), id(1)]).await.is_err());
    assert_eq!(h.load(id(2)).await.value, a_kettle(2), "others can still be read");
}

/// So is a state that breaks a rule of the aggregate.
pub async fn an_invalid_state_is_reported_with_its_id(h: &Harness) {
    let state = r#"{"v":"1","id":"000000000000000000000001","serial":"","nickname":null,"owner":"ada","made":"1970-01-01T00:00:00.000Z","price":1,"tags":[],"voltages":[],"parts":[],"note":""}"#;
    let version = h.insert(&a_kettle(1)).await;
    (h.corrupt)(id(1), state).await;
    let error = h.kettles.find_by(Kettle::SERIAL, "serial 1".into()).await.unwrap_err();
    assert!(matches!(&error, RepositoryError::Corrupt { id: named, .. } if *named == id(1).to_string()), "{error:?}");
    h.stored(Change::update(version, a_kettle(1), vec![])).await;
    assert_eq!(h.load(id(1)).await.value, a_kettle(1), "a later save mends it");
}
