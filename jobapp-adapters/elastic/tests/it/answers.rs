//! Every answer is looked at: a success may hold failures, and not every failure is one.

use std::time::Duration;

use jobapp_contracts::search::{gig, saved};
use jobapp_elastic::{ElasticConfig, ElasticSearch};
use jobapp_gigs::{GigSearch, SearchError, SearchIndex, SearchQuery};
use serde_json::{Value, json};

use crate::scripted::{Asked, Scripted};

const ALIASES: &str = "GET /jobapp-gigs-v*/_alias";
const BULK: &str = "POST /_bulk";
const SEARCH: &str = "POST /jobapp-gigs-v1/_search";

fn open(server: &Scripted) -> ElasticSearch {
    ElasticSearch::open(config(&format!("http://{}", server.host)))
}

fn config(url: &str) -> ElasticConfig {
    let mut config = ElasticConfig::from_url(url).unwrap();
    config.patience = Duration::from_secs(20);
    config
}

/// One index, which is searched.
fn aliases() -> (u16, Value) {
    (200, json!({"jobapp-gigs-v1-0123456789abcdef0123456789abcdef": {"aliases": {"jobapp-gigs-v1": {}}}}))
}

fn items(statuses: &[u16]) -> (u16, Value) {
    let item = |status: &u16| match status {
        200..=299 => json!({"index": {"status": status}}),
        _ => json!({"index": {"status": status, "error": {"type": "some_exception", "reason": "because"}}}),
    };
    (200, json!({"items": statuses.iter().map(item).collect::<Vec<_>>()}))
}

/// A server that takes news so.
async fn taking(answer: impl Fn(&Asked, usize) -> (u16, Value) + Send + Sync + 'static) -> Scripted {
    Scripted::answering(move |asked, before| match asked.what.as_str() {
        ALIASES => aliases(),
        BULK => answer(asked, before),
        _ => panic!("{asked:?}"),
    })
    .await
}

fn ids(asked: &Asked) -> Vec<String> {
    let lines = asked.body.lines().step_by(2).map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["index"]["_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn of_many_news_those_are_sent_again_for_which_there_was_no_time() {
    let server = taking(|_, before| match before {
        0 => items(&[201, 429, 409, 503]),
        1 => items(&[200, 429]),
        _ => items(&[200]),
    })
    .await;
    let news: Vec<_> = (1..=4).map(|number| saved(&gig(number, "logo"), 1)).collect();
    open(&server).apply(news).await.unwrap();
    let asked: Vec<_> = server.asked(BULK).iter().map(ids).collect();
    assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 1]);
    assert_eq!((&asked[1][0], &asked[1][1], &asked[2][0]), (&asked[0][1], &asked[0][3], &asked[0][3]));
    assert!(server.asked(BULK)[0].head[0].contains("require_alias=true"));
}

#[tokio::test]
async fn a_server_without_time_for_anything_is_asked_again_and_not_for_ever() {
    let server = taking(|_, before| if before < 2 { (429, json!({})) } else { items(&[200]) }).await;
    open(&server).apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap();
    assert_eq!(server.asked(BULK).len(), 3);
    let server = taking(|_, _| (503, json!({"error": "unavailable"}))).await;
    open(&server).apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap_err();
    assert_eq!(server.asked(BULK).len(), 6);
}

#[tokio::test]
async fn a_gig_that_is_refused_for_good_is_named_and_keeps_no_other_back() {
    let server = taking(|_, before| if before == 0 { items(&[200, 400, 429]) } else { items(&[200]) }).await;
    let news: Vec<_> = (1..=3).map(|number| saved(&gig(number, "logo"), 1)).collect();
    let SearchError::Refused(refused) = open(&server).apply(news).await.unwrap_err() else { panic!() };
    let named = &ids(&server.asked(BULK)[0])[1];
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0].0.to_string(), refused[0].1.as_str()), (named, "some_exception: because"));
    assert_eq!(server.asked(BULK).len(), 2, "only the one for which there was no time is sent again");
}

#[tokio::test]
async fn news_that_nobody_may_write_are_told_and_not_sent_again() {
    let server = taking(|_, _| items(&[200, 403])).await;
    let news = vec![saved(&gig(1, "logo"), 1), saved(&gig(2, "logo"), 1)];
    let SearchError::Unavailable(reason) = open(&server).apply(news).await.unwrap_err() else { panic!() };
    assert_eq!(reason.to_string(), "Elasticsearch did not take news: 403 some_exception: because");
    assert_eq!(server.asked(BULK).len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_tell_of_all_news_is_a_failure() {
    let server = taking(|_, _| (200, json!({}))).await;
    open(&server).apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap_err();
}

#[tokio::test]
async fn news_whose_alias_was_taken_away_look_for_their_way_again() {
    let server = taking(|_, before| items(&[if before == 0 { 404 } else { 200 }])).await;
    open(&server).apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap();
    assert_eq!((server.asked(ALIASES).len(), server.asked(BULK).len()), (2, 2));
}

#[tokio::test]
async fn a_search_without_an_index_says_that_it_has_to_be_built_first() {
    let error = json!({"error": {"type": "index_not_found_exception", "reason": "no such index"}, "status": 404});
    let server = Scripted::answering(move |_, _| (404, error.clone())).await;
    let found = open(&server).search(&SearchQuery::default()).await;
    assert!(matches!(found, Err(SearchError::Incomplete)));
}

#[tokio::test]
async fn a_search_that_is_answered_with_an_error_fails_and_the_next_one_is_asked() {
    let found = json!({"hits": {"total": {"value": 1}, "hits": [{"_id": "0123456789abcdef01234567"}]}});
    let server =
        Scripted::answering(move |_, before| if before == 0 { (503, json!({})) } else { (200, found.clone()) }).await;
    let index = open(&server);
    index.search(&SearchQuery::default()).await.unwrap_err();
    assert_eq!(index.search(&SearchQuery::default()).await.unwrap().total, 1);
    assert!(server.asked(SEARCH)[0].head[0].contains("allow_partial_search_results=false"));
    assert_eq!(index.silent_nodes(), [""; 0]);
}

#[tokio::test]
async fn who_stands_before_a_server_that_is_away_is_passed_over_like_the_server() {
    let gone = Scripted::answering(|_, _| (502, json!({}))).await;
    let found = json!({"hits": {"total": {"value": 0}}});
    let there = Scripted::answering(move |_, _| (200, found.clone())).await;
    let index = ElasticSearch::open(config(&format!("http://{},{}", gone.host, there.host)));
    for _ in 0..4 {
        assert_eq!(index.search(&SearchQuery::default()).await.unwrap().total, 0);
    }
    assert_eq!(index.silent_nodes().len(), 1);
    assert!(index.silent_nodes()[0].contains("502"));
}

#[tokio::test]
async fn a_server_is_told_who_asks_and_an_error_tells_nobody() {
    let server =
        Scripted::answering(|_, _| (401, json!({"error": {"type": "security_exception", "reason": "who?"}}))).await;
    let index = ElasticSearch::open(config(&format!("http://elastic:hush@{}", server.host)));
    let error = format!("{:?}", index.search(&SearchQuery::default()).await.unwrap_err());
    assert!(error.contains("who?") && !error.contains("hush"), "{error}");
    assert!(!format!("{index:?}").contains("hush"));
    let head = server.asked(SEARCH)[0].head.join("\n");
    assert!(head.contains("authorization: Basic ZWxhc3RpYzpodXNo"), "{head}");
    assert!(head.contains("accept: application/json") && !head.contains("compatible-with"), "{head}");
}
