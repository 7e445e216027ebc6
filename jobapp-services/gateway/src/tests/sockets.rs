//! Who is behind a socket, and what gateways tell each other.

use std::sync::Arc;

use futures::future::join_all;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jobapp_http::UserClaims;
use jobapp_memory::MemoryCategories;
use jobapp_realtime::Handshake;
use jobapp_wire::messages::Realtime as Event;
use serde_json::json;

use super::{World, claims, outage, world, world_sharing};
use crate::sockets::Sessions;
use crate::{GatewayConfig, GatewayPorts};

/// An access token of this session that has expired.
fn expired(sid: &str) -> String {
    outage::expired(&UserClaims { sid: sid.into(), ..claims("Marta") })
}

fn with_cookie(token: &str) -> HeaderMap {
    HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("session={token}")).unwrap())])
}

fn sessions(world: &World) -> Sessions {
    let inner = &world.gateway.0;
    Sessions::new(inner.users.clone(), inner.ended.clone(), inner.kept_users.clone(), inner.upstreams.clone())
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
    world.gateway.end_session(&claims("Marta").sid);
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
