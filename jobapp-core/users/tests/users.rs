//! The use cases on a store in memory, where two callers race and lots are drawn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jobapp_kernel::{
    Aggregate, Bounds, Cause, Change, FixedClock, Key, KeyValue, Page, PageRequest, Repository, RepositoryError, Saved,
    SequenceIds, Stored, Timestamp, Turns,
};
use jobapp_memory::MemoryStore;
use jobapp_users::{Buyer, Dice, NewBuyer, Ports, Profile, Seller, Tally, Users, UsersError};
use tokio::sync::Barrier;

/// A small generator of numbers that look random and are the same in every run.
struct Repeatable(AtomicU64);

impl Dice for Repeatable {
    fn below(&self, sides: u64) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides.max(1)
    }
}

/// A repository where every save waits for another one, so that both callers have looked before either writes.
struct Racing<A: Aggregate> {
    inner: Arc<dyn Repository<A>>,
    both: Barrier,
}

#[async_trait]
impl<A: Aggregate> Repository<A> for Racing<A> {
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        self.inner.find(id).await
    }
    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        self.inner.find_by(key, value).await
    }
    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        self.inner.list(key, value, page).await
    }
    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        self.inner.range(key, bounds, page).await
    }
    async fn scan(&self, after: Option<&A::Id>, limit: usize) -> Result<Vec<Stored<A>>, RepositoryError> {
        self.inner.scan(after, limit).await
    }
    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError> {
        self.inner.caused(cause).await
    }
    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError> {
        self.both.wait().await;
        self.inner.save(change).await
    }
    fn turns(&self) -> &Turns {
        self.inner.turns()
    }
}

fn racing<A: Aggregate>(store: &MemoryStore) -> Arc<dyn Repository<A>> {
    Arc::new(Racing { inner: store.repository(), both: Barrier::new(2) })
}

fn ports(store: &MemoryStore) -> Ports {
    Ports {
        buyers: store.repository(),
        sellers: store.repository(),
        numbers: store.sequence(),
        clock: Arc::new(FixedClock::at(Timestamp::EPOCH)),
        ids: Arc::new(SequenceIds::default()),
        dice: Arc::new(Repeatable(AtomicU64::new(7))),
    }
}

fn marta() -> NewBuyer {
    NewBuyer {
        username: "Marta".into(),
        email: "marta@example.org".into(),
        picture: "p.png".into(),
        country: "Portugal".into(),
        created_at: Timestamp::EPOCH,
    }
}

#[tokio::test]
async fn of_two_racing_requests_one_makes_the_seller() {
    let store = MemoryStore::new();
    let users = Users::new(Ports { sellers: racing(&store), ..ports(&store) });
    let create = || users.create_seller("Marta", "marta@example.org", Profile::default(), None);
    let (one, other) = tokio::join!(create(), create());
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
    assert!([one, other].iter().any(|made| matches!(made, Err(UsersError::AlreadySeller))));
    assert_eq!(store.count::<Seller>(), 1);
    assert_eq!(store.events().len(), 1);
}

#[tokio::test]
async fn a_request_racing_its_repetition_makes_one_seller_and_both_get_it() {
    let store = MemoryStore::new();
    let users = Users::new(Ports { sellers: racing(&store), ..ports(&store) });
    let cause = Cause::Request {
        caller: "Marta".into(),
        route: "POST /seller/create".into(),
        key: "k".into(),
        body_hash: "h".into(),
    };
    let create = || users.create_seller("Marta", "marta@example.org", Profile::default(), Some(cause.clone()));
    let (one, other) = tokio::join!(create(), create());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(store.count::<Seller>(), 1);
}

#[tokio::test]
async fn an_account_told_of_twice_at_once_becomes_one_buyer() {
    let store = MemoryStore::new();
    let users = Users::new(Ports { buyers: racing(&store), ..ports(&store) });
    let (one, other) = tokio::join!(users.create_buyer(marta()), users.create_buyer(marta()));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(store.count::<Buyer>(), 1);
}

#[tokio::test]
async fn messages_of_different_orders_count_and_repeated_ones_do_not() {
    let store = MemoryStore::new();
    let users = Users::new(ports(&store));
    let seller = *users.create_seller("Marta", "m@example.org", Profile::default(), None).await.unwrap().seller_id();
    for number in [1, 2, 1] {
        let cause = Cause::message("user-seller-queue", format!("create-order JO{number}"));
        users.tally(seller, Tally::OrderPlaced, Some(cause)).await.unwrap();
    }
    assert_eq!(users.seller(seller).await.unwrap().unwrap().work().ongoing(), 2);
}

#[tokio::test]
async fn orders_of_one_seller_that_race_in_two_processes_are_both_counted() {
    let store = MemoryStore::new();
    let calm = Users::new(ports(&store));
    let seller = *calm.create_seller("Marta", "m@example.org", Profile::default(), None).await.unwrap().seller_id();
    let [here, there] = FirstSavesRace::in_two_processes(&store)
        .map(|sellers| Users::new(Ports { sellers: Arc::new(sellers), ..ports(&store) }));
    let tally = |users: Users, number: u8| async move {
        let cause = Cause::message("user-seller-queue", format!("create-order JO{number}"));
        users.tally(seller, Tally::OrderPlaced, Some(cause)).await
    };
    let (one, other) = tokio::join!(tally(here, 1), tally(there, 2));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(calm.seller(seller).await.unwrap().unwrap().work().ongoing(), 2);
}

/// As [`Racing`] for the first two saves: the loser's second attempt goes through alone.
struct FirstSavesRace {
    racing: Arc<dyn Repository<Seller>>,
    inner: Arc<dyn Repository<Seller>>,
    saves: Arc<AtomicU64>,
    turns: Turns,
}

impl FirstSavesRace {
    fn in_two_processes(store: &MemoryStore) -> [Self; 2] {
        let (racing, saves) = (racing(store), Arc::new(AtomicU64::new(0)));
        [(); 2].map(|()| Self {
            racing: Arc::clone(&racing),
            inner: store.repository(),
            saves: Arc::clone(&saves),
            turns: Turns::default(),
        })
    }
}

#[async_trait]
impl Repository<Seller> for FirstSavesRace {
    async fn find(&self, id: &<Seller as Aggregate>::Id) -> Result<Option<Stored<Seller>>, RepositoryError> {
        self.inner.find(id).await
    }
    async fn find_by(&self, key: Key<Seller>, value: KeyValue) -> Result<Option<Stored<Seller>>, RepositoryError> {
        self.inner.find_by(key, value).await
    }
    async fn list(
        &self,
        key: Key<Seller>,
        value: KeyValue,
        page: PageRequest,
    ) -> Result<Page<Stored<Seller>>, RepositoryError> {
        self.inner.list(key, value, page).await
    }
    async fn range(
        &self,
        key: Key<Seller>,
        bounds: Bounds,
        page: PageRequest,
    ) -> Result<Page<Stored<Seller>>, RepositoryError> {
        self.inner.range(key, bounds, page).await
    }
    async fn scan(
        &self,
        after: Option<&<Seller as Aggregate>::Id>,
        limit: usize,
    ) -> Result<Vec<Stored<Seller>>, RepositoryError> {
        self.inner.scan(after, limit).await
    }
    async fn caused(&self, cause: &Cause) -> Result<Option<<Seller as Aggregate>::Id>, RepositoryError> {
        self.inner.caused(cause).await
    }
    async fn save(&self, change: Change<Seller>) -> Result<Saved, RepositoryError> {
        let repository = if self.saves.fetch_add(1, Ordering::SeqCst) < 2 { &self.racing } else { &self.inner };
        repository.save(change).await
    }
    fn turns(&self) -> &Turns {
        &self.turns
    }
}

async fn drawn(sellers: u32, gap: u32, size: u32) -> BTreeMap<String, u32> {
    let store = MemoryStore::new();
    let users = Users::new(ports(&store));
    for number in 0..sellers {
        // Half of the sellers stand behind a gap of numbers nobody got.
        for _ in 0..if number % 2 == 0 { gap } else { 0 } {
            store.sequence().next(Seller::NAME, 1).await.unwrap();
        }
        let name = format!("Seller {number}");
        users.create_seller(&name, &format!("{number}@example.org"), Profile::default(), None).await.unwrap();
    }
    let mut counts = BTreeMap::new();
    for _ in 0..2000 {
        let drawn = users.random_sellers(usize::try_from(size).unwrap()).await.unwrap();
        for seller in drawn {
            *counts.entry(seller.username().to_owned()).or_default() += 1;
        }
    }
    counts
}

#[tokio::test]
async fn everybody_is_drawn_as_often_as_anybody() {
    // Few sellers are all read; many are drawn by number; a gap beside a number does not help.
    for (sellers, gap, size) in [(6, 0, 3), (40, 0, 4), (20, 3, 2)] {
        let counts = drawn(sellers, gap, size).await;
        assert_eq!(counts.len(), usize::try_from(sellers).unwrap());
        let expected = 2000.0 * f64::from(size) / f64::from(sellers);
        for (name, count) in counts {
            let off = (f64::from(count) - expected).abs() / expected.sqrt();
            assert!(off < 5.0, "{name} of {sellers}: {count} instead of {expected}");
        }
    }
}

#[tokio::test]
async fn where_nobody_sells_nobody_is_drawn() {
    assert!(Users::new(ports(&MemoryStore::new())).random_sellers(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn people_are_found_however_their_names_are_typed_and_the_nearest_first() {
    let users = Users::new(ports(&MemoryStore::new()));
    for (name, email) in [("\u{c9}abcde", "one@example.org"), ("E\u{301}abcde", "other@example.org")] {
        users.create_buyer(NewBuyer { username: name.into(), email: email.into(), ..marta() }).await.unwrap();
    }
    for (typed, email) in [
        ("\u{c9}abcde", "one@example.org"),
        ("\u{e9}ABCDE", "one@example.org"),
        ("E\u{301}abcde", "other@example.org"),
        ("e\u{301}abcde", "other@example.org"),
    ] {
        assert_eq!(users.buyer_named(typed).await.unwrap().unwrap().email(), email, "{typed}");
    }
    assert!(users.buyer_named("\u{e9}ａｂｃｄｅ").await.unwrap().is_some());
    assert!(users.buyer_named("eabcde").await.unwrap().is_none());
}
