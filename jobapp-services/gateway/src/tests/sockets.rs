//! Who is behind a socket, and what gateways tell each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::future::join_all;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jobapp_http::UserClaims;
use jobapp_memory::{MemoryCategories, MemoryFanout};
use jobapp_realtime::{Envelope, Fanout, Feed, Handshake, Since, Unavailable};
use jobapp_wire::messages::Realtime as Event;
use serde_json::json;
use tokio::sync::Notify;

use super::{World, claims, outage, world, world_sharing};
use crate::sockets::handshake::Handshakes;
use crate::{GatewayConfig, GatewayPorts};

/// An access token of this session that has expired.
fn expired(sid: &str) -> String {
    outage::expired(&UserClaims { sid: sid.into(), ..claims("Marta") })
}

fn with_cookie(token: &str) -> HeaderMap {
    HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("session={token}")).unwrap())])
}

fn sessions(world: &World) -> Handshakes {
    let endings = &world.gateway.0.endings;
    Handshakes::new(endings.known.clone(), endings.upstreams.clone())
}

fn questions(world: &World) -> usize {
    world.backstage.seen.lock().iter().filter(|seen| seen.uri.ends_with("/alive")).count()
}

#[tokio::test]
async fn a_live_session_is_enough_and_many_at_once_ask_for_it_once() {
    let world = world().await;
    let (sessions, headers) = (sessions(&world), with_cookie(&expired("lives")));
    let found = join_all((0..65).map(|_| sessions.identify(&headers))).await;
    for identity in found {
        assert_eq!(&*identity.unwrap().unwrap().sid, "lives");
    }
    assert_eq!(questions(&world), 1);
    let good = with_cookie(&world.users.issue(&claims("Marta")).unwrap());
    assert!(sessions.identify(&good).await.unwrap().is_some());
    assert_eq!(questions(&world), 1, "a good access token needs no question");
}

#[tokio::test]
async fn without_a_live_session_a_socket_is_nobodys() {
    let world = world().await;
    let sessions = sessions(&world);
    let over = with_cookie(&expired("over"));
    for headers in [HeaderMap::new(), with_cookie("forged"), over] {
        assert!(sessions.identify(&headers).await.unwrap().is_none(), "{headers:?}");
    }
    let good = with_cookie(&world.users.issue(&claims("Marta")).unwrap());
    world.gateway.0.endings.end(&claims("Marta").sid);
    assert!(sessions.identify(&good).await.unwrap().is_none());
}

#[tokio::test]
async fn a_request_names_its_session_whatever_the_age_of_its_token_and_nobody_is_asked() {
    let world = world().await;
    let sessions = sessions(&world);
    let session = |token: &str| sessions.named(&with_cookie(token)).map(|identity| identity.sid.to_string());
    let fresh = world.users.issue(&claims("Marta")).unwrap();
    assert_eq!(session(&fresh), Some(claims("Marta").sid));
    assert_eq!(session(&expired("lives")), Some("lives".to_owned()));
    // Whose it is stays known after its end; that it ended is asked elsewhere.
    sessions.ended("lives");
    assert_eq!(session(&expired("lives")), Some("lives".to_owned()));
    assert_eq!(session("forged"), None);
    assert_eq!(sessions.named(&HeaderMap::new()), None);
    assert_eq!(questions(&world), 0);
}

#[tokio::test]
async fn while_auth_is_away_open_sockets_stay_and_doubtful_ones_are_told_apart() {
    let world = world().await;
    let sessions = sessions(&world);
    world.backstage.away.lock().insert("auth");
    assert!(sessions.identify(&with_cookie(&expired("lives"))).await.is_err());
    assert!(sessions.alive(&jobapp_realtime::Identity::new("Marta", "lives")).await);
    sessions.ended("lives");
    assert!(!sessions.alive(&jobapp_realtime::Identity::new("Marta", "lives")).await);
}

#[tokio::test]
async fn a_session_that_one_gateway_hears_the_end_of_is_over_at_all() {
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new()));
    let first = world_sharing(ports.clone(), GatewayConfig::default()).await;
    let second = world_sharing(ports, GatewayConfig::default()).await;
    let asked = || second.read("/auth/currentuser", "Marta");
    assert_eq!(asked().await.status, 200);

    let event = Event {
        event: "session ended".into(),
        arguments: vec![json!(claims("Marta").sid)],
        receivers: vec![claims("Marta").username],
    };
    first.gateway.realtime().deliver("e1", &event).await.unwrap();
    while asked().await.status != 401 {
        tokio::task::yield_now().await;
    }
}

/// A feed that breaks when it is told to.
struct Breaking {
    /// Keeps nothing.
    fanout: MemoryFanout,
    breaks: Arc<Notify>,
}

#[async_trait]
impl Fanout for Breaking {
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable> {
        self.fanout.publish(envelope).await
    }

    async fn subscribe(&self, since: Since) -> Result<Feed, Unavailable> {
        // Nobody hears this one.
        let event = Event { event: "lost".into(), arguments: Vec::new(), receivers: vec!["Nobody".into()] };
        self.fanout.publish(Envelope { id: "lost".into(), event, traceparent: None }).await?;
        let feed = self.fanout.subscribe(since).await?;
        let end = Arc::clone(&self.breaks);
        let events = feed.events.take_until(async move { end.notified().await }).boxed();
        Ok(Feed { events, ..feed })
    }
}

/// Waits until the gateway answers so, for at most a minute of a clock that runs ahead.
async fn until_answered(world: &World, path: &str, name: &str, status: u16) {
    let answered = async {
        while world.read(path, name).await.status != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.unwrap_or_else(|_| panic!("never {status}"));
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_in_the_feed_sessions_that_ended_meanwhile_are_over() {
    let fanout = Arc::new(Breaking { fanout: MemoryFanout::keeping(0), breaks: Arc::default() });
    let ports = GatewayPorts { fanout: fanout.clone(), ..GatewayPorts::alone(Arc::new(MemoryCategories::new())) };
    let world = world_sharing(ports, GatewayConfig::default()).await;
    world.gateway.load_ended_sessions().await.unwrap();
    for (name, title) in [("Marta", "first"), ("Iria", "second")] {
        assert_eq!(world.read("/auth/currentuser", name).await.status, 200);
        world.backstage.ended.lock().push(claims(name).sid);
        *world.backstage.title.lock() = title.to_owned();
        // Nothing that is asked before the auth service is back is asked in vain.
        world.away("auth");
        fanout.breaks.notify_one();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(world.read("/order/JO1", name).await.status, 200, "nobody can tell yet");
        world.backstage.away.lock().clear();
        until_answered(&world, "/order/JO1", name, 401).await;
        world.away("auth");
        assert_eq!(world.read("/auth/currentuser", name).await.status, 401, "its own copy is over as well");
        world.backstage.away.lock().clear();
        assert_eq!(world.read("/gig/66f0", "Anna").await.body["gig"]["title"], title);
    }
}
