//! Building the index anew while it is searched and written, by one and by several.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::join_all;
use jobapp_contracts::search::{deleted, gig, saved};
use jobapp_elastic::ElasticSearch;
use jobapp_gigs::{EveryGig, IndexChange, SearchError, SearchIndex};
use jobapp_kernel::RepositoryError;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::place::{Place, build, found, is_behind, soon, total};

/// Gives its gigs once it may.
struct Paused {
    gigs: Vec<IndexChange>,
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

#[async_trait]
impl EveryGig for Paused {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        if self.gigs.len() == 2 {
            self.begun.notify_one();
            self.go_on.notified().await;
        }
        Ok(self.gigs.pop().into_iter().collect())
    }
}

/// Starts to build an index of a gig at version 3 and another one, and goes on when it is told.
async fn begin_to_build(index: &ElasticSearch) -> (Arc<Notify>, JoinHandle<Result<usize, SearchError>>) {
    let (begun, go_on) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let gigs = vec![saved(&gig(2, "built"), 1), saved(&gig(1, "built"), 3)];
    let mut source = Paused { gigs, begun: Arc::clone(&begun), go_on: Arc::clone(&go_on) };
    let index = index.clone();
    let rebuild = tokio::spawn(async move { index.rebuild(&mut source, &|_| {}).await });
    soon("the build", begun.notified()).await;
    (go_on, rebuild)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_index_searches_say_so_and_news_wait() {
    let place = Place::fresh().await;
    let index = place.process();
    assert!(is_behind(&index).await);
    let refused = index.apply(vec![saved(&gig(1, "logo"), 1)]).await;
    assert!(matches!(refused, Err(SearchError::Incomplete)));
    assert!(place.indexes().await.is_empty(), "the server would have made one that is none of ours");
    build(&index, vec![saved(&gig(1, "logo"), 1)]).await;
    assert!(!place.process().needs_rebuild().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_index_is_built_the_old_one_is_searched_and_both_are_written() {
    let (_, one, other) = Place::two(vec![saved(&gig(9, "gone"), 1)]).await;
    let (go_on, rebuild) = begin_to_build(&one).await;
    assert_eq!(found(&other, "gone").await, 1);
    let news =
        vec![saved(&gig(1, "told"), 2), saved(&gig(2, "told"), 2), saved(&gig(3, "told"), 1), deleted(&gig(9, ""), 2)];
    other.apply(news).await.unwrap();
    for index in [&one, &other] {
        assert_eq!((found(index, "told").await, found(index, "built").await, found(index, "gone").await), (3, 0, 0));
    }
    go_on.notify_one();
    assert_eq!(rebuild.await.unwrap().unwrap(), 2);
    for index in [&one, &other] {
        // The first was read at a newer version than it was told at, the second was told at a newer one than it was read at.
        assert_eq!((found(index, "built").await, found(index, "told").await, total(index).await), (1, 2, 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_come_while_the_first_index_is_built_are_in_it() {
    let place = Place::fresh().await;
    let (one, other) = (place.process(), place.process());
    let (go_on, rebuild) = begin_to_build(&one).await;
    other.apply(vec![saved(&gig(2, "told"), 2), saved(&gig(3, "told"), 1)]).await.unwrap();
    assert!(is_behind(&other).await, "it does not know every gig yet");
    go_on.notify_one();
    rebuild.await.unwrap().unwrap();
    assert_eq!((found(&other, "built").await, found(&other, "told").await), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_another_overtakes_fails_and_harms_nothing() {
    let (place, one, other) = Place::two(vec![saved(&gig(9, "gone"), 1)]).await;
    let (go_on, rebuild) = begin_to_build(&one).await;
    build(&other, vec![saved(&gig(7, "logo"), 1)]).await;
    go_on.notify_one();
    rebuild.await.unwrap().expect_err("nobody told its index what happened since");
    assert_eq!((total(&one).await, found(&other, "logo").await), (1, 1));
    assert_eq!(place.indexes().await.len(), 1);
    one.apply(vec![saved(&gig(8, "logo"), 1)]).await.unwrap();
    assert_eq!((total(&one).await, total(&other).await), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_builder_that_died_left_harms_nobody_and_the_next_one_removes_it() {
    let (place, one, other) = Place::two(vec![saved(&gig(9, "gone"), 1)]).await;
    let (_go_on, rebuild) = begin_to_build(&one).await;
    rebuild.abort();
    rebuild.await.expect_err("it was aborted");
    assert_eq!((place.indexes().await.len(), total(&other).await), (2, 1));
    other.apply(vec![saved(&gig(1, "told"), 1)]).await.unwrap();
    assert_eq!(total(&other).await, 2);
    build(&other, vec![saved(&gig(7, "logo"), 1)]).await;
    assert_eq!((place.indexes().await.len(), total(&one).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_whose_store_fails_leaves_no_index_behind() {
    struct Fails;
    #[async_trait]
    impl EveryGig for Fails {
        async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
            Err(RepositoryError::unavailable("scan gigs", "the store was told to fail"))
        }
    }
    let (place, one, _) = Place::two(Vec::new()).await;
    let before = place.indexes().await;
    assert!(matches!(one.rebuild(&mut Fails, &|_| {}).await, Err(SearchError::Source(_))));
    assert_eq!(place.indexes().await, before);
}

/// Reads a store once, at some moment of the build.
struct Store {
    gigs: Arc<Mutex<Vec<IndexChange>>>,
    is_read: bool,
}

#[async_trait]
impl EveryGig for Store {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        let is_first = !std::mem::replace(&mut self.is_read, true);
        Ok(if is_first { self.gigs.lock().unwrap().clone() } else { Vec::new() })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_build_at_once_no_news_are_lost() {
    let (place, one, other) = Place::two(Vec::new()).await;
    let store = Arc::<Mutex<Vec<_>>>::default();
    for round in 1..=6 {
        let building = [&one, &other, &one].map(|index| {
            let (index, mut source) = (index.clone(), Store { gigs: Arc::clone(&store), is_read: false });
            tokio::spawn(async move { index.rebuild(&mut source, &|_| {}).await })
        });
        let told = saved(&gig(round, "told"), 1);
        store.lock().unwrap().push(told.clone());
        other.apply(vec![told]).await.unwrap();
        let built: Vec<_> = join_all(building).await.into_iter().map(Result::unwrap).collect();
        assert!(built.iter().any(Result::is_ok), "{built:?}");
        assert_eq!(found(&one, "told").await, usize::try_from(round).unwrap(), "{built:?}");
    }
    assert_eq!(place.indexes().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_somebody_removed_is_built_again_and_never_made_by_chance() {
    let (place, one, other) = Place::two(vec![saved(&gig(1, "logo"), 1)]).await;
    place.remove_indexes().await;
    one.apply(vec![saved(&gig(2, "logo"), 1)]).await.expect_err("there is no index");
    assert!(place.indexes().await.is_empty());
    assert!(is_behind(&other).await);
    build(&other, vec![saved(&gig(7, "logo"), 1)]).await;
    one.apply(vec![saved(&gig(8, "logo"), 1)]).await.unwrap();
    assert_eq!(total(&one).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_remembered_longer_than_the_server_does() {
    let (place, one, other) = Place::two(vec![saved(&gig(1, "logo"), 1)]).await;
    let settings = json!({"index": {"gc_deletes": "0s"}});
    place.ask(Method::PUT, &format!("/{}-v*/_settings", place.index), &settings).await;
    one.apply(vec![deleted(&gig(1, "logo"), 6)]).await.unwrap();
    place.ask(Method::POST, &format!("/{}-v*/_flush?force=true", place.index), &Value::Null).await;
    other.apply(vec![saved(&gig(1, "logo"), 5)]).await.unwrap();
    assert_eq!(total(&other).await, 0);
}
