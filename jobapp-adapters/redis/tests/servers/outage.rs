//! Redis goes, and comes back.

use std::time::Duration;

use jobapp_kernel::{Rate, RateLimiter};
use jobapp_notifications::{Claim, MailId, SentRecords, Template};
use jobapp_realtime_core::Presence;
use jobapp_redis::{Redis, RedisError};
use jobapp_test_servers::{Kind, own, proxied};
use tokio::time::Instant;

use crate::place::{Place, soon, until};

const RATE: Rate = Rate { burst: 10, every: Duration::from_secs(3600) };

async fn is_there(redis: &Redis) -> bool {
    redis.ping().await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_while_redis_is_away_fails_at_once_and_works_again_by_itself() {
    let place = Place::fresh().await;
    let (proxy, redis) = place.through_a_proxy().await;
    let limiter = redis.limiter();
    assert_eq!(limiter.take("a", RATE).await.unwrap().remaining, 9);
    proxy.cut().await;
    until("the cut is noticed", async || matches!(redis.ping().await, Err(RedisError::Away { .. }))).await;
    let begun = Instant::now();
    for _ in 0..500 {
        assert!(limiter.take("a", RATE).await.is_err());
    }
    assert!(begun.elapsed() < place.config(proxy.url()).patience, "none of them waits: {:?}", begun.elapsed());
    proxy.restore().await;
    until("it is there again", async || is_there(&redis).await).await;
    assert_eq!(limiter.take("a", RATE).await.unwrap().remaining, 8, "nothing was kept to be done later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_is_noticed() {
    let place = Place::fresh().await;
    let (proxy, redis) = place.through_a_proxy().await;
    proxy.blackhole().await;
    assert!(soon("an error", redis.limiter().take("a", RATE)).await.is_err());
    until("nothing waits for it any more", async || matches!(redis.ping().await, Err(RedisError::Away { .. }))).await;
    proxy.restore().await;
    until("it is there again", async || is_there(&redis).await).await;
    assert_eq!(redis.limiter().take("a", RATE).await.unwrap().remaining, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_whose_answer_was_lost_is_taken_once() {
    let place = Place::fresh().await;
    let (proxy, redis) = place.through_a_proxy().await;
    // A Redis that does not know the script asks for it first, and has not begun.
    redis.limiter().take("another", RATE).await.unwrap();
    proxy.delay(Duration::from_secs(600)).await;
    assert!(soon("an error", redis.limiter().take("a", RATE)).await.is_err());
    proxy.restore().await;
    until("it is there again", async || is_there(&redis).await).await;
    assert_eq!(redis.limiter().take("a", RATE).await.unwrap().remaining, 8, "it was taken, and not again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_gave_up_is_not_done_later() {
    let place = Place::fresh().await;
    let (proxy, redis) = place.through_a_proxy().await;
    let limiter = redis.limiter();
    proxy.blackhole().await;
    let giving_up = (0..8).map(|_| tokio::time::timeout(Duration::from_millis(100), limiter.take("a", RATE)));
    let given_up = futures::future::join_all(giving_up).await;
    assert!(given_up.iter().all(|taken| !matches!(taken, Ok(Ok(_)))));
    until("the silence is noticed", async || matches!(redis.ping().await, Err(RedisError::Away { .. }))).await;
    proxy.restore().await;
    until("it is there again", async || is_there(&redis).await).await;
    assert_eq!(place.redis().limiter().take("a", RATE).await.unwrap().remaining, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_redis_gets_it_when_it_comes() {
    let place = Place::fresh().await;
    let proxy = proxied(&place.server).await;
    proxy.cut().await;
    let redis = place.by(proxy.url());
    assert!(matches!(soon("an error", redis.ping()).await, Err(RedisError::Away { .. })));
    proxy.restore().await;
    until("it is there", async || is_there(&redis).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_killed_comes_back_with_what_it_knew_and_without_scripts() {
    let server = own(Kind::Redis).await;
    let place = Place::on(server.clone());
    let redis = place.redis();
    let records = redis.sent_records();
    let id = MailId { message: "a".into(), template: Template::Offer, at: jobapp_kernel::Timestamp::EPOCH };
    assert!(matches!(records.claim(&id, Duration::from_secs(60)).await.unwrap(), Claim::Free(_)));
    records.record(&id).await.unwrap();
    redis.presence().renew("one", &["Anna".into()]).await.unwrap();
    server.kill().await;
    until("it is gone", async || !is_there(&redis).await).await;
    assert!(records.claim(&id, Duration::from_secs(60)).await.is_err(), "nobody says that it was not sent");
    server.start().await;
    until("it is there again", async || is_there(&redis).await).await;
    assert_eq!(records.claim(&id, Duration::from_secs(60)).await.unwrap(), Claim::Sent);
    assert_eq!(redis.presence().watch().await.unwrap().online, ["Anna"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_there_is_no_connection_is_told() {
    let server = own(Kind::Redis).await;
    let place = Place::on(server.clone());
    let redis = place.redis();
    redis.ping().await.unwrap();
    let stranger = place.by(&server.url().replace("redis://", "redis://nobody:knows@"));
    let error = soon("an error", stranger.ping()).await.unwrap_err().to_string();
    assert!(error.contains("there is no connection to Redis") && error.contains("WRONGPASS"), "{error}");
    server.stop().await;
    until("it is told", async || {
        redis.ping().await.is_err_and(|error| error.to_string().contains("there is no connection to Redis: "))
    })
    .await;
}
