//! What every gig index promises.
//!
//! ```ignore
//! jobapp_contracts::search!(super::a_fresh_index()); // a future of `jobapp_contracts::search::Search`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::future::join_all;
use jobapp_gigs::{
    EveryGig, GigId, GigSearch, IndexChange, MOST_HITS, SearchDocument, SearchIndex, SearchQuery, words,
};
use jobapp_kernel::{Money, ObjectId, RepositoryError, Version};

/// An empty index that knows all there is.
#[derive(Clone)]
pub struct Search {
    /// Its asking side.
    pub search: Arc<dyn GigSearch>,
    /// Its changing side.
    pub index: Arc<dyn SearchIndex>,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
    }
}

impl Search {
    /// An index that is everything in one.
    pub fn of<S: GigSearch + SearchIndex + 'static>(index: Arc<S>) -> Self {
        Self { search: Arc::<S>::clone(&index), index, keep: Arc::new(()) }
    }

    /// The same index, with something that must live as long.
    #[must_use]
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        Self { keep: Arc::new(keep), ..self }
    }

    /// Puts these gigs in, at version 1.
    pub async fn with(&self, gigs: &[SearchDocument]) {
        self.index.apply(gigs.iter().map(|gig| saved(gig, 1)).collect()).await.unwrap();
    }

    /// The numbers of the gigs a query finds, and how many there are on all pages.
    pub async fn find(&self, query: &SearchQuery) -> (Vec<u64>, usize) {
        let hits = self.search.search(query).await.unwrap();
        (hits.gigs.iter().map(number).collect(), hits.total)
    }

    /// The numbers of the gigs a text finds.
    pub async fn find_text(&self, text: &str) -> Vec<u64> {
        self.find(&asking(&[("query", text)])).await.0
    }

    /// The numbers of a page.
    pub async fn page(&self, from: i64, size: usize, kind: &str) -> Vec<u64> {
        self.find(&SearchQuery::parse(&from.to_string(), &size.to_string(), kind, [])).await.0
    }
}

/// An active gig with this number and these words; a case changes what it is about.
pub fn gig(number: u64, text: &str) -> SearchDocument {
    let mut bytes = [0; 12];
    // Ids do not grow with sort ids here, so an index that sorts by id is found out.
    bytes[0] = u8::try_from(number.wrapping_mul(151) % 251).unwrap();
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    SearchDocument {
        id: GigId(ObjectId::from_bytes(bytes)),
        sort_id: sort_id(number),
        active: true,
        price: Money::from_cents(2000),
        days: Some(3),
        words: words(text),
        category: words("Graphics & Design"),
        top_rated: false,
        ratings: 0,
    }
}

fn sort_id(number: u64) -> i64 {
    1_000_000_000 + i64::try_from(number).unwrap()
}

fn number(id: &GigId) -> u64 {
    u64::from_be_bytes(id.0.as_bytes()[4..].try_into().unwrap())
}

/// The news that a gig is this now.
pub fn saved(gig: &SearchDocument, version: Version) -> IndexChange {
    IndexChange { id: gig.id, version, document: Some(Box::new(gig.clone())) }
}

/// The news that a gig is gone.
pub fn deleted(gig: &SearchDocument, version: Version) -> IndexChange {
    IndexChange { id: gig.id, version, document: None }
}

fn asking(pairs: &[(&str, &str)]) -> SearchQuery {
    SearchQuery::parse("0", "10", "forward", pairs.iter().copied())
}

/// Gives these changes, then fails if told to.
pub struct Source {
    changes: Vec<Vec<IndexChange>>,
    fails: bool,
}

impl Source {
    /// Gives these changes, some at a time.
    pub fn of(changes: Vec<IndexChange>) -> Self {
        Self { changes: changes.chunks(2).map(<[_]>::to_vec).rev().collect(), fails: false }
    }
}

#[async_trait]
impl EveryGig for Source {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        match self.changes.pop() {
            None if self.fails => Err(RepositoryError::unavailable("scan gigs", "the store was told to fail")),
            some => Ok(some.unwrap_or_default()),
        }
    }
}

/// An index that knows of no gig finds none.
pub async fn nothing_is_found_in_an_empty_index(index: &Search) {
    assert_eq!(index.find(&asking(&[])).await, (vec![], 0));
    assert_eq!(index.find(&asking(&[("query", "logo shop")])).await, (vec![], 0));
    assert!(index.search.by_category(Some("music"), 10).await.unwrap().gigs.is_empty());
    assert!(index.search.top_rated(None, 10).await.unwrap().gigs.is_empty());
    assert!(index.search.similar(&gig(1, "logo"), 5).await.unwrap().gigs.is_empty());
    assert!(!index.index.needs_rebuild().await.unwrap());
}

/// What was applied is found as soon as that returns.
pub async fn what_was_applied_is_found_at_once(index: &Search) {
    for number in 1..=20 {
        index.with(&[gig(number, "logo")]).await;
        let query = SearchQuery::parse("0", "100", "forward", [("query", "logos")]);
        assert_eq!(index.find(&query).await.1, usize::try_from(number).unwrap());
    }
}

/// Every word asked for must be there, in any order.
pub async fn a_gig_must_have_every_word(index: &Search) {
    index.with(&[gig(1, "a red logo"), gig(2, "a blue logo"), gig(3, "a red house")]).await;
    assert_eq!(index.find_text("logo").await, [1, 2]);
    assert_eq!(index.find_text("LOGOS, red!").await, [1]);
    assert_eq!(index.find_text("").await, [1, 2, 3]);
}

/// When no gig has every word, those with any of them are found.
pub async fn any_word_will_do_when_no_gig_has_all(index: &Search) {
    index.with(&[gig(1, "red logo"), gig(2, "blue house"), gig(3, "green tree")]).await;
    assert_eq!(index.find(&asking(&[("query", "red house")])).await, (vec![1, 2], 2));
    assert_eq!(index.find_text("yellow submarine").await, Vec::<u64>::new());
}

/// What looks like query syntax is only text.
pub async fn no_text_is_query_syntax(index: &Search) {
    index.with(&[gig(1, "red logo")]).await;
    for text in
        ["*", "lo*", "title:logo OR", "(", "\"red", "[a TO", "red AND NOT logo", "~", "\\", "/x/", "id:1", "\u{0}", "é"]
    {
        let _ = index.find_text(text).await;
    }
    assert_eq!(index.find_text("\"logo\" (red) -").await, [1]);
}

/// A part of a text without blanks is found, and words are found in any case, in every script.
pub async fn words_are_found_in_every_script(index: &Search) {
    let texts = [
        "我会设计标志",
        "ロゴを作ります",
        "ออกแบบโลโก้ให้คุณ",
        "디자인을 해 드립니다",
        "ΟΔΟΣ",
        "Дизайн логотипов",
        "लोगो डिज़ाइन",
        "تصميم شِعار",
        "Straße İstanbul",
        "ອອກແບບໂລໂກ້",
    ];
    for (number, text) in (1..).zip(texts) {
        index.with(&[gig(number, text)]).await;
    }
    for (number, asked) in [
        (1, "设计"),
        (1, "标"),
        (1, "设计 标志"),
        (2, "ロゴ"),
        (2, "ﾛｺﾞ"),
        (3, "โลโก้"),
        (4, "디자인"),
        (5, "οδος"),
        (5, "Οδός"),
        (6, "ЛОГОТИПОВ"),
        (7, "डिजाइन"),
        (8, "شعار"),
        (9, "STRASSE"),
        (9, "istanbul"),
        (10, "ໂລໂກ້"),
    ] {
        assert_eq!(index.find_text(asked).await, [number], "{asked}");
    }
    for elsewhere in ["标设", "コ", "인디"] {
        assert_eq!(index.find_text(elsewhere).await, Vec::<u64>::new(), "{elsewhere}");
    }
}

/// Paused gigs are not found, and are again once they are active.
pub async fn a_paused_gig_is_not_found(index: &Search) {
    let active = gig(1, "logo");
    let paused = SearchDocument { active: false, ..active.clone() };
    index.index.apply(vec![saved(&active, 1), saved(&paused, 2)]).await.unwrap();
    assert!(index.find_text("logo").await.is_empty());
    assert!(index.find(&asking(&[])).await.0.is_empty());
    assert!(index.search.by_category(None, 10).await.unwrap().gigs.is_empty());
    index.index.apply(vec![saved(&active, 3)]).await.unwrap();
    assert_eq!(index.find_text("logo").await, [1]);
}

/// Deleted gigs are not found.
pub async fn a_deleted_gig_is_not_found(index: &Search) {
    index.with(&[gig(1, "logo"), gig(2, "logo")]).await;
    index.index.apply(vec![deleted(&gig(1, "logo"), 2)]).await.unwrap();
    assert_eq!(index.find(&asking(&[("query", "logo")])).await, (vec![2], 1));
}

/// Older news change nothing, not even after a deletion, and news that come twice count once.
pub async fn older_news_change_nothing(index: &Search) {
    let (old, new) = (gig(1, "old"), gig(1, "new"));
    index.index.apply(vec![saved(&new, 5)]).await.unwrap();
    index.index.apply(vec![saved(&old, 4)]).await.unwrap();
    index.index.apply(vec![saved(&old, 5)]).await.unwrap();
    index.index.apply(vec![deleted(&old, 3)]).await.unwrap();
    assert_eq!((index.find_text("new").await, index.find_text("old").await), (vec![1], vec![]));
    index.index.apply(vec![deleted(&new, 6)]).await.unwrap();
    index.index.apply(vec![saved(&new, 5), deleted(&new, 6)]).await.unwrap();
    assert_eq!(index.find(&asking(&[])).await, (vec![], 0));
}

/// News of one gig that come together count as if they came one after the other.
pub async fn of_the_news_of_one_gig_the_newest_counts(index: &Search) {
    let (old, new) = (gig(1, "old"), gig(1, "new"));
    index.index.apply(vec![saved(&new, 2), saved(&old, 1)]).await.unwrap();
    assert_eq!(index.find(&asking(&[])).await, (vec![1], 1));
    assert_eq!(index.find_text("new").await, [1]);
}

/// A change replaces everything that was known.
pub async fn a_change_replaces_what_was_known(index: &Search) {
    index.with(&[gig(1, "logo")]).await;
    let changed = SearchDocument { price: Money::from_cents(9900), days: Some(7), ..gig(1, "web page") };
    index.index.apply(vec![saved(&changed, 2)]).await.unwrap();
    assert!(index.find_text("logo").await.is_empty());
    assert_eq!(index.find_text("web").await, [1]);
    assert_eq!(index.find(&asking(&[("minPrice", "99"), ("delivery_time", "7")])).await, (vec![1], 1));
}

/// Price limits include themselves, and one alone is enough.
pub async fn prices_are_limited_inclusively(index: &Search) {
    let priced = |number, cents| SearchDocument { price: Money::from_cents(cents), ..gig(number, "logo") };
    index.with(&[priced(1, 500), priced(2, 1000), priced(3, 1999), priced(4, 100_000)]).await;
    for (pairs, expected) in [
        (&[("minPrice", "10"), ("maxPrice", "19.99")][..], &[2, 3][..]),
        (&[("minprice", "10")], &[2, 3, 4]),
        (&[("maxprice", "10")], &[1, 2]),
        (&[("minPrice", "20"), ("maxPrice", "10")], &[]),
        (&[("minPrice", ""), ("maxPrice", "")], &[1, 2, 3, 4]),
    ] {
        assert_eq!(index.find(&asking(pairs)).await, (expected.to_vec(), expected.len()), "{pairs:?}");
    }
}

/// Days of work are a number, not a part of one.
pub async fn days_of_work_are_exact(index: &Search) {
    let within = |number, days| SearchDocument { days, ..gig(number, "logo") };
    index.with(&[within(1, Some(1)), within(2, Some(10)), within(3, Some(21)), within(4, None)]).await;
    assert_eq!(index.find(&asking(&[("delivery_time", "1")])).await, (vec![1], 1));
    assert_eq!(index.find(&asking(&[("delivery_time", "2")])).await, (vec![], 0));
    assert_eq!(index.find(&asking(&[("delivery_time", "Anytime")])).await.1, 4);
}

/// Filters hold for the words that need not all be there, too.
pub async fn filters_and_words_go_together(index: &Search) {
    let priced = |number, cents, text| SearchDocument { price: Money::from_cents(cents), ..gig(number, text) };
    index.with(&[priced(1, 500, "red logo"), priced(2, 5000, "red house"), priced(3, 5000, "blue house")]).await;
    assert_eq!(index.find(&asking(&[("query", "red"), ("minPrice", "10")])).await, (vec![2], 1));
    assert_eq!(index.find(&asking(&[("query", "red logo"), ("minPrice", "10")])).await, (vec![2], 1));
}

/// Pages are in the order of sort ids, whatever order the gigs came in, and do not overlap.
pub async fn pages_are_in_the_order_of_sort_ids(index: &Search) {
    for number in [7, 3, 25, 1, 13, 19, 2, 8, 24, 5, 21, 11, 6, 16, 4, 22, 9, 18, 10, 23, 12, 15, 20, 14, 17] {
        index.with(&[gig(number, "logo")]).await;
    }
    assert_eq!(index.page(0, 10, "forward").await, (1..=10).collect::<Vec<_>>());
    assert_eq!(index.page(10, 10, "forward").await, (11..=20).collect::<Vec<_>>());
    assert_eq!(index.page(20, 10, "forward").await, (21..=25).collect::<Vec<_>>());
    assert_eq!(index.page(25, 10, "forward").await, Vec::<u64>::new());
    assert_eq!(index.page(21, 10, "backward").await, (11..=20).collect::<Vec<_>>());
    assert_eq!(index.page(11, 10, "backward").await, (1..=10).collect::<Vec<_>>());
}

/// A sort id is a cursor: the page behind it, or the page before it.
pub async fn a_sort_id_is_a_cursor(index: &Search) {
    index.with(&(1..=25).map(|n| gig(n * 2, "logo")).collect::<Vec<_>>()).await;
    let even = |range: std::ops::RangeInclusive<u64>| range.map(|n| n * 2).collect::<Vec<_>>();
    assert_eq!(index.page(sort_id(20), 10, "forward").await, even(11..=20));
    assert_eq!(index.page(sort_id(21), 10, "forward").await, even(11..=20));
    assert_eq!(index.page(sort_id(42), 10, "backward").await, even(11..=20));
    assert_eq!(index.page(sort_id(22), 10, "backward").await, even(1..=10));
    assert_eq!(index.page(sort_id(8), 10, "backward").await, even(1..=10), "before the start is the first page");
    assert_eq!(index.page(sort_id(2), 10, "backward").await, even(1..=10));
    assert_eq!(index.page(sort_id(900), 10, "backward").await, even(16..=25));
    assert_eq!(index.page(i64::MAX, 10, "forward").await, Vec::<u64>::new());
    assert_eq!(index.page(sort_id(0), 3, "forward").await, even(1..=3));
}

/// The total is that of all pages.
pub async fn the_total_is_that_of_all_pages(index: &Search) {
    index.with(&(1..=25).map(|n| gig(n, "logo")).collect::<Vec<_>>()).await;
    for (from, kind) in
        [(0, "forward"), (20, "forward"), (sort_id(20), "forward"), (sort_id(20), "backward"), (99, "forward")]
    {
        let query = SearchQuery::parse(&from.to_string(), "10", kind, []);
        assert_eq!(index.find(&query).await.1, 25, "{from} {kind}");
    }
}

/// More than 10,000 hits are not counted, and offsets up to there work.
pub async fn the_total_is_at_most_ten_thousand(index: &Search) {
    let count = u64::try_from(MOST_HITS).unwrap() + 20;
    for some in (1..=count).map(|n| gig(n, "logo")).collect::<Vec<_>>().chunks(1000) {
        index.with(some).await;
    }
    let (page, total) = index.find(&SearchQuery::parse("9990", "10", "forward", [("query", "logo")])).await;
    assert_eq!((page, total), ((9991..=10_000).collect(), MOST_HITS));
    assert_eq!(index.page(10_001, 10, "backward").await, (9991..=10_000).collect::<Vec<_>>());
    assert_eq!(index.page(20_000, 10, "forward").await, Vec::<u64>::new());
    assert_eq!(index.page(sort_id(count - 2), 10, "forward").await, [count - 1, count]);
}

/// A category's gigs come newest first, bounded; no category means all.
pub async fn a_category_shows_its_newest_gigs(index: &Search) {
    let of = |number, category: &str| SearchDocument { category: words(category), ..gig(number, "x") };
    let paused = SearchDocument { active: false, ..of(9, "Music & Audio") };
    index
        .with(&[of(1, "Music & Audio"), of(2, "Graphics & Design"), of(3, "Music & Audio"), of(4, "Business"), paused])
        .await;
    let found = |hits: jobapp_gigs::Hits| hits.gigs.iter().map(number).collect::<Vec<_>>();
    assert_eq!(found(index.search.by_category(Some("music   audio"), 10).await.unwrap()), [3, 1]);
    assert_eq!(found(index.search.by_category(Some("music   audio"), 1).await.unwrap()), [3]);
    assert_eq!(found(index.search.by_category(None, 10).await.unwrap()), [4, 3, 2, 1]);
    assert_eq!(found(index.search.by_category(Some(" & "), 10).await.unwrap()), [4, 3, 2, 1]);
    assert_eq!(found(index.search.by_category(Some("gardening"), 10).await.unwrap()), Vec::<u64>::new());
}

/// Top rated gigs are active, and the most rated come first.
pub async fn top_rated_gigs_come_most_rated_first(index: &Search) {
    let rated = |number, top_rated, ratings| SearchDocument { top_rated, ratings, ..gig(number, "x") };
    let paused = SearchDocument { active: false, ..rated(7, true, 99) };
    let elsewhere = SearchDocument { category: words("Music"), ..rated(6, true, 5) };
    index.with(&[rated(1, true, 2), rated(2, false, 9), rated(3, true, 7), rated(4, true, 2), paused, elsewhere]).await;
    let found = |hits: jobapp_gigs::Hits| hits.gigs.iter().map(number).collect::<Vec<_>>();
    assert_eq!(found(index.search.top_rated(Some("graphics design"), 10).await.unwrap()), [3, 4, 1]);
    assert_eq!(found(index.search.top_rated(None, 10).await.unwrap()), [3, 6, 4, 1]);
    assert_eq!(found(index.search.top_rated(None, 2).await.unwrap()), [3, 6]);
}

/// Similar gigs share words, are others, are active, and the most alike come first.
pub async fn similar_gigs_are_others_that_share_words(index: &Search) {
    let this = gig(1, "watercolour portrait of a dog");
    let paused = SearchDocument { active: false, ..gig(5, "watercolour portrait of a dog") };
    index
        .with(&[
            this.clone(),
            gig(2, "portrait in oil"),
            gig(3, "watercolour portrait dog"),
            gig(4, "tax advice"),
            paused,
        ])
        .await;
    let found = |hits: jobapp_gigs::Hits| hits.gigs.iter().map(number).collect::<Vec<_>>();
    assert_eq!(found(index.search.similar(&this, 5).await.unwrap()), [3, 2]);
    assert_eq!(found(index.search.similar(&this, 1).await.unwrap()), [3]);
    assert_eq!(found(index.search.similar(&gig(9, "plumbing"), 5).await.unwrap()), Vec::<u64>::new());
    assert_eq!(found(index.search.similar(&gig(9, ""), 5).await.unwrap()), Vec::<u64>::new());
}

/// Building anew replaces everything, and what is told later is compared with what was built.
pub async fn building_anew_replaces_everything(index: &Search) {
    index.with(&[gig(1, "stale"), gig(2, "stale")]).await;
    let told = Mutex::new(Vec::new());
    let mut source =
        Source::of(vec![saved(&gig(2, "fresh"), 3), saved(&gig(3, "fresh"), 1), saved(&gig(4, "fresh"), 1)]);
    let count = index.index.rebuild(&mut source, &|count| told.lock().unwrap().push(count)).await.unwrap();
    assert_eq!(count, 3);
    assert_eq!(told.lock().unwrap().last(), Some(&3));
    assert_eq!(index.find(&asking(&[])).await, (vec![2, 3, 4], 3));
    assert!(index.find_text("stale").await.is_empty());
    assert!(!index.index.needs_rebuild().await.unwrap());
    index.index.apply(vec![saved(&gig(2, "older"), 2), saved(&gig(3, "newer"), 2)]).await.unwrap();
    assert_eq!((index.find_text("older").await, index.find_text("newer").await), (vec![], vec![3]));
}

/// A rebuild that fails changes nothing.
pub async fn a_rebuild_that_fails_changes_nothing(index: &Search) {
    index.with(&[gig(1, "logo")]).await;
    let mut source = Source { fails: true, ..Source::of(vec![saved(&gig(2, "half"), 1)]) };
    assert!(index.index.rebuild(&mut source, &|_| {}).await.is_err());
    assert_eq!(index.find(&asking(&[])).await, (vec![1], 1));
    index.with(&[gig(3, "logo")]).await;
    assert_eq!(index.find(&asking(&[])).await, (vec![1, 3], 2), "the index can still be changed");
}

/// What can be found, and what it must not forget. Older news add nothing.
pub async fn it_tells_how_much_it_holds(index: &Search) {
    let extent = async || {
        let extent = index.index.extent().await.unwrap();
        (extent.listed, extent.known)
    };
    assert_eq!(extent().await, (0, 0));
    index.with(&[gig(1, "logo"), gig(2, "logo"), gig(3, "logo")]).await;
    assert_eq!(extent().await, (3, 3));
    let paused = SearchDocument { active: false, ..gig(2, "logo") };
    index.index.apply(vec![saved(&paused, 2), deleted(&gig(3, "logo"), 2)]).await.unwrap();
    assert_eq!(extent().await, (1, 3));
    index.with(&[gig(2, "logo")]).await;
    assert_eq!(extent().await, (1, 3));
    let mut source = Source::of(vec![saved(&gig(4, "logo"), 1)]);
    index.index.rebuild(&mut source, &|_| {}).await.unwrap();
    assert_eq!(extent().await, (1, 1));
}

/// A build has the name it had, and another one another, where builds have names.
pub async fn another_build_has_another_name(index: &Search) {
    let build = async || {
        index.index.rebuild(&mut Source::of(vec![saved(&gig(1, "logo"), 1)]), &|_| {}).await.unwrap();
        index.index.extent().await.unwrap().generation
    };
    let first = build().await;
    index.with(&[gig(2, "logo")]).await;
    assert_eq!(index.index.extent().await.unwrap().generation, first);
    let second = build().await;
    assert!(first.is_none() && second.is_none() || first != second, "{first:?}");
}

/// Changes that come at the same time are all found.
pub async fn changes_at_the_same_time_are_all_found(index: &Search) {
    let writers = (0..8_u64).map(|writer| async move {
        for round in 1..=5 {
            index.with(&[gig(writer * 10 + round, "logo")]).await;
        }
    });
    join_all(writers).await;
    let query = SearchQuery::parse("0", "100", "forward", [("query", "logo")]);
    assert_eq!(index.find(&query).await.1, 40);
}

/// Makes a test of every promise. The argument is a future of a [`Search`](crate::search::Search), made anew for each of them.
#[macro_export]
macro_rules! search {
    ($index:expr) => {
        $crate::search!(@tests $index;
            nothing_is_found_in_an_empty_index
            what_was_applied_is_found_at_once
            a_gig_must_have_every_word
            any_word_will_do_when_no_gig_has_all
            no_text_is_query_syntax
            words_are_found_in_every_script
            a_paused_gig_is_not_found
            a_deleted_gig_is_not_found
            older_news_change_nothing
            of_the_news_of_one_gig_the_newest_counts
            a_change_replaces_what_was_known
            prices_are_limited_inclusively
            days_of_work_are_exact
            filters_and_words_go_together
            pages_are_in_the_order_of_sort_ids
            a_sort_id_is_a_cursor
            the_total_is_that_of_all_pages
            the_total_is_at_most_ten_thousand
            a_category_shows_its_newest_gigs
            top_rated_gigs_come_most_rated_first
            similar_gigs_are_others_that_share_words
            building_anew_replaces_everything
            a_rebuild_that_fails_changes_nothing
            it_tells_how_much_it_holds
            another_build_has_another_name
            changes_at_the_same_time_are_all_found
        );
    };
    (@tests $index:expr; $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::search::$promise(&$index.await).await;
            }
        )*
    };
}
