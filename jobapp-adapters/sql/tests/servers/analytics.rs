//! Ratings on servers: cut off, away, beside others, and many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use futures::future::join_all;
use jobapp_contracts::analytics::Totals;
use jobapp_kernel::{ErrorKind, Kinded, RepositoryError, Stars};
use jobapp_reviews::{Day, RatedReview, RatingCounts, ReviewAnalytics, Subject};
use jobapp_sql::SqlStore;
use jobapp_test_servers::{Kind, own, proxied, shared};
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};

use crate::cuts::until;
use crate::place::{Place, config};

const DAY: i64 = 20_781;

fn rating(number: i64, seller: &str) -> RatedReview {
    RatedReview {
        order: format!("JO{number}").parse().unwrap(),
        seller: Subject::seller(seller).unwrap(),
        gig: Subject::gig("g").unwrap(),
        rating: Stars::new(1 + number % 5).unwrap(),
        day: Day::at(DAY + number % 40),
    }
}

async fn counts(analytics: &dyn ReviewAnalytics, seller: &str) -> RatingCounts {
    let seller = Subject::seller(seller).unwrap();
    analytics.counts(&seller, Day::at(DAY)..=Day::at(DAY + 39)).await.unwrap()
}

/// Repeats something until it is answered. Returns the answer, and counts failures.
async fn until_answered<T>(failures: &AtomicU64, call: impl AsyncFn() -> Result<T, RepositoryError>) -> T {
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "a lost connection is told as such: {error:?}");
                failures.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// Ratings are recorded, and built anew, while connections break.
async fn no_rating_is_lost_or_counted_twice_by_cuts(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let network = proxied(&shared(kind).await).await;
    let store = SqlStore::open(config(&place.url_through(network.url()))).await.unwrap();
    let analytics = store.analytics().await.unwrap();
    let (next, failures, is_over) = (AtomicI64::new(1), AtomicU64::new(0), AtomicBool::new(false));
    let recording = (0..3).map(|_| async {
        while !is_over.load(Ordering::SeqCst) {
            let review = rating(next.fetch_add(1, Ordering::SeqCst), "s");
            until_answered(&failures, async || analytics.record(&review).await).await;
        }
    });
    let building = async {
        while !is_over.load(Ordering::SeqCst) {
            let edition = until_answered(&failures, async || analytics.begin().await).await;
            // What is recorded from now on is counted in both.
            let reviews: Vec<_> = (1..next.load(Ordering::SeqCst)).map(|number| rating(number, "s")).collect();
            until_answered(&failures, async || analytics.add(edition, &reviews).await).await;
            assert!(until_answered(&failures, async || analytics.publish(edition).await).await);
        }
    };
    let cutting = async {
        while failures.load(Ordering::SeqCst) < 12 {
            let before = next.load(Ordering::SeqCst);
            until("some more are recorded", async || next.load(Ordering::SeqCst) > before + 6).await;
            network.cut().await;
            network.restore().await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(join_all(recording), building, cutting);
    store.close().await.unwrap();
    let mut expected = RatingCounts::default();
    for number in 1..next.load(Ordering::SeqCst) {
        let review = rating(number, "s");
        expected.all.add(review.rating);
        expected.days.entry(review.day).or_default().add(review.rating);
    }
    let seen = place.open().await.analytics().await.unwrap();
    assert_eq!(counts(&*seen, "s").await, expected);
}

/// Analytics that were open before a server was restarted are used afterwards as if nothing had been.
async fn analytics_come_back_with_their_server(kind: Kind) {
    let server = own(kind).await;
    let place = Place::on(&server).await;
    let store = place.open().await;
    let analytics = store.analytics().await.unwrap();
    analytics.record(&rating(1, "s")).await.unwrap();
    server.kill().await;
    let error = analytics.record(&rating(2, "s")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let seller = Subject::seller("s").unwrap();
    let days = Day::at(DAY)..=Day::at(DAY);
    assert_eq!(analytics.counts(&seller, days).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(store.fault().await.is_some());
    server.start().await;
    for number in 1..=2 {
        until_answered(&AtomicU64::new(0), async || analytics.record(&rating(number, "s")).await).await;
    }
    assert_eq!(counts(&*analytics, "s").await.all.count(), 2);
}

/// Processes that open analytics at the same time make their tables once.
async fn analytics_that_are_opened_together_are_made_once(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let opening = (0..4).map(|number| {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            let analytics = place.open().await.analytics().await.unwrap();
            analytics.record(&rating(number / 2, "s")).await.unwrap();
        })
    });
    for opened in join_all(opening).await {
        opened.unwrap();
    }
    assert_eq!(counts(&*place.open().await.analytics().await.unwrap(), "s").await.all.count(), 2);
}

/// What another process publishes is what this one answers with.
async fn what_one_process_builds_all_answer_with(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let [one, other] = [place.open().await, place.open().await];
    let [one, other] = [one.analytics().await.unwrap(), other.analytics().await.unwrap()];
    one.record(&rating(1, "s")).await.unwrap();
    let edition = one.begin().await.unwrap();
    other.record(&rating(2, "s")).await.unwrap();
    one.add(edition, &[rating(3, "s")]).await.unwrap();
    assert_eq!(counts(&*other, "s").await.all.count(), 2);
    assert!(one.publish(edition).await.unwrap());
    assert_eq!(counts(&*other, "s").await.all.count(), 2, "the second and the third");
}

/// An edition that somebody began and somebody else gave up, between a look at the newest and the next number, is not begun again.
async fn a_number_that_was_given_up_meanwhile_is_nobodys(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let analytics = store.analytics().await.unwrap();
    let newest = analytics.begin().await.unwrap().0;
    let stranger = store.database().begin().await.unwrap();
    let begun = |edition: i64| format!("INSERT INTO jobapp_rating_editions (edition, published) VALUES ({edition}, 0)");
    stranger.execute_unprepared(&begun(newest + 1)).await.unwrap();
    let beginning = tokio::spawn({
        let analytics = Arc::clone(&analytics);
        async move { analytics.begin().await }
    });
    until("it waits for the number", async || place.waiting_since().await > 0).await;
    stranger.execute_unprepared(&begun(newest + 2)).await.unwrap();
    let given_up = format!("DELETE FROM jobapp_rating_editions WHERE edition <= {}", newest + 1);
    stranger.execute_unprepared(&given_up).await.unwrap();
    stranger.commit().await.unwrap();
    let edition = beginning.await.unwrap().unwrap();
    assert_eq!(edition.0, newest + 3);
    assert!(analytics.publish(edition).await.unwrap());
}

/// Ratings of several services in one database.
async fn beside_another(kind: Kind) -> Totals {
    let place = Place::on_shared(kind).await;
    let of = |service: &str| {
        let mut url = place.url();
        url.query_pairs_mut().append_pair("namespace", service);
        config(&url)
    };
    let other = SqlStore::open(of("other")).await.unwrap().analytics().await.unwrap();
    for number in 1..=3 {
        other.record(&rating(number, "s")).await.unwrap();
    }
    let own = SqlStore::open(of("review")).await.unwrap();
    Totals::of(own.analytics().await.unwrap()).keeping((place, other))
}

const OTHERS: i64 = 4_000;

/// A store with one connection and many ratings, of which few are of one seller.
async fn with_ratings(place: &Place) -> (SqlStore, Arc<dyn ReviewAnalytics>) {
    let mut url = place.url();
    let rest: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != "connections").collect();
    url.query_pairs_mut().clear().extend_pairs(rest).append_pair("connections", "1");
    let store = SqlStore::open(config(&url)).await.unwrap();
    let analytics = store.analytics().await.unwrap();
    let edition = analytics.begin().await.unwrap();
    let of_others = (0..OTHERS).map(|number| rating(number, &format!("other {}", number % 50)));
    let own = (OTHERS..OTHERS + 20).map(|number| rating(number, "few"));
    analytics.add(edition, &of_others.chain(own).collect::<Vec<_>>()).await.unwrap();
    assert!(analytics.publish(edition).await.unwrap());
    (store, analytics)
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_reads_the_ratings_of_one_seller_and_no_others() {
    let place = Place::on_shared(Kind::MySql).await;
    let (store, analytics) = with_ratings(&place).await;
    store.database().execute_unprepared("ANALYZE TABLE jobapp_ratings").await.unwrap();
    let read = async || {
        let status = "SHOW SESSION STATUS WHERE variable_name IN ('Handler_read_next', 'Handler_read_rnd_next')";
        let database = store.database();
        let question = Statement::from_string(database.get_database_backend(), status);
        let rows = database.query_all_raw(question).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(1).unwrap().parse::<i64>().unwrap()).sum::<i64>()
    };
    // Looking at the count counts too.
    let (first, before) = (read().await, read().await);
    assert_eq!(counts(&*analytics, "few").await.all.count(), 20);
    let rows = read().await - before - (before - first);
    assert!(rows < 200, "{rows} rows were read for 20 ratings");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_reads_the_ratings_of_one_seller_and_no_others() {
    let place = Place::on_shared(Kind::Postgres).await;
    let (store, analytics) = with_ratings(&place).await;
    store.database().execute_unprepared("ANALYZE jobapp_ratings").await.unwrap();
    store.close().await.unwrap();
    drop(analytics);
    let counted = |what: &str| {
        format!(
            "SELECT coalesce(sum({what}), 0)::bigint FROM pg_stat_user_tables \
             WHERE schemaname = '{}' AND relname = 'jobapp_ratings'",
            place.name
        )
    };
    let (scans, looks) = (counted("seq_scan"), counted("idx_scan"));
    let both = async || (place.number(&scans).await, place.number(&looks).await);
    // What the first session has counted arrives with its end.
    until("the count is still", async || {
        let before = both().await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        before == both().await
    })
    .await;
    let (scans_before, looks_before) = both().await;
    let store = place.open().await;
    let analytics = store.analytics().await.unwrap();
    for _ in 0..5 {
        assert_eq!(counts(&*analytics, "few").await.all.count(), 20);
    }
    store.close().await.unwrap();
    until("the session's counts have arrived", async || place.number(&looks).await >= looks_before + 5).await;
    assert_eq!(place.number(&scans).await, scans_before, "the whole table was read");
}

mod postgres_beside_another {
    use super::*;

    jobapp_contracts::analytics!(beside_another(Kind::Postgres));
}

mod mysql_beside_another {
    use super::*;

    jobapp_contracts::analytics!(beside_another(Kind::MySql));
}

on!(postgres, Kind::Postgres,
    no_rating_is_lost_or_counted_twice_by_cuts
    analytics_come_back_with_their_server
    analytics_that_are_opened_together_are_made_once
    what_one_process_builds_all_answer_with
    a_number_that_was_given_up_meanwhile_is_nobodys
);
on!(mysql, Kind::MySql,
    no_rating_is_lost_or_counted_twice_by_cuts
    analytics_come_back_with_their_server
    analytics_that_are_opened_together_are_made_once
    what_one_process_builds_all_answer_with
    a_number_that_was_given_up_meanwhile_is_nobodys
);
