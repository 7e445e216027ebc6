//! What every read model of reviews promises.
//!
//! ```ignore
//! jobapp_contracts::analytics!(super::a_fresh_one()); // a future of `jobapp_contracts::analytics::Totals`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use jobapp_kernel::{Ratings, Stars};
use jobapp_reviews::{Day, RatedReview, RatingCounts, ReviewAnalytics, Subject};

/// Totals of nothing yet.
#[derive(Clone)]
pub struct Totals {
    /// What is promised about.
    pub analytics: Arc<dyn ReviewAnalytics>,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totals").finish_non_exhaustive()
    }
}

impl Totals {
    /// Of these.
    pub fn of(analytics: Arc<dyn ReviewAnalytics>) -> Self {
        Self { analytics, keep: Arc::new(()) }
    }

    /// The same, with something that must live as long.
    #[must_use]
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        Self { keep: Arc::new(keep), ..self }
    }

    async fn rated(&self, gig: &str, stars: i64, order: &str) {
        self.analytics.record(&rating(order, gig, stars, DAY)).await.unwrap();
    }

    async fn counts(&self, subject: &Subject, first: i64, last: i64) -> RatingCounts {
        self.analytics.counts(subject, Day::at(first)..=Day::at(last)).await.unwrap()
    }

    /// How many rated and how many stars they gave together.
    async fn total(&self, subject: &Subject) -> (i64, i64) {
        let all = self.counts(subject, DAY, DAY).await.all;
        (all.count(), all.sum())
    }

    /// Builds an edition of these and has it answer.
    async fn build(&self, reviews: &[RatedReview]) {
        let edition = self.analytics.begin().await.unwrap();
        self.analytics.add(edition, reviews).await.unwrap();
        assert!(self.analytics.publish(edition).await.unwrap());
    }
}

/// 2026-11-24.
const DAY: i64 = 20_781;

fn rating(order: &str, gig: &str, stars: i64, day: i64) -> RatedReview {
    RatedReview {
        order: order.parse().unwrap(),
        seller: seller("s"),
        gig: self::gig(gig),
        rating: Stars::new(stars).unwrap(),
        day: Day::at(day),
    }
}

/// Reviews of the gig `g`, with one to five stars in turn.
fn ratings(orders: std::ops::Range<i64>) -> Vec<RatedReview> {
    orders.map(|number| rating(&format!("JO{number}"), "g", 1 + number % 5, DAY + number % 7)).collect()
}

fn gig(id: &str) -> Subject {
    Subject::gig(id).unwrap()
}

fn seller(id: &str) -> Subject {
    Subject::seller(id).unwrap()
}

/// Who was never rated has totals of nothing.
pub async fn nobody_rated_is_nothing(of: &Totals) {
    of.rated("g", 5, "JO1").await;
    assert_eq!(of.counts(&gig("other"), 0, 30_000).await, RatingCounts::default());
}

/// A review counts for its seller and for its gig.
pub async fn a_review_counts_for_its_seller_and_its_gig(of: &Totals) {
    of.rated("g", 5, "JO1").await;
    of.rated("h", 2, "JO2").await;
    assert_eq!(of.total(&seller("s")).await, (2, 7));
    assert_eq!((of.total(&gig("g")).await, of.total(&gig("h")).await), ((1, 5), (1, 2)));
}

/// It is known how often each number of stars was given.
pub async fn each_number_of_stars_is_counted(of: &Totals) {
    let counts = [3_u32, 0, 2, 1, 4];
    for (stars, times) in (1..).zip(counts) {
        for time in 0..times {
            of.rated("g", stars, &format!("JO{stars}-{time}")).await;
        }
    }
    let counted = of.counts(&gig("g"), DAY, DAY).await;
    assert_eq!(
        (counted.all, counted.days[&Day::at(DAY)]),
        (Ratings::from_counts(counts), Ratings::from_counts(counts))
    );
}

/// A gig and a seller of one id are two.
pub async fn a_gig_is_no_seller(of: &Totals) {
    of.rated("s", 4, "JO1").await;
    of.rated("g", 1, "JO2").await;
    assert_eq!((of.total(&gig("s")).await, of.total(&seller("s")).await), ((1, 4), (2, 5)));
    assert_eq!(of.total(&seller("g")).await, (0, 0));
}

/// Ids are told apart by their bytes, the longest too.
pub async fn ids_are_compared_bytewise(of: &Totals) {
    let longest = "x".repeat(Subject::MAX_BYTES);
    let gigs = ["g", "G", "g ", " g", "é", "e\u{301}", "%", "_", "g/1", "\\", longest.as_str()];
    for (number, gig) in gigs.into_iter().enumerate() {
        of.rated(gig, 3, &format!("JO{number}")).await;
        of.rated(gig, 5, &format!("jo{number}")).await;
    }
    for gig in gigs {
        assert_eq!(of.total(&self::gig(gig)).await, (2, 8), "{gig:?}");
    }
}

/// What was given on which day is told of the days that are asked for, the first and the last one included; everything counts in all.
pub async fn days_are_those_that_are_asked_for(of: &Totals) {
    for (number, day) in [-800, 0, 30, 31, 31, 59, 365, 4_000, 20_000].into_iter().enumerate() {
        of.analytics.record(&rating(&format!("JO{number}"), "g", 4, day)).await.unwrap();
    }
    for (first, last, expected) in [
        (30, 59, vec![(30, 1), (31, 2), (59, 1)]),
        (31, 31, vec![(31, 2)]),
        (32, 58, vec![]),
        (-800, 0, vec![(-800, 1), (0, 1)]),
        (60, 20_000, vec![(365, 1), (4_000, 1), (20_000, 1)]),
    ] {
        for subject in [gig("g"), seller("s")] {
            let counts = of.counts(&subject, first, last).await;
            let days: Vec<_> = counts.days.iter().map(|(day, ratings)| (day.number(), ratings.count())).collect();
            assert_eq!(days, expected, "{first} to {last}");
            assert_eq!((counts.all.count(), counts.all.sum()), (9, 36));
        }
    }
}

/// A review that is told again counts once.
pub async fn a_review_counts_once(of: &Totals) {
    for _ in 0..3 {
        of.rated("g", 5, "JO1").await;
    }
    assert_eq!((of.total(&seller("s")).await, of.total(&gig("g")).await), ((1, 5), (1, 5)));
}

/// Reviews at once are all counted, each once, though every one of them is told twice.
pub async fn reviews_at_once_are_all_counted(of: &Totals) {
    let recording = (0..32).map(|number| {
        let analytics = Arc::clone(&of.analytics);
        let review = rating(&format!("JO{}", number / 2), "g", 1 + number / 2 % 5, DAY);
        tokio::spawn(async move { analytics.record(&review).await })
    });
    for recorded in join_all(recording).await {
        recorded.unwrap().unwrap();
    }
    let sum = (0..16).map(|number| 1 + number % 5).sum();
    assert_eq!((of.total(&seller("s")).await, of.total(&gig("g")).await), ((16, sum), (16, sum)));
}

/// They are built once an edition has answered.
pub async fn they_are_built_once_an_edition_is_published(of: &Totals) {
    assert!(!of.analytics.is_built().await.unwrap());
    of.rated("g", 5, "JO1").await;
    let edition = of.analytics.begin().await.unwrap();
    assert!(!of.analytics.is_built().await.unwrap());
    assert!(of.analytics.publish(edition).await.unwrap());
    assert!(of.analytics.is_built().await.unwrap());
    of.analytics.begin().await.unwrap();
    assert!(of.analytics.is_built().await.unwrap(), "the one before it answers");
}

/// What was counted before is gone when an edition without it answers, and not before.
pub async fn an_edition_begins_with_nothing(of: &Totals) {
    of.rated("g", 5, "JO1").await;
    of.rated("lost", 5, "JO2").await;
    for _ in 0..2 {
        let edition = of.analytics.begin().await.unwrap();
        of.analytics.add(edition, &[rating("JO1", "g", 5, DAY), rating("JO3", "g", 1, DAY)]).await.unwrap();
        assert_eq!(of.total(&seller("s")).await, (2, 10), "until it is published nothing of it is seen");
        assert!(of.analytics.begin().await.unwrap() > edition);
    }
    of.build(&[rating("JO1", "g", 5, DAY), rating("JO3", "g", 1, DAY)]).await;
    assert_eq!((of.total(&seller("s")).await, of.total(&gig("g")).await), ((2, 6), (2, 6)));
    assert_eq!(of.total(&gig("lost")).await, (0, 0));
}

/// What is told while an edition is built is in both; what is in it already counts once, in any order.
pub async fn what_is_told_meanwhile_counts_once(of: &Totals) {
    let edition = of.analytics.begin().await.unwrap();
    of.rated("g", 5, "JO1").await;
    of.analytics.add(edition, &[rating("JO1", "g", 5, DAY), rating("JO2", "g", 4, DAY)]).await.unwrap();
    of.rated("g", 4, "JO2").await;
    of.rated("g", 3, "JO3").await;
    of.analytics.add(edition, &[rating("JO2", "g", 4, DAY)]).await.unwrap();
    assert_eq!(of.total(&gig("g")).await, (3, 12));
    assert!(of.analytics.publish(edition).await.unwrap());
    assert_eq!((of.total(&gig("g")).await, of.total(&seller("s")).await), ((3, 12), (3, 12)));
    of.rated("g", 3, "JO3").await;
    of.rated("g", 2, "JO4").await;
    assert_eq!(of.total(&gig("g")).await, (4, 14));
}

/// An edition is published once, however often that is said.
pub async fn an_edition_may_be_published_again(of: &Totals) {
    let edition = of.analytics.begin().await.unwrap();
    of.analytics.add(edition, &ratings(0..3)).await.unwrap();
    for _ in 0..3 {
        assert!(of.analytics.publish(edition).await.unwrap());
        assert_eq!(of.total(&gig("g")).await.0, 3);
    }
}

/// An edition that was given up for a later one never answers, and is not part of the later one.
pub async fn an_edition_that_was_overtaken_never_answers(of: &Totals) {
    let early = of.analytics.begin().await.unwrap();
    of.analytics.add(early, &ratings(0..3)).await.unwrap();
    let late = of.analytics.begin().await.unwrap();
    of.analytics.add(late, &ratings(0..5)).await.unwrap();
    of.analytics.add(early, &ratings(5..9)).await.unwrap();
    assert!(!of.analytics.publish(early).await.unwrap());
    assert_eq!(of.total(&gig("g")).await, (0, 0));
    assert!(of.analytics.publish(late).await.unwrap());
    assert!(!of.analytics.publish(early).await.unwrap());
    assert_eq!(of.total(&gig("g")).await, (5, 15));
}

/// However many begin at once, each gets an edition of its own, and one of them is published.
pub async fn of_editions_that_are_begun_at_once_one_answers(of: &Totals) {
    let beginning = (0..6).map(|_| {
        let analytics = Arc::clone(&of.analytics);
        tokio::spawn(async move { analytics.begin().await.unwrap() })
    });
    let mut begun: Vec<_> = join_all(beginning).await.into_iter().map(Result::unwrap).collect();
    begun.sort_unstable();
    begun.dedup();
    assert_eq!(begun.len(), 6);
    for edition in &begun {
        of.analytics.add(*edition, &ratings(0..5)).await.unwrap();
    }
    for (place, edition) in (1..).zip(&begun) {
        assert_eq!(of.analytics.publish(*edition).await.unwrap(), place == begun.len());
    }
    assert_eq!(of.total(&gig("g")).await, (5, 15));
}

/// Whoever asks while editions come and go sees one of them, whole.
pub async fn readers_never_see_a_part(of: &Totals) {
    let (few, many) = (ratings(0..20), ratings(0..600));
    of.build(&few).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let reading = (0..3).map(|reader| {
        let (of, is_over) = (of.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut seen = 0;
            while !is_over.load(Ordering::SeqCst) || seen == 0 {
                let subject = if reader == 0 { gig("g") } else { seller("s") };
                let counts = of.counts(&subject, DAY, DAY + 6).await;
                let days: i64 = counts.days.values().map(Ratings::count).sum();
                assert!([20, 600].contains(&counts.all.count()), "{counts:?}");
                assert_eq!(days, counts.all.count(), "one picture");
                seen += 1;
            }
        })
    });
    let reading: Vec<_> = reading.collect();
    for edition in [&many, &few, &many] {
        of.build(edition).await;
    }
    is_over.store(true, Ordering::SeqCst);
    for reader in join_all(reading).await {
        reader.unwrap();
    }
    assert_eq!(of.total(&gig("g")).await, (600, 1800));
}

/// Makes one test of each promise of `ReviewAnalytics`. The argument makes a future of fresh
/// [`Totals`](crate::analytics::Totals).
#[macro_export]
macro_rules! analytics {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::analytics::Totals, [$crate::analytics], analytics:
            nobody_rated_is_nothing
            a_review_counts_for_its_seller_and_its_gig
            each_number_of_stars_is_counted
            a_gig_is_no_seller
            ids_are_compared_bytewise
            days_are_those_that_are_asked_for
            a_review_counts_once
            reviews_at_once_are_all_counted
            they_are_built_once_an_edition_is_published
            an_edition_begins_with_nothing
            what_is_told_meanwhile_counts_once
            an_edition_may_be_published_again
            an_edition_that_was_overtaken_never_answers
            of_editions_that_are_begun_at_once_one_answers
            readers_never_see_a_part
        }
    };
}
