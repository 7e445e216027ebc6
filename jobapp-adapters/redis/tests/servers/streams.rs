//! Feeds and watches: what is missing is told.

use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::config::Config;
use futures::StreamExt;
use jobapp_realtime_core::{Change, Envelope, Fanout, Feed, Position, Presence, Since, Watch};
use jobapp_redis::{Keeping, Redis, RedisFanout};
use jobapp_wire::messages::Realtime;

use crate::place::{Place, soon, until};

const NOW: Since = Since::Ago(Duration::ZERO);

async fn publish(fanout: &RedisFanout, id: &str) {
    let event = Realtime { event: "message received".into(), arguments: vec![], receivers: vec!["Anna".into()] };
    fanout.publish(Envelope { id: id.into(), event, traceparent: None }).await.unwrap();
}

/// The next event, or the end of the feed.
async fn next(feed: &mut Feed) -> Option<(String, Position)> {
    let published = soon("an event or an end", feed.events.next()).await?;
    Some((published.envelope.id.clone(), published.position))
}

async fn told(watch: &mut Watch) -> Option<Change> {
    soon("a change or an end", watch.changes.next()).await
}

/// Loses what Redis keeps in this place under these names.
async fn lose(place: &Place, names: &[&str]) {
    let client = Client::new(Config::from_url(place.server.url()).unwrap(), None, None, None);
    let connected = client.init().await.unwrap();
    let keys: Vec<String> = names.iter().map(|name| format!("{}:{name}", place.prefix)).collect();
    let lost: usize = client.del(keys).await.unwrap();
    assert_eq!(lost, names.len());
    connected.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_was_cut_off_goes_on_without_a_gap() {
    let place = Place::fresh().await;
    let (proxy, redis) = place.through_a_proxy().await;
    let (here, elsewhere) = (redis.fanout(), place.redis().fanout());
    let mut feed = here.subscribe(NOW).await.unwrap();
    publish(&elsewhere, "a").await;
    let (_, last) = next(&mut feed).await.unwrap();
    proxy.cut().await;
    assert_eq!(next(&mut feed).await, None);
    publish(&elsewhere, "b").await;
    assert!(here.subscribe(Since::After(last)).await.is_err());
    proxy.restore().await;
    until("it is there again", async || redis.ping().await.is_ok()).await;
    let mut feed = here.subscribe(Since::After(last)).await.unwrap();
    assert_eq!(feed.from, last);
    publish(&here, "c").await;
    assert_eq!(next(&mut feed).await.unwrap().0, "b");
    assert_eq!(next(&mut feed).await.unwrap().0, "c");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_and_a_watch_end_when_the_network_swallows_everything() {
    let place = Place::fresh().await;
    let (proxy, redis) = place.through_a_proxy().await;
    let mut feed = redis.fanout().subscribe(NOW).await.unwrap();
    let mut watch = redis.presence().watch().await.unwrap();
    proxy.blackhole().await;
    assert_eq!(next(&mut feed).await, None);
    assert_eq!(told(&mut watch).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_lasts_while_nothing_is_published() {
    let place = Place::fresh().await;
    let fanout = place.redis().fanout();
    let mut feed = fanout.subscribe(NOW).await.unwrap();
    // Longer than Redis waits before it answers that there is nothing.
    let quiet = tokio::time::timeout(Duration::from_secs(5), feed.events.next()).await;
    assert!(quiet.is_err(), "nothing came, and it did not end");
    publish(&fanout, "a").await;
    assert_eq!(next(&mut feed).await.unwrap().0, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_behind_what_is_kept_ends_and_the_next_one_tells_of_the_gap() {
    let place = Place::fresh().await;
    let fanout = place.redis().fanout().keeping(Keeping { time: Duration::from_secs(600), events: 3 });
    let mut feed = fanout.subscribe(NOW).await.unwrap();
    publish(&fanout, "heard").await;
    let (_, last) = next(&mut feed).await.unwrap();
    for number in 0..5 {
        publish(&fanout, &number.to_string()).await;
    }
    assert_eq!(next(&mut feed).await, None, "two are missing");
    let mut feed = fanout.subscribe(Since::After(last)).await.unwrap();
    assert_ne!(feed.from, last);
    let kept = [next(&mut feed).await.unwrap(), next(&mut feed).await.unwrap(), next(&mut feed).await.unwrap()];
    assert_eq!(kept.each_ref().map(|(id, _)| id.as_str()), ["2", "3", "4"]);
    // Who heard the last that is not kept any more missed nothing.
    let from = feed.from;
    let mut feed = fanout.subscribe(Since::After(from)).await.unwrap();
    assert_eq!(feed.from, from);
    assert_eq!(next(&mut feed).await.unwrap().0, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_is_not_kept() {
    let place = Place::fresh().await;
    let fanout = place.redis().fanout().keeping(Keeping { time: Duration::from_millis(100), events: 1_000 });
    let start = fanout.subscribe(NOW).await.unwrap().from;
    publish(&fanout, "old").await;
    let mut published = 0;
    loop {
        published += 1;
        publish(&fanout, &published.to_string()).await;
        let mut feed = fanout.subscribe(Since::After(start)).await.unwrap();
        if next(&mut feed).await.unwrap().0 != "old" {
            assert_ne!(feed.from, start);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_its_events_ends_feeds_and_the_next_one_tells_of_the_gap() {
    let place = Place::fresh().await;
    let fanout = place.redis().fanout();
    for lost in [&["{events}:stream", "{events}:meta"][..], &["{events}:stream"], &["{events}:meta"]] {
        let mut feed = fanout.subscribe(NOW).await.unwrap();
        publish(&fanout, "a").await;
        let (_, last) = next(&mut feed).await.unwrap();
        lose(&place, lost).await;
        publish(&fanout, "b").await;
        assert_eq!(next(&mut feed).await, None, "{lost:?}");
        let mut feed = fanout.subscribe(Since::After(last)).await.unwrap();
        assert_ne!(feed.from, last, "{lost:?}");
        assert_eq!(next(&mut feed).await.unwrap().0, "b");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_who_is_online_is_told_again() {
    let place = Place::fresh().await;
    let (here, there): (Redis, Redis) = (place.redis(), place.redis());
    let (here, there) = (here.presence(), there.presence());
    here.renew("one", &["Anna".into(), "Bert".into()]).await.unwrap();
    there.renew("two", &["Bert".into()]).await.unwrap();
    let mut watch = there.watch().await.unwrap();
    let names = ["online", "counts", "gateways", "changes", "meta", "at:one", "at:two"];
    let names: Vec<String> = names.map(|name| format!("{{presence}}:{name}")).to_vec();
    lose(&place, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    there.renew("two", &["Bert".into()]).await.unwrap();
    assert_eq!(told(&mut watch).await, None, "who watched looks again");
    here.renew("one", &["Anna".into(), "Bert".into()]).await.unwrap();
    assert_eq!(there.watch().await.unwrap().online, ["Anna", "Bert"]);
    there.leave("two", "Bert").await.unwrap();
    assert_eq!(there.watch().await.unwrap().online, ["Anna", "Bert"], "he is still at the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_only_said_who_came_and_was_killed_is_not_taken_for_alive() {
    let place = Place::fresh().await;
    let presence = place.redis().presence().with_lease(Duration::from_millis(200));
    presence.enter("killed", "Anna").await.unwrap();
    until("she is gone", async || {
        presence.renew("other", &[]).await.unwrap();
        presence.watch().await.unwrap().online.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_told_at_once() {
    let place = Place::fresh().await;
    let presence = place.redis().presence();
    let crowd: Vec<std::sync::Arc<str>> = (0..20_000).map(|number| format!("user {number}").into()).collect();
    presence.renew("one", &crowd).await.unwrap();
    presence.renew("one", &crowd).await.unwrap();
    let online = presence.watch().await.unwrap().online;
    assert_eq!((online.len(), online[0].as_str()), (20_000, "user 19999"));
    presence.retire("one").await.unwrap();
    assert!(presence.watch().await.unwrap().online.is_empty());
}
