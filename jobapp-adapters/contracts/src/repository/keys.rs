//! Keys: unique, sparse, many, and compared bytewise.

use jobapp_kernel::{Change, ErrorKind, Key, KeyValue, Kinded, MAX_KEY_BYTES, ObjectId, PageRequest, RepositoryError};

use crate::Harness;
use crate::fixture::{Kettle, a_kettle, at, id};

/// The key that a change is refused for.
async fn taken(h: &Harness, change: Change<Kettle>) -> Option<&'static str> {
    let error = h.save(change).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Taken);
    error.taken_key()
}

async fn list(h: &Harness, key: Key<Kettle>, value: impl Into<KeyValue>) -> Vec<ObjectId> {
    let page = h.kettles.list(key, value.into(), PageRequest::first(100)).await.unwrap();
    page.items.into_iter().map(|stored| stored.value.id).collect()
}

fn called(number: u64, nickname: &str) -> Kettle {
    Kettle { nickname: Some(nickname.into()), ..a_kettle(number) }
}

fn tagged<const N: usize>(number: u64, tags: [&str; N]) -> Kettle {
    Kettle { tags: tags.map(str::to_owned).to_vec(), ..a_kettle(number) }
}

fn made_of<const N: usize>(number: u64, parts: [&str; N]) -> Kettle {
    Kettle { parts: parts.map(str::to_owned).to_vec(), ..a_kettle(number) }
}

/// An insert with a unique value in use is `Taken`, and names the key.
pub async fn a_unique_value_cannot_be_inserted_twice(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    let copy = Kettle { serial: "serial 1".into(), ..a_kettle(2) };
    assert_eq!(taken(h, Change::insert(copy, vec![])).await, Some("serial"));
    assert_eq!(h.kettles.find(&id(2)).await.unwrap(), None);
}

/// So is an update.
pub async fn a_unique_value_cannot_be_taken_by_an_update(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    let version = h.insert(&a_kettle(2)).await;
    let copy = Kettle { serial: "serial 1".into(), ..a_kettle(2) };
    assert_eq!(taken(h, Change::update(version, copy, vec![])).await, Some("serial"));
    assert_eq!(h.load(id(2)).await.version, version);
}

/// Its own values are not in an aggregate's way.
pub async fn an_update_may_keep_its_unique_value(h: &Harness) {
    let kettle = Kettle { parts: vec!["lid".into()], ..called(1, "Bubbles") };
    let version = h.insert(&kettle).await;
    let changed = Kettle { note: "dented".into(), ..kettle };
    h.stored(Change::update(version, changed.clone(), vec![])).await;
    assert_eq!(h.load(id(1)).await.value, changed);
}

/// What an update gives up, another may have.
pub async fn an_update_frees_the_old_unique_value(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    h.stored(Change::update(version, Kettle { serial: "other".into(), ..a_kettle(1) }, vec![])).await;
    assert_eq!(h.holder(Kettle::SERIAL, "serial 1").await, None);
    h.insert(&Kettle { serial: "serial 1".into(), ..a_kettle(2) }).await;
    assert_eq!(h.holder(Kettle::SERIAL, "serial 1").await, Some(id(2)));
    assert_eq!(h.holder(Kettle::SERIAL, "other").await, Some(id(1)));
}

/// So is what a deleted aggregate had.
pub async fn a_delete_frees_the_unique_value(h: &Harness) {
    let version = h.insert(&made_of(1, ["lid"])).await;
    h.stored(Change::delete(version, made_of(1, ["lid"]), vec![])).await;
    h.insert(&Kettle { serial: "serial 1".into(), ..made_of(2, ["lid"]) }).await;
    assert_eq!(h.holder(Kettle::SERIAL, "serial 1").await, Some(id(2)));
    assert_eq!(h.holder(Kettle::PART, "lid").await, Some(id(2)));
}

/// Any number of aggregates may have no value of a unique key.
pub async fn values_without_a_sparse_key_do_not_meet(h: &Harness) {
    for number in 1..=3 {
        h.insert(&a_kettle(number)).await;
    }
    assert_eq!(h.holder(Kettle::NICKNAME, "").await, None, "no value is not the empty value");
    h.insert(&called(4, "")).await;
    assert_eq!(h.holder(Kettle::NICKNAME, "").await, Some(id(4)));
}

/// Once it is there, a sparse unique value is unique; and an update may take it away.
pub async fn a_sparse_unique_value_is_taken_like_any_other(h: &Harness) {
    let version = h.insert(&called(1, "Bubbles")).await;
    assert_eq!(taken(h, Change::insert(called(2, "Bubbles"), vec![])).await, Some("nickname"));
    h.stored(Change::update(version, a_kettle(1), vec![])).await;
    assert_eq!(h.holder(Kettle::NICKNAME, "Bubbles").await, None);
    h.insert(&called(2, "Bubbles")).await;
}

/// A key of many values follows the aggregate: what is gone no longer finds it, what is new does.
pub async fn updates_add_and_remove_many_values(h: &Harness) {
    h.insert(&tagged(2, ["red"])).await;
    let version = h.insert(&tagged(1, ["red", "blue"])).await;
    assert_eq!(list(h, Kettle::TAG, "red").await, [id(1), id(2)]);
    let version = h.stored(Change::update(version, tagged(1, ["blue", "green"]), vec![])).await;
    assert_eq!(list(h, Kettle::TAG, "red").await, [id(2)]);
    assert_eq!(list(h, Kettle::TAG, "blue").await, [id(1)]);
    assert_eq!(list(h, Kettle::TAG, "green").await, [id(1)]);
    h.stored(Change::update(version, a_kettle(1), vec![])).await;
    assert_eq!(list(h, Kettle::TAG, "blue").await, []);
}

/// When only the sort value changes, every value of the key moves with it.
pub async fn updates_move_many_values_in_their_lists(h: &Harness) {
    let version = h.insert(&tagged(1, ["red", "blue"])).await;
    h.insert(&Kettle { made: at(10), ..tagged(2, ["red", "blue"]) }).await;
    assert_eq!(list(h, Kettle::TAG, "red").await, [id(1), id(2)]);
    h.stored(Change::update(version, Kettle { made: at(20), ..tagged(1, ["red", "blue"]) }, vec![])).await;
    assert_eq!(list(h, Kettle::TAG, "red").await, [id(2), id(1)]);
    assert_eq!(list(h, Kettle::TAG, "blue").await, [id(2), id(1)]);
}

/// Naming a value twice is naming it.
pub async fn a_repeated_value_counts_once(h: &Harness) {
    let version = h.insert(&made_of(1, ["lid", "lid"])).await;
    h.insert(&tagged(2, ["red", "red"])).await;
    assert_eq!(list(h, Kettle::TAG, "red").await, [id(2)]);
    assert_eq!(list(h, Kettle::PART, "lid").await, [id(1)]);
    h.stored(Change::update(version, made_of(1, ["spout", "spout", "lid", "lid"]), vec![])).await;
    assert_eq!(list(h, Kettle::PART, "lid").await, [id(1)]);
}

/// Of a unique key of many values, none may be shared.
pub async fn many_unique_values_cannot_be_shared(h: &Harness) {
    h.insert(&made_of(1, ["lid", "spout"])).await;
    assert_eq!(taken(h, Change::insert(made_of(2, ["handle", "spout"]), vec![])).await, Some("part"));
    let version = h.insert(&made_of(2, ["handle"])).await;
    assert_eq!(taken(h, Change::update(version, made_of(2, ["handle", "lid"]), vec![])).await, Some("part"));
    assert_eq!(h.holder(Kettle::PART, "lid").await, Some(id(1)));
    assert_eq!(h.holder(Kettle::PART, "handle").await, Some(id(2)));
}

/// Each of them is free again when its aggregate gives it up.
pub async fn many_unique_values_are_freed(h: &Harness) {
    let version = h.insert(&made_of(1, ["lid", "spout"])).await;
    h.stored(Change::update(version, made_of(1, ["spout"]), vec![])).await;
    h.insert(&made_of(2, ["lid"])).await;
    assert_eq!(h.holder(Kettle::PART, "lid").await, Some(id(2)));
    assert_eq!(h.holder(Kettle::PART, "spout").await, Some(id(1)));
}

/// Numbers are values as texts are.
pub async fn numbers_can_be_many(h: &Harness) {
    let version = h.insert(&Kettle { voltages: vec![110, 230], ..a_kettle(1) }).await;
    h.insert(&Kettle { voltages: vec![230], ..a_kettle(2) }).await;
    assert_eq!(list(h, Kettle::VOLTAGE, 230).await, [id(1), id(2)]);
    h.stored(Change::update(version, Kettle { voltages: vec![110, -12], ..a_kettle(1) }, vec![])).await;
    assert_eq!(list(h, Kettle::VOLTAGE, 230).await, [id(2)]);
    assert_eq!(list(h, Kettle::VOLTAGE, -12).await, [id(1)]);
    assert_eq!(list(h, Kettle::VOLTAGE, 110).await, [id(1)]);
}

/// `A` is not `a`.
pub async fn keys_are_case_sensitive(h: &Harness) {
    h.insert(&called(1, "Ada")).await;
    h.insert(&called(2, "ada")).await;
    assert_eq!(h.holder(Kettle::NICKNAME, "Ada").await, Some(id(1)));
    assert_eq!(h.holder(Kettle::NICKNAME, "ada").await, Some(id(2)));
    assert_eq!(h.holder(Kettle::NICKNAME, "ADA").await, None);
}

/// Accents, normal forms, blanks at the end and wildcards make a difference.
pub async fn keys_are_compared_bytewise(h: &Harness) {
    let names = ["caf\u{e9}", "cafe\u{301}", "cafe", "cafe ", " cafe", "CAFE", "caf%", "caf_", "caf\u{e9}\u{1F375}"];
    for (number, name) in (1..).zip(names) {
        h.insert(&called(number, name)).await;
    }
    for (number, name) in (1..).zip(names) {
        assert_eq!(h.holder(Kettle::NICKNAME, name).await, Some(id(number)), "{name:?}");
    }
}

/// Exactly the longest key there may be, in bytes and not in characters.
pub async fn the_longest_key_is_accepted(h: &Harness) {
    let ascii = "x".repeat(MAX_KEY_BYTES);
    let umlauts = format!("x{}", "\u{fc}".repeat(MAX_KEY_BYTES / 2));
    assert_eq!(umlauts.len(), MAX_KEY_BYTES);
    for (number, name) in [(1, &ascii), (2, &umlauts)] {
        h.insert(&Kettle {
            parts: vec![name.clone()],
            tags: vec![name.clone()],
            owner: name.clone(),
            ..called(number, name)
        })
        .await;
        assert_eq!(h.holder(Kettle::NICKNAME, name).await, Some(id(number)));
        assert_eq!(h.holder(Kettle::PART, name).await, Some(id(number)));
        assert_eq!(list(h, Kettle::OWNER, name.as_str()).await, [id(number)]);
    }
}

/// One byte more is refused, and the key named, whatever sort of key it is.
pub async fn a_longer_key_is_refused(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    let long = format!("{}\u{fc}", "x".repeat(MAX_KEY_BYTES - 1));
    let too_long = |key: &str| match key {
        "nickname" => called(1, &long),
        "owner" => Kettle { owner: long.clone(), ..a_kettle(1) },
        "tag" => tagged(1, ["red", &long]),
        _ => made_of(1, [&long]),
    };
    for named in ["nickname", "owner", "tag", "part"] {
        let error = h.save(Change::update(version, too_long(named), vec![])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(matches!(error, RepositoryError::KeyTooLong { aggregate: "kettle", key } if key == named), "{error:?}");
    }
    assert_eq!(h.load(id(1)).await.version, version);
}

/// A question for a value nothing can have has an answer.
pub async fn looking_for_a_longer_value_finds_nothing(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    let long = "x".repeat(10 * MAX_KEY_BYTES);
    assert_eq!(h.holder(Kettle::SERIAL, &long).await, None);
    assert_eq!(list(h, Kettle::OWNER, long).await, []);
}

/// U+0000 is refused, and the key named: not every database can store it.
pub async fn a_key_with_nul_is_refused(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    let with_nul = |key: &str| match key {
        "nickname" => called(1, "Ada\0"),
        "owner" => Kettle { owner: "\0".to_owned(), ..a_kettle(1) },
        "tag" => tagged(1, ["red", "gr\0en"]),
        _ => made_of(1, ["\0lid"]),
    };
    for named in ["nickname", "owner", "tag", "part"] {
        let error = h.save(Change::update(version, with_nul(named), vec![])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(matches!(error, RepositoryError::KeyHasNul { aggregate: "kettle", key } if key == named), "{error:?}");
    }
    assert_eq!(h.load(id(1)).await.version, version);
}

/// A question that names U+0000 has an answer.
pub async fn looking_for_nul_finds_nothing(h: &Harness) {
    h.insert(&called(1, "Ada")).await;
    for name in ["\0", "Ada\0", "\0Ada", "A\0da"] {
        assert_eq!(h.holder(Kettle::NICKNAME, name).await, None);
        assert_eq!(h.holder(Kettle::PART, name).await, None);
        assert_eq!(list(h, Kettle::OWNER, name).await, []);
    }
}
