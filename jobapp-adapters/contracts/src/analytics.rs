//! What every read model of reviews promises.
//!
//! ```ignore
//! jobapp_contracts::analytics!(super::a_fresh_one()); // a future of `jobapp_contracts::analytics::Totals`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures::future::join_all;
use jobapp_kernel::{Cause, Stars, Timestamp};
use jobapp_reviews::{RatedReview, ReviewAnalytics, Subject};

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

    async fn rated(&self, gig: &str, stars: i64, effect: &str) {
        self.analytics.record(rating(gig, stars), Cause::message("q", effect)).await.unwrap();
    }

    /// How many rated and how many stars they gave together.
    async fn total(&self, subject: Subject) -> (i64, i64) {
        let ratings = self.analytics.of(subject).await.unwrap().ratings();
        (ratings.count(), ratings.sum())
    }
}

fn rating(gig: &str, stars: i64) -> RatedReview {
    RatedReview::new("s", gig, Stars::new(stars).unwrap(), Timestamp::EPOCH).unwrap()
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
    assert_eq!(of.total(gig("other")).await, (0, 0));
    assert_eq!(of.analytics.of(gig("other")).await.unwrap().average(), None);
}

/// A review counts for its seller and for its gig.
pub async fn a_review_counts_for_its_seller_and_its_gig(of: &Totals) {
    of.rated("g", 5, "JO1").await;
    of.rated("h", 2, "JO2").await;
    assert_eq!(of.total(seller("s")).await, (2, 7));
    assert_eq!((of.total(gig("g")).await, of.total(gig("h")).await), ((1, 5), (1, 2)));
}

/// A gig and a seller of one id are two.
pub async fn a_gig_is_no_seller(of: &Totals) {
    of.rated("s", 4, "JO1").await;
    of.rated("g", 1, "JO2").await;
    assert_eq!((of.total(gig("s")).await, of.total(seller("s")).await), ((1, 4), (2, 5)));
    assert_eq!(of.total(seller("g")).await, (0, 0));
}

/// A review that is told again counts once.
pub async fn a_review_counts_once(of: &Totals) {
    for _ in 0..3 {
        of.rated("g", 5, "JO1").await;
    }
    assert_eq!((of.total(seller("s")).await, of.total(gig("g")).await), ((1, 5), (1, 5)));
}

/// Reviews at once are all counted, each once, though every one of them is told twice.
pub async fn reviews_at_once_are_all_counted(of: &Totals) {
    let recording = (0..32).map(|number| {
        let analytics = Arc::clone(&of.analytics);
        let cause = Cause::message("q", format!("JO{}", number / 2));
        tokio::spawn(async move { analytics.record(rating("g", 1 + number / 2 % 5), cause).await })
    });
    for recorded in join_all(recording).await {
        recorded.unwrap().unwrap();
    }
    let sum = (0..16).map(|number| 1 + number % 5).sum();
    assert_eq!((of.total(seller("s")).await, of.total(gig("g")).await), ((16, sum), (16, sum)));
}

/// Makes one test of each promise of `ReviewAnalytics`. The argument makes a future of fresh
/// [`Totals`](crate::analytics::Totals).
#[macro_export]
macro_rules! analytics {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::analytics::Totals, [$crate::analytics], analytics:
            nobody_rated_is_nothing
            a_review_counts_for_its_seller_and_its_gig
            a_gig_is_no_seller
            a_review_counts_once
            reviews_at_once_are_all_counted
        }
    };
}
