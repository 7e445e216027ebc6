//! Whose a connection is, whoever shows its id.

use jobapp_wire::messages::Realtime as Event;
use serde_json::json;

use crate::agent::{Agent, Opening};
use crate::raw;
use crate::world::{Gateway, Shared, config, until};

const ANNA: &str = "Anna.s-Anna";

#[tokio::test]
async fn the_id_of_a_connection_reads_nothing_without_its_session() {
    let gateway = Gateway::alone().await;
    let address = gateway.address;
    let sid = raw::join(address, Some(ANNA)).await;
    gateway.message("m1", "Bert", "Anna").await;
    for other in [None, Some("Bert.s-Bert"), Some("Anna.another"), Some("Bert.s-Anna"), Some("forged")] {
        let answer = raw::poll(address, &sid, other).await;
        assert_eq!((answer.status, answer.body.contains("m1")), (403, false), "{other:?}: {answer:?}");
        let answer = raw::post(address, &sid, other, "1").await;
        assert_eq!(answer.status, 403, "{other:?}");
        let headers = raw::good(other.unwrap_or_default());
        let answer = raw::send(address, &raw::handshake(&format!("&sid={sid}"), &headers)).await;
        assert_eq!(answer.status, 403, "{other:?}");
    }
    let answer = raw::poll(address, &sid, Some(ANNA)).await;
    assert!(answer.body.contains("m1"), "{answer:?}");
    assert!(answer.head.contains("cache-control: private, no-store"), "{answer:?}");
}

#[tokio::test]
async fn a_session_whose_token_was_renewed_or_has_expired_goes_on() {
    let gateway = Gateway::alone().await;
    let sid = raw::join(gateway.address, Some(ANNA)).await;
    let renewed = "Anna.s-Anna.expired";
    assert_eq!(raw::post(gateway.address, &sid, Some(renewed), "42[\"getLoggedInUsers\",\"\"]").await.status, 200);
    let answer = raw::poll(gateway.address, &sid, Some(renewed)).await;
    assert!(answer.body.contains("online"), "{answer:?}");
    let upgrade = raw::handshake(&format!("&sid={sid}"), &raw::good(renewed));
    assert_eq!(raw::send(gateway.address, &upgrade).await.status, 101);
}

#[tokio::test]
async fn a_session_that_ended_reads_nothing_more_and_is_left_in_peace() {
    let shared = Shared::default();
    let gateway = Gateway::start(&shared, config("one")).await;
    let sid = raw::join(gateway.address, Some(ANNA)).await;
    gateway.message("m1", "Bert", "Anna").await;
    until("she is online", || gateway.realtime.connections().signed_in == 1).await;
    shared.sessions.end("s-Anna");
    let ended =
        Event { event: "session ended".into(), arguments: vec![json!("s-Anna")], receivers: vec!["Anna".into()] };
    gateway.realtime.deliver("e1", &ended).await.unwrap();
    until("the end is known", || gateway.realtime.connections().signed_in == 0).await;
    // A browser that signed out sends no cookie any more; one that kept it is not better off. Both only get pings.
    for session in [None, Some(ANNA)] {
        let answer = raw::poll(gateway.address, &sid, session).await;
        assert_eq!((answer.status, &*answer.body), (200, "2"), "{session:?}");
        assert_eq!(raw::post(gateway.address, &sid, session, "3").await.status, 200);
    }
    assert_eq!(raw::poll(gateway.address, &sid, Some("Bert.s-Bert")).await.status, 403);
}

#[tokio::test]
async fn a_session_whose_end_is_still_news_is_found_out_by_its_next_request() {
    let shared = Shared::default();
    let mut config = config("one");
    config.recheck_sessions = std::time::Duration::from_secs(600);
    let gateway = Gateway::start(&shared, config).await;
    let sid = raw::join(gateway.address, Some(ANNA)).await;
    gateway.message("m1", "Bert", "Anna").await;
    shared.sessions.end("s-Anna");
    let answer = raw::poll(gateway.address, &sid, Some(ANNA)).await;
    assert_eq!((answer.status, answer.body.contains("m1")), (200, false), "{answer:?}");
    assert_eq!(gateway.realtime.connections().signed_in, 0);
}

#[tokio::test]
async fn a_connection_without_a_session_is_asked_by_nobody_with_one() {
    let gateway = Gateway::alone().await;
    let sid = raw::join(gateway.address, None).await;
    assert_eq!(raw::poll(gateway.address, &sid, Some(ANNA)).await.status, 403);
    assert_eq!(raw::post(gateway.address, &sid, Some(ANNA), "41").await.status, 403);
    assert_eq!(raw::post(gateway.address, &sid, None, "41").await.status, 200);
}

#[tokio::test]
async fn a_client_that_signs_out_while_it_polls_stays_connected() {
    let shared = Shared::default();
    let gateway = Gateway::start(&shared, config("one")).await;
    let agent = Agent::start().await;
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna").polling()).await;
    shared.sessions.end("s-Anna");
    let ended = Event { event: "session ended".into(), arguments: vec![json!("s-Anna")], receivers: vec![] };
    gateway.realtime.deliver("e1", &ended).await.unwrap();
    until("the end is known", || gateway.realtime.connections().signed_in == 0).await;
    anna.until_pinged_twice().await;
    assert_eq!(gateway.realtime.connections().open, 1);
}
