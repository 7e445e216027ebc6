//! What a search asks for, and which gigs it means.

use jobapp_kernel::Money;

use crate::gig::{GigId, Listing};
use crate::text::{asked_words, days_in, words};

/// The most hits that are counted, and the largest offset.
pub const MOST_HITS: usize = 10_000;
/// The most gigs on a page.
pub const MOST_ON_A_PAGE: usize = 100;
/// How many gigs a page has when nobody says.
pub const USUAL_PAGE: usize = 10;
/// From here on, a number is a sort id and no offset.
const CURSORS: i64 = 1_000_000_000;
/// More words than these say no more.
const MOST_WORDS: usize = 32;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Behind this many gigs.
    Offset(usize),
    /// Behind the gig with this sort id.
    After(i64),
    /// With the page that ends before the gig with this sort id; the first page when fewer gigs than a page precede it.
    Before(i64),
}

/// What a search asks for. Only gigs that can be found are meant, always in the order of their sort ids, so that pages neither
/// repeat nor leave out what did not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// The [words](words()) that a gig must have: all of them; if no gig has all, any of them. None: every gig.
    pub words: Vec<String>,
    /// The days of work.
    pub days: Option<u16>,
    /// The least price.
    pub min_price: Option<Money>,
    /// The highest price.
    pub max_price: Option<Money>,
    /// Where the page begins.
    pub start: Start,
    /// How many gigs it has, at most.
    pub size: usize,
}

impl Default for SearchQuery {
    /// The first page of every gig.
    fn default() -> Self {
        let start = Start::Offset(0);
        Self { words: Vec::new(), days: None, min_price: None, max_price: None, start, size: USUAL_PAGE }
    }
}

impl SearchQuery {
    /// Reads the three path segments and the query pairs of a search.
    ///
    /// Nothing is refused, because the existing client sends much that it does not mean: what is no number counts as absent, keys
    /// are read in any case, an empty value and `Anytime` are no filter. A `from` below 10⁹ is an offset; with `backward` it is
    /// the number of the page's last gig plus one. Any larger `from` is the sort id the page lies behind or before.
    ///
    /// ```
    /// use jobapp_gigs::{SearchQuery, Start};
    /// let query = SearchQuery::parse("11", "10", "backward", [("minprice", "5"), ("delivery_time", "anytime")]);
    /// assert_eq!((query.start, query.size, query.days), (Start::Offset(0), 10, None));
    /// let query = SearchQuery::parse("1000000042", "", "forward", [("query", "graphics   design")]);
    /// assert_eq!(query.start, Start::After(1_000_000_042));
    /// ```
    pub fn parse<'a>(from: &str, size: &str, kind: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let size = whole_number(size).and_then(|size| usize::try_from(size).ok()).unwrap_or(USUAL_PAGE);
        let size = size.clamp(1, MOST_ON_A_PAGE);
        let from = whole_number(from).unwrap_or(0);
        let backward = kind.trim().eq_ignore_ascii_case("backward");
        let start = match (from >= CURSORS, backward) {
            (true, false) => Start::After(from),
            (true, true) => Start::Before(from),
            (false, _) => {
                let from = usize::try_from(from).unwrap_or(0);
                Start::Offset(if backward { from.saturating_sub(size + 1) } else { from })
            }
        };
        let mut query = Self { start, size, ..Self::default() };
        for (key, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match key.to_ascii_lowercase().as_str() {
                "query" if query.words.is_empty() => query.words = query_words(value),
                "delivery_time" if query.days.is_none() => query.days = days_in(value),
                "minprice" if query.min_price.is_none() => query.min_price = price(value),
                "maxprice" if query.max_price.is_none() => query.max_price = price(value),
                _ => {}
            }
        }
        query
    }

    /// Whether a gig is meant.
    pub fn matches(&self, gig: &SearchDocument, wanted: Match) -> bool {
        let price_fits =
            self.min_price.is_none_or(|min| gig.price >= min) && self.max_price.is_none_or(|max| gig.price <= max);
        price_fits && self.days.is_none_or(|days| gig.days == Some(days)) && wanted.holds(&self.words, &gig.words)
    }

    /// The page of this query out of everything that it means, which is in the order of sort ids.
    pub fn page<T: Clone>(&self, all: &[T], sort_id: impl Fn(&T) -> i64) -> Vec<T> {
        let begin = match self.start {
            Start::Offset(offset) if offset > MOST_HITS => all.len(),
            Start::Offset(offset) => offset.min(all.len()),
            Start::After(cursor) => all.partition_point(|gig| sort_id(gig) <= cursor),
            Start::Before(cursor) => all.partition_point(|gig| sort_id(gig) < cursor).saturating_sub(self.size),
        };
        all[begin..].iter().take(self.size).cloned().collect()
    }
}

/// The words of a text to search for: each once.
pub(crate) fn query_words(text: &str) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for word in asked_words(text) {
        if !wanted.contains(&word) && wanted.len() < MOST_WORDS {
            wanted.push(word);
        }
    }
    wanted
}

/// A whole number; one too large to hold is as large as they get.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(i64::MAX))
}

fn price(text: &str) -> Option<Money> {
    let number: f64 = text.parse().ok()?;
    Money::from_decimal(number).ok()
}

/// How many of the words asked for a gig must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// All of them.
    All,
    /// At least one of them.
    Any,
}

impl Match {
    /// Whether enough of `wanted` is among `words`. Nothing asked for is always enough.
    pub fn holds(self, wanted: &[String], words: &[String]) -> bool {
        let has = |word: &String| words.contains(word);
        match self {
            Self::All => wanted.iter().all(has),
            Self::Any => wanted.is_empty() || wanted.iter().any(has),
        }
    }
}

/// What an index holds of a gig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchDocument {
    /// The gig.
    pub id: GigId,
    /// Its number.
    pub sort_id: i64,
    /// Whether it can be found.
    pub active: bool,
    /// Its price.
    pub price: Money,
    /// The days of work it promises.
    pub days: Option<u16>,
    /// The words of its seller's name, its texts, its category, subcategories and tags.
    pub words: Vec<String>,
    /// The words of its category.
    pub category: Vec<String>,
    /// Whether everybody who rated it gave five stars.
    pub top_rated: bool,
    /// How often it was rated.
    pub ratings: u32,
}

impl From<&Listing> for SearchDocument {
    fn from(gig: &Listing) -> Self {
        let content = &gig.content;
        let texts = [
            &gig.seller.username,
            &content.title,
            &content.description,
            &content.basic_title,
            &content.basic_description,
            &content.category,
        ];
        let texts = texts.into_iter().chain(&content.sub_categories).chain(&content.tags);
        Self {
            id: gig.id,
            sort_id: gig.sort_id,
            active: gig.active,
            price: content.price,
            days: days_in(&content.expected_delivery),
            words: texts.flat_map(|text| words(text)).collect(),
            category: words(&content.category),
            top_rated: gig.is_top_rated(),
            ratings: u32::try_from(gig.ratings.count()).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_listing;
    use proptest::prelude::*;

    fn parse(from: &str, size: &str, kind: &str) -> SearchQuery {
        SearchQuery::parse(from, size, kind, [])
    }

    fn filtered(pairs: &[(&str, &str)]) -> SearchQuery {
        SearchQuery::parse("0", "10", "forward", pairs.iter().copied())
    }

    #[test]
    fn a_small_number_is_an_offset_and_a_large_one_a_cursor() {
        for (from, kind, start) in [
            ("0", "forward", Start::Offset(0)),
            ("40", "forward", Start::Offset(40)),
            ("40", "", Start::Offset(40)),
            ("40", "sideways", Start::Offset(40)),
            ("11", "backward", Start::Offset(0)),
            ("21", "Backward", Start::Offset(10)),
            ("3", "backward", Start::Offset(0)),
            ("0", "backward", Start::Offset(0)),
            ("999999999", "forward", Start::Offset(999_999_999)),
            ("1000000000", "forward", Start::After(1_000_000_000)),
            ("1000000007", "forward", Start::After(1_000_000_007)),
            ("1000000007", "backward", Start::Before(1_000_000_007)),
            ("99999999999999999999999", "forward", Start::After(i64::MAX)),
            ("undefined", "forward", Start::Offset(0)),
            ("-7", "forward", Start::Offset(0)),
            ("1e10", "forward", Start::Offset(0)),
            ("", "", Start::Offset(0)),
        ] {
            assert_eq!(parse(from, "10", kind).start, start, "{from} {kind}");
        }
    }

    #[test]
    fn a_page_has_one_to_a_hundred_gigs() {
        for (size, expected) in [
            ("10", 10),
            ("12", 12),
            ("0", 1),
            ("100", 100),
            ("101", 100),
            ("null", 10),
            ("-1", 10),
            ("", 10),
            ("2.5", 10),
        ] {
            assert_eq!(parse("0", size, "forward").size, expected, "{size}");
        }
    }

    #[test]
    fn prices_are_read_in_any_spelling_and_one_alone_is_enough() {
        let five = Some(Money::from_cents(500));
        assert_eq!(filtered(&[("minPrice", "5")]).min_price, five);
        assert_eq!(filtered(&[("minprice", "5.00"), ("maxPRICE", "9.99")]).max_price, Some(Money::from_cents(999)));
        let query = filtered(&[("minPrice", ""), ("maxPrice", "5")]);
        assert_eq!((query.min_price, query.max_price), (None, five));
        assert_eq!(filtered(&[("minPrice", "cheap"), ("maxPrice", "NaN")]), filtered(&[]));
        assert_eq!(filtered(&[("minPrice", "1e300")]).min_price, None);
    }

    #[test]
    fn anytime_and_what_is_no_number_are_no_filter() {
        for (value, days) in
            [("3", Some(3)), ("7", Some(7)), ("Anytime", None), ("anytime", None), ("", None), ("x", None)]
        {
            assert_eq!(filtered(&[("delivery_time", value)]).days, days, "{value}");
        }
    }

    #[test]
    fn the_words_asked_for_are_stemmed_and_bounded() {
        assert_eq!(filtered(&[("query", "Graphics & Design graphics")]).words, ["graphic", "design"]);
        assert!(filtered(&[("query", "&-/")]).words.is_empty());
        let many: String = (0..100).map(|n| format!("w{n} ")).collect();
        assert_eq!(filtered(&[("query", &many)]).words.len(), MOST_WORDS);
    }

    #[test]
    fn all_eight_texts_are_searched() {
        let gig = SearchDocument::from(&a_listing());
        for text in ["iria", "draw", "hand", "one logo", "revision", "graphics", "logo design", "shop"] {
            let query = filtered(&[("query", text)]);
            assert!(query.matches(&gig, Match::All), "{text}");
        }
        assert!(!filtered(&[("query", "logo video")]).matches(&gig, Match::All));
        assert!(filtered(&[("query", "logo video")]).matches(&gig, Match::Any));
        assert!(!filtered(&[("query", "video")]).matches(&gig, Match::Any));
    }

    #[test]
    fn price_limits_are_inclusive_and_days_are_exact() {
        let gig = SearchDocument::from(&a_listing());
        for (pairs, found) in [
            (&[("minPrice", "20"), ("maxPrice", "20")][..], true),
            (&[("minPrice", "20.01")], false),
            (&[("maxPrice", "19.99")], false),
            (&[("delivery_time", "3")], true),
            (&[("delivery_time", "30")], false),
        ] {
            assert_eq!(filtered(pairs).matches(&gig, Match::All), found, "{pairs:?}");
        }
    }

    /// 25 gigs with gaps between their sort ids.
    fn all() -> Vec<i64> {
        (1..=25).map(|n| CURSORS + n * 3).collect()
    }

    #[test]
    fn pages_by_number_and_by_cursor_are_the_same_pages() {
        let all = all();
        let page = |from: &str, kind: &str| parse(from, "10", kind).page(&all, |id| *id);
        assert_eq!(page("0", "forward"), all[..10]);
        assert_eq!(page("10", "forward"), all[10..20]);
        assert_eq!(page(&all[9].to_string(), "forward"), all[10..20]);
        assert_eq!(page(&all[19].to_string(), "forward"), all[20..]);
        assert_eq!(page("21", "backward"), all[10..20]);
        assert_eq!(page("11", "backward"), all[..10]);
        assert_eq!(page(&all[20].to_string(), "backward"), all[10..20]);
        assert_eq!(page(&all[10].to_string(), "backward"), all[..10]);
        assert_eq!(page(&all[4].to_string(), "backward"), all[..10], "before the start is the first page");
        assert_eq!(page(&all[0].to_string(), "backward"), all[..10]);
        assert_eq!(page(&all[24].to_string(), "forward"), Vec::<i64>::new());
        assert_eq!(page("10001", "forward"), Vec::<i64>::new());
    }

    proptest! {
        #[test]
        fn going_forward_meets_every_gig_once(count in 0_usize..60, size in 1_usize..12) {
            let all: Vec<i64> = (0..count).map(|n| CURSORS + 1 + i64::try_from(n).unwrap() * 7).collect();
            let mut seen = Vec::new();
            let mut from = "0".to_owned();
            loop {
                let page = parse(&from, &size.to_string(), "forward").page(&all, |id| *id);
                let Some(last) = page.last() else { break };
                from = last.to_string();
                seen.extend(page);
            }
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn nothing_a_client_sends_panics(from in "\\PC{0,12}", size in "\\PC{0,12}", kind in "\\PC{0,12}", value in "\\PC{0,20}") {
            for key in ["query", "delivery_time", "minPrice", "maxprice"] {
                drop(SearchQuery::parse(&from, &size, &kind, [(key, value.as_str())]));
            }
        }
    }
}
