//! Lists and ranges: in order, a page at a time, without gaps.

use jobapp_kernel::{Bounds, Change, Direction, Key, KeyValue, ObjectId, Page, PageRequest, Stored};

use crate::Harness;
use crate::fixture::{Kettle, a_kettle, at, id};

fn made(number: u64, seconds: u32) -> Kettle {
    Kettle { made: at(seconds), ..a_kettle(number) }
}

fn priced(number: u64, price: i64) -> Kettle {
    Kettle { price, ..a_kettle(number) }
}

fn ids(page: &Page<Stored<Kettle>>) -> Vec<ObjectId> {
    page.items.iter().map(|stored| stored.value.id).collect()
}

fn between(from: impl Into<KeyValue>, until: impl Into<KeyValue>) -> Bounds {
    Bounds { from: Some(from.into()), until: Some(until.into()) }
}

/// What a walk goes through.
enum Walk {
    List(Key<Kettle>, &'static str),
    Range(Key<Kettle>, Bounds),
}

impl Walk {
    async fn page(&self, h: &Harness, page: PageRequest) -> Page<Stored<Kettle>> {
        match self {
            Self::List(key, value) => h.kettles.list(*key, (*value).into(), page).await.unwrap(),
            Self::Range(key, bounds) => h.kettles.range(*key, bounds.clone(), page).await.unwrap(),
        }
    }

    /// Every id, `limit` at a time.
    async fn walk(&self, h: &Harness, limit: usize, direction: Direction) -> Vec<ObjectId> {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(h, PageRequest { limit, after, direction }).await;
            assert!(page.items.len() <= limit);
            seen.extend(ids(&page));
            // The cursor goes through its text, as it does between a client and a service.
            let Some(next) = page.next else { return seen };
            assert_eq!(page.items.len(), limit, "only the last page may be short");
            after = Some(next.to_string().parse().unwrap());
        }
    }
}

/// By the sort value, whatever order things were stored in; only what has the value.
pub async fn a_list_has_the_keys_order(h: &Harness) {
    for kettle in [made(1, 30), made(2, 10), made(3, 20), Kettle { owner: "bob".into(), ..made(4, 15) }] {
        h.insert(&kettle).await;
    }
    let page = h.kettles.list(Kettle::OWNER, "ada".into(), PageRequest::first(10)).await.unwrap();
    assert_eq!(ids(&page), [id(2), id(3), id(1)]);
    assert_eq!(page.next, None);
    assert_eq!(page.items[0].version, 1);
}

/// Equal sort values are ordered by id, bytewise.
pub async fn ties_are_broken_by_id(h: &Harness) {
    for number in [256, 3, 255, 1, 2] {
        h.insert(&made(number, 10)).await;
    }
    let walk = Walk::List(Kettle::OWNER, "ada");
    assert_eq!(walk.walk(h, 10, Direction::Ascending).await, [1, 2, 3, 255, 256].map(id));
    assert_eq!(walk.walk(h, 10, Direction::Descending).await, [256, 255, 3, 2, 1].map(id));
}

/// The other direction is the exact reverse.
pub async fn a_list_runs_backwards(h: &Harness) {
    for kettle in [made(1, 30), made(2, 10), made(3, 20)] {
        h.insert(&kettle).await;
    }
    let page = h.kettles.list(Kettle::OWNER, "ada".into(), PageRequest::newest(2)).await.unwrap();
    assert_eq!(ids(&page), [id(1), id(3)]);
    let rest = h.kettles.list(Kettle::OWNER, "ada".into(), PageRequest::newest(2).after(page.next)).await.unwrap();
    assert_eq!((ids(&rest), rest.next), (vec![id(2)], None));
}

/// A cursor means that there is more; a list that ends with its page says so.
pub async fn the_last_page_has_no_cursor(h: &Harness) {
    let page = h.kettles.list(Kettle::OWNER, "ada".into(), PageRequest::first(2)).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
    h.insert(&made(1, 1)).await;
    h.insert(&made(2, 2)).await;
    let page = h.kettles.list(Kettle::OWNER, "ada".into(), PageRequest::first(2)).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
    h.insert(&made(3, 3)).await;
    let page = h.kettles.list(Kettle::OWNER, "ada".into(), PageRequest::first(2)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.next.unwrap().id, id(2).to_string());
}

/// Thirty kettles with few different ages, so that pages end within ties.
async fn thirty(h: &Harness) -> Vec<ObjectId> {
    let mut expected = Vec::new();
    for number in 1..=30_u64 {
        let seconds = u32::try_from(number * 7 % 4).unwrap();
        h.insert(&Kettle {
            tags: vec!["red".into(), "blue".into()],
            price: i64::from(seconds),
            ..made(number, seconds)
        })
        .await;
        expected.push((seconds, id(number)));
    }
    expected.sort();
    expected.into_iter().map(|(_, id)| id).collect()
}

/// Page by page, everything comes once, in order.
pub async fn pages_have_neither_gaps_nor_repeats(h: &Harness) {
    let expected = thirty(h).await;
    for limit in [1, 4, 7, 29, 30, 31] {
        assert_eq!(Walk::List(Kettle::OWNER, "ada").walk(h, limit, Direction::Ascending).await, expected, "{limit}");
    }
}

/// The same by a key of many values.
pub async fn pages_of_a_many_key_have_neither_gaps_nor_repeats(h: &Harness) {
    let mut expected = thirty(h).await;
    assert_eq!(Walk::List(Kettle::TAG, "red").walk(h, 4, Direction::Ascending).await, expected);
    expected.reverse();
    assert_eq!(Walk::List(Kettle::TAG, "blue").walk(h, 7, Direction::Descending).await, expected);
}

/// The same from the end.
pub async fn paging_backwards_has_neither_gaps_nor_repeats(h: &Harness) {
    let mut expected = thirty(h).await;
    expected.reverse();
    for limit in [1, 4, 7, 30] {
        assert_eq!(Walk::List(Kettle::OWNER, "ada").walk(h, limit, Direction::Descending).await, expected, "{limit}");
    }
}

/// Whatever is inserted or deleted meanwhile, what was there all along comes once.
pub async fn paging_is_undisturbed_by_inserts(h: &Harness) {
    let expected = thirty(h).await;
    let mut seen = Vec::new();
    let mut after = None;
    let mut newcomers = 100;
    loop {
        let page = h.kettles.list(Kettle::OWNER, "ada".into(), PageRequest::first(7).after(after)).await.unwrap();
        seen.extend(ids(&page));
        // One before every page, one in its middle, one behind the end; and what the cursor names is gone.
        for seconds in [0, 2, 9] {
            h.insert(&made(newcomers, seconds)).await;
            newcomers += 1;
        }
        if let Some(last) = page.items.last() {
            h.stored(Change::delete(last.version, last.value.clone(), vec![])).await;
        }
        after = page.next;
        if after.is_none() || newcomers > 200 {
            break;
        }
    }
    let old: Vec<ObjectId> = seen.iter().copied().filter(|seen| *seen < id(100)).collect();
    assert_eq!(old, expected);
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "nothing comes twice");
}

/// An update moves a value from list to list and within a list.
pub async fn a_list_follows_updates(h: &Harness) {
    let version = h.insert(&made(1, 10)).await;
    h.insert(&made(2, 20)).await;
    let version = h.stored(Change::update(version, made(1, 30), vec![])).await;
    let walk = Walk::List(Kettle::OWNER, "ada");
    assert_eq!(walk.walk(h, 10, Direction::Ascending).await, [id(2), id(1)]);
    h.stored(Change::update(version, Kettle { owner: "bob".into(), ..made(1, 30) }, vec![])).await;
    assert_eq!(walk.walk(h, 10, Direction::Ascending).await, [id(2)]);
    assert_eq!(Walk::List(Kettle::OWNER, "bob").walk(h, 10, Direction::Ascending).await, [id(1)]);
}

/// From the first value, itself included, up to the last, itself excluded; in the order of values, and both ways.
pub async fn a_range_includes_its_start_and_excludes_its_end(h: &Harness) {
    for (number, price) in [(1, 30), (2, 10), (3, 20), (4, 40), (5, -10), (6, 20)] {
        h.insert(&priced(number, price)).await;
    }
    let walk = Walk::Range(Kettle::PRICE, between(10, 40));
    assert_eq!(walk.walk(h, 10, Direction::Ascending).await, [2, 3, 6, 1].map(id));
    assert_eq!(walk.walk(h, 10, Direction::Descending).await, [1, 6, 3, 2].map(id));
    assert_eq!(Walk::Range(Kettle::PRICE, between(10, 10)).walk(h, 10, Direction::Ascending).await, []);
}

/// Without a bound it goes to the end.
pub async fn a_range_may_be_open(h: &Harness) {
    for (number, price) in [(1, i64::MAX), (2, 10), (3, i64::MIN), (4, 0)] {
        h.insert(&priced(number, price)).await;
    }
    for (bounds, expected) in [
        (Bounds::default(), vec![3, 4, 2, 1]),
        (Bounds { from: Some(1.into()), until: None }, vec![2, 1]),
        (Bounds { from: None, until: Some(10.into()) }, vec![3, 4]),
    ] {
        let expected: Vec<ObjectId> = expected.into_iter().map(id).collect();
        assert_eq!(Walk::Range(Kettle::PRICE, bounds).walk(h, 2, Direction::Ascending).await, expected);
    }
}

/// Texts are in the order of their bytes, as everywhere.
pub async fn a_range_of_texts_is_bytewise(h: &Harness) {
    for (number, serial) in [(1, "b"), (2, "a"), (3, "B"), (4, "\u{e9}"), (5, "ab"), (6, "z")] {
        h.insert(&Kettle { serial: serial.into(), ..a_kettle(number) }).await;
    }
    let all = Walk::Range(Kettle::SERIAL, Bounds::default());
    assert_eq!(all.walk(h, 2, Direction::Ascending).await, [3, 2, 5, 1, 6, 4].map(id));
    assert_eq!(all.walk(h, 4, Direction::Descending).await, [4, 6, 1, 5, 2, 3].map(id));
    assert_eq!(Walk::Range(Kettle::SERIAL, between("a", "b")).walk(h, 9, Direction::Ascending).await, [2, 5].map(id));
}

/// What has no value lies within no bounds, not even open ones.
pub async fn a_range_leaves_out_what_has_no_value(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    h.insert(&Kettle { nickname: Some("Bubbles".into()), ..a_kettle(2) }).await;
    assert_eq!(Walk::Range(Kettle::NICKNAME, Bounds::default()).walk(h, 9, Direction::Ascending).await, [id(2)]);
}

/// Pages of a range end within ties and go on behind them, both ways.
pub async fn pages_of_a_range_have_neither_gaps_nor_repeats(h: &Harness) {
    let expected = thirty(h).await;
    let walk = Walk::Range(Kettle::PRICE, between(0, 100));
    for limit in [1, 4, 7, 30] {
        assert_eq!(walk.walk(h, limit, Direction::Ascending).await, expected, "{limit}");
    }
    let backwards: Vec<ObjectId> = expected.into_iter().rev().collect();
    assert_eq!(walk.walk(h, 4, Direction::Descending).await, backwards);
}
