//! Elasticsearch goes, and comes back.

use std::time::Duration;

use jobapp_contracts::search::{gig, saved};
use jobapp_elastic::{ElasticError, ElasticSearch};
use jobapp_gigs::{GigSearch, SearchIndex, SearchQuery};
use jobapp_test_servers::{Kind, own, proxied};
use tokio::time::Instant;

use crate::place::{Place, build, soon, total, until};

async fn is_there(index: &ElasticSearch) -> bool {
    index.ping().await.is_ok()
}

async fn is_away(index: &ElasticSearch) -> bool {
    matches!(index.ping().await, Err(ElasticError::Away { .. }))
}

async fn answers(index: &ElasticSearch) -> bool {
    index.search(&SearchQuery::default()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_while_it_is_away_fails_at_once_and_works_again_by_itself() {
    let place = Place::fresh().await;
    let (proxy, index) = place.through_a_proxy().await;
    build(&index, vec![saved(&gig(1, "logo"), 1)]).await;
    proxy.cut().await;
    until("the cut is noticed", async || is_away(&index).await).await;
    let begun = Instant::now();
    for _ in 0..500 {
        assert!(!answers(&index).await);
    }
    assert!(begun.elapsed() < place.config(proxy.url()).patience, "none of them waits: {:?}", begun.elapsed());
    index.apply(vec![saved(&gig(2, "logo"), 1)]).await.expect_err("news wait in their queue");
    proxy.restore().await;
    until("it is there again", async || answers(&index).await).await;
    index.apply(vec![saved(&gig(2, "logo"), 1)]).await.unwrap();
    assert_eq!(total(&index).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_costs_one_patience_and_not_one_a_search() {
    let place = Place::fresh().await;
    let proxy = proxied(&place.server).await;
    let mut config = place.config(proxy.url());
    config.patience = Duration::from_secs(1);
    let index = ElasticSearch::open(config);
    build(&place.process(), vec![saved(&gig(1, "logo"), 1)]).await;
    until("it is there", async || answers(&index).await).await;
    proxy.blackhole().await;
    assert!(!soon("an error", answers(&index)).await);
    let begun = Instant::now();
    for _ in 0..100 {
        assert!(!answers(&index).await);
    }
    // Long enough for a node to be asked again, which keeps nobody waiting.
    while begun.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        assert!(!answers(&index).await);
        assert!(asked.elapsed() < Duration::from_millis(900), "it waited {:?}", asked.elapsed());
    }
    proxy.restore().await;
    until("it is there again", async || answers(&index).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_whose_answer_was_lost_may_be_told_again() {
    let place = Place::fresh().await;
    let proxy = proxied(&place.server).await;
    let mut config = place.config(proxy.url());
    config.write_patience = Duration::from_secs(1);
    let index = ElasticSearch::open(config);
    let direct = place.process();
    build(&direct, Vec::new()).await;
    assert!(!index.needs_rebuild().await.unwrap());
    proxy.delay(Duration::from_secs(2)).await;
    // It is told in time which indexes there are, and too late that the news were taken.
    index.apply(vec![saved(&gig(1, "logo"), 1)]).await.expect_err("nobody knows whether they were");
    until("they were", async || total(&direct).await == 1).await;
    proxy.restore().await;
    until("it is there again", async || is_there(&index).await).await;
    index.apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap();
    assert_eq!((total(&index).await, total(&direct).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_it_gets_it_when_it_comes() {
    let place = Place::fresh().await;
    let proxy = proxied(&place.server).await;
    proxy.cut().await;
    let index = place.by(proxy.url());
    assert!(soon("an error", index.needs_rebuild()).await.is_err());
    assert!(soon("an error", index.ping()).await.is_err());
    proxy.restore().await;
    until("it is there", async || is_there(&index).await).await;
    assert!(index.needs_rebuild().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_node_of_two_is_away_no_search_fails() {
    let place = Place::fresh().await;
    let (one, other) = (proxied(&place.server).await, proxied(&place.server).await);
    let hosts = [&one, &other].map(|proxy| proxy.url().trim_start_matches("http://").trim_end_matches('/').to_owned());
    let index = place.by(&format!("http://{}", hosts.join(",")));
    build(&index, vec![saved(&gig(1, "logo"), 1)]).await;
    for (version, node) in (2..).zip([&one, &other, &one, &other]) {
        node.cut().await;
        for _ in 0..20 {
            assert_eq!(total(&index).await, 1);
        }
        index.apply(vec![saved(&gig(1, "logo"), version)]).await.unwrap();
        assert_eq!(index.silent_nodes().len(), 1);
        node.restore().await;
        until("both nodes are used again", async || answers(&index).await && index.silent_nodes().is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_comes_back_with_what_it_acknowledged() {
    let server = own(Kind::Elasticsearch).await;
    let place = Place::on(server.clone());
    let index = place.process();
    build(&index, vec![saved(&gig(1, "logo"), 1)]).await;
    index.apply(vec![saved(&gig(2, "logo"), 1)]).await.unwrap();
    server.kill().await;
    until("it is gone", async || is_away(&index).await).await;
    server.start().await;
    until("it is there again", async || answers(&index).await).await;
    assert_eq!(total(&index).await, 2);
    index.apply(vec![saved(&gig(2, "sign"), 1), saved(&gig(3, "logo"), 1)]).await.unwrap();
    assert_eq!(total(&index).await, 3, "the versions are known, too");
    assert!(!index.needs_rebuild().await.unwrap());

    server.pause().await;
    assert!(!soon("an error", answers(&index)).await);
    assert!(is_away(&index).await, "the silence of one search is enough");
    server.unpause().await;
    until("it goes on", async || answers(&index).await).await;
}
