//! The use cases on a store and an index in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jobapp_gigs::{
    Content, FIRST_SORT_ID, Finder, Gig, GigError, GigId, Gigs, Indexer, SearchError, SearchQuery, Seller,
};
use jobapp_kernel::{
    Bounds, Cause, Change, ErrorKind, FixedClock, Key, KeyValue, Kinded, Money, Page, PageRequest, Repository,
    RepositoryError, Saved, SequenceIds, Stars, Stored, Timestamp, Turns,
};
use jobapp_memory::{MemorySearch, MemoryStore};

fn a_seller() -> Seller {
    Seller {
        id: "66f0c0ffee0000000000a001".parse().unwrap(),
        username: "Iria".into(),
        email: "iria@example.org".into(),
        picture: "https://img.example.org/p/2.png".into(),
    }
}

fn a_content() -> Content {
    Content {
        title: "I will draw your logo".into(),
        description: "A logo for your shop, drawn by hand.".into(),
        category: "Graphics & Design".into(),
        sub_categories: vec!["Logo Design".into()],
        tags: vec!["logo".into()],
        price: Money::from_cents(2000),
        cover_image: "https://img.example.org/c/1.png".into(),
        expected_delivery: "3 Days Delivery".into(),
        basic_title: "One logo".into(),
        basic_description: "One draft, two revisions".into(),
    }
}

fn gigs(store: &MemoryStore) -> Gigs {
    gigs_on(store, store.repository())
}

fn gigs_on(store: &MemoryStore, repository: Arc<dyn Repository<Gig>>) -> Gigs {
    let clock = Arc::new(FixedClock::at(Timestamp::EPOCH));
    Gigs::new(repository, store.sequence(), clock, Arc::new(SequenceIds::default()))
}

fn a_request(key: &str, body_hash: &str) -> Cause {
    let (caller, route) = ("Iria".to_owned(), "POST /gig/create".to_owned());
    Cause::Request { caller, route, key: key.to_owned(), body_hash: body_hash.to_owned() }
}

/// A store in which somebody else is always a little faster: the first save of every value loses.
struct Busy {
    store: Arc<dyn Repository<Gig>>,
    lost: AtomicBool,
}

#[async_trait]
impl Repository<Gig> for Busy {
    async fn find(&self, id: &GigId) -> Result<Option<Stored<Gig>>, RepositoryError> {
        self.store.find(id).await
    }

    async fn find_by(&self, key: Key<Gig>, value: KeyValue) -> Result<Option<Stored<Gig>>, RepositoryError> {
        self.store.find_by(key, value).await
    }

    async fn list(
        &self,
        key: Key<Gig>,
        value: KeyValue,
        page: PageRequest,
    ) -> Result<Page<Stored<Gig>>, RepositoryError> {
        self.store.list(key, value, page).await
    }

    async fn range(
        &self,
        key: Key<Gig>,
        bounds: Bounds,
        page: PageRequest,
    ) -> Result<Page<Stored<Gig>>, RepositoryError> {
        self.store.range(key, bounds, page).await
    }

    async fn scan(&self, after: Option<&GigId>, limit: usize) -> Result<Vec<Stored<Gig>>, RepositoryError> {
        self.store.scan(after, limit).await
    }

    async fn caused(&self, cause: &Cause) -> Result<Option<GigId>, RepositoryError> {
        self.store.caused(cause).await
    }

    async fn save(&self, change: Change<Gig>) -> Result<Saved, RepositoryError> {
        if !self.lost.swap(true, Ordering::SeqCst) {
            let id = change.value().listing().id;
            let stored = self.store.find(&id).await?.expect("it is stored");
            let (gig, events) = stored.value.rate(Stars::MAX, Timestamp::EPOCH);
            drop(self.store.save(Change::update(stored.version, gig, events)).await?);
        }
        self.store.save(change).await
    }

    fn turns(&self) -> &Turns {
        self.store.turns()
    }
}

#[tokio::test]
async fn a_change_that_was_overtaken_is_decided_again() {
    let store = MemoryStore::new();
    let gig = gigs(&store).create(a_seller(), a_content(), None).await.unwrap();
    let busy = |store: &MemoryStore| {
        gigs_on(store, Arc::new(Busy { store: store.repository(), lost: AtomicBool::new(false) }))
    };
    let paused = busy(&store).set_active(&gig.id, "Iria", false).await.unwrap();
    assert_eq!((paused.active, paused.ratings.count()), (false, 1));
    let rated = busy(&store).rate(&gig.id, Stars::MIN, Cause::message("q", "JO1")).await.unwrap();
    assert_eq!(rated.ratings.count(), 3);
    busy(&store).delete(&gig.id, "Iria", a_seller().id).await.unwrap();
    assert!(matches!(gigs(&store).find(&gig.id).await, Err(GigError::NotFound)));
}

#[tokio::test]
async fn one_request_creates_one_gig_and_another_body_is_refused() {
    let store = MemoryStore::new();
    let gigs = gigs(&store);
    assert!(gigs.created_before(&a_request("k", "h")).await.unwrap().is_none());
    let first = gigs.create(a_seller(), a_content(), Some(a_request("k", "h"))).await.unwrap();
    let again = gigs.create(a_seller(), a_content(), Some(a_request("k", "h"))).await.unwrap();
    assert_eq!((again, store.count::<Gig>()), (first.clone(), 1));
    assert_eq!(gigs.created_before(&a_request("k", "h")).await.unwrap(), Some(first));
    let other = gigs.create(a_seller(), a_content(), Some(a_request("k", "other"))).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Mismatch);
}

#[tokio::test]
async fn numbers_are_given_out_once_even_when_a_gig_breaks_a_rule() {
    let store = MemoryStore::new();
    let gigs = gigs(&store);
    let cheap = Content { price: Money::from_cents(499), ..a_content() };
    assert!(matches!(gigs.create(a_seller(), cheap, None).await, Err(GigError::PriceTooLow)));
    let gig = gigs.create(a_seller(), a_content(), None).await.unwrap();
    assert_eq!(gig.sort_id, FIRST_SORT_ID + 1);
}

#[tokio::test]
async fn the_index_ends_up_like_the_store_whatever_it_is_told() {
    let (store, index) = (MemoryStore::new(), Arc::new(MemorySearch::new()));
    let gigs = gigs(&store);
    let (indexer, finder) =
        (Indexer::new(store.repository(), index.clone()), Finder::new(store.repository(), index.clone()));
    let (kept, gone) = (
        gigs.create(a_seller(), a_content(), None).await.unwrap(),
        gigs.create(a_seller(), a_content(), None).await.unwrap(),
    );
    gigs.delete(&gone.id, "Iria", a_seller().id).await.unwrap();
    // The deletion is told before the creation, and everything twice.
    indexer.changed(&[(gone.id, 2), (kept.id, 1), (gone.id, 1), (kept.id, 1)]).await.unwrap();
    indexer.changed(&[(gone.id, 1)]).await.unwrap();
    let page = finder.search(&SearchQuery::default()).await.unwrap();
    assert_eq!((page.total, page.gigs), (1, vec![kept]));
    assert!(page.degraded.is_none());
}

#[tokio::test]
async fn an_index_that_is_behind_is_built_from_the_store_while_the_store_answers() {
    let (store, index) = (MemoryStore::new(), Arc::new(MemorySearch::behind()));
    let gigs = gigs(&store);
    for _ in 0..3 {
        gigs.create(a_seller(), a_content(), None).await.unwrap();
    }
    let (indexer, finder) =
        (Indexer::new(store.repository(), index.clone()), Finder::new(store.repository(), index.clone()));
    let before = finder.search(&SearchQuery::default()).await.unwrap();
    assert!(matches!((before.total, before.degraded), (3, Some(SearchError::Incomplete))));
    assert_eq!(indexer.heal().await.unwrap(), Some(3));
    assert_eq!(indexer.heal().await.unwrap(), None);
    let after = finder.search(&SearchQuery::default()).await.unwrap();
    assert!(matches!((after.total, after.degraded), (3, None)));
}

#[tokio::test]
async fn the_store_answers_like_the_index() {
    let (store, index) = (MemoryStore::new(), Arc::new(MemorySearch::new()));
    let gigs = gigs(&store);
    for number in 0..30_i64 {
        let content = Content {
            title: format!("Work number {number}"),
            description: if number % 2 == 0 { "even".into() } else { "odd".into() },
            category: "Business".into(),
            sub_categories: vec!["Advice".into()],
            price: Money::from_cents(500 + number * 100),
            expected_delivery: format!("{} Days Delivery", number % 3 + 1),
            ..a_content()
        };
        gigs.create(a_seller(), content, None).await.unwrap();
    }
    Indexer::new(store.repository(), index.clone()).rebuild(&|_| {}).await.unwrap();
    let finder = Finder::new(store.repository(), index.clone());
    for (from, kind, pairs) in [
        ("0", "forward", &[][..]),
        ("10", "forward", &[("query", "even")]),
        ("1000000007", "forward", &[("query", "odd"), ("minPrice", "9.5")]),
        ("1000000020", "backward", &[("delivery_time", "2")]),
        ("0", "forward", &[("query", "seventeen 17 unknown")]),
        ("0", "forward", &[("query", "business")]),
        ("0", "forward", &[("query", "nothing")]),
    ] {
        let query = SearchQuery::parse(from, "5", kind, pairs.iter().copied());
        index.set_away(false);
        let indexed = finder.search(&query).await.unwrap();
        index.set_away(true);
        let scanned = finder.search(&query).await.unwrap();
        assert!(indexed.degraded.is_none() && scanned.degraded.is_some());
        assert_eq!((indexed.total, indexed.gigs), (scanned.total, scanned.gigs), "{query:?}");
    }
}
