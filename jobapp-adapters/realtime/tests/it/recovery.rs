//! Sockets that come back.

use std::sync::Arc;
use std::time::Duration;

use jobapp_realtime::RealtimeConfig;
use serde_json::json;

use crate::agent::{Agent, Client, Heard, Opening};
use crate::world::{Gateway, Shared, Wire, config, until};

async fn ids(client: &mut Client, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let news = client.news().await;
        ids.push(news[1]["_id"].as_str().expect("an id").to_owned());
    }
    ids
}

async fn disconnected(client: &mut Client) {
    while !matches!(client.next().await, Heard::Disconnect { .. }) {}
}

async fn resumes_after_a_cut(opening: Opening) {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let wire = Wire::to(&gateway).await;
    let mut anna = agent.open("anna", &wire.url(), opening).await;
    let (id, recovered) = anna.connected().await;
    assert!(!recovered);
    gateway.message("m1", "Bert", "Anna").await;
    assert_eq!(ids(&mut anna, 1).await, ["m1"]);

    wire.cut();
    disconnected(&mut anna).await;
    for number in 2..=20 {
        gateway.message(&format!("m{number}"), "Bert", if number == 7 { "Cora" } else { "Anna" }).await;
    }
    wire.mend();

    assert_eq!(anna.connected().await, (id, true));
    let missed: Vec<_> = (2..=20).filter(|number| *number != 7).map(|number| format!("m{number}")).collect();
    assert_eq!(ids(&mut anna, missed.len()).await, missed);
    gateway.message("m21", "Bert", "Anna").await;
    assert_eq!(ids(&mut anna, 1).await, ["m21"]);
    assert!(anna.ask().await.1.is_empty(), "something came twice");
}

#[tokio::test]
async fn a_websocket_that_resumes_gets_what_it_missed_in_order() {
    resumes_after_a_cut(Opening::as_user("Anna")).await;
}

#[tokio::test]
async fn a_polling_socket_that_resumes_gets_what_it_missed_in_order() {
    resumes_after_a_cut(Opening::as_user("Anna").polling()).await;
}

#[tokio::test]
async fn a_socket_that_was_cut_off_for_thirty_seconds_resumes() {
    let (gateway, agent) = (
        Gateway::start(&Shared::default(), RealtimeConfig::new("usual", Arc::new(|_| true))).await,
        Agent::start().await,
    );
    let wire = Wire::to(&gateway).await;
    let mut anna = agent.joined("anna", &wire.url(), Opening::as_user("Anna")).await;
    wire.cut();
    disconnected(&mut anna).await;
    gateway.message("m1", "Bert", "Anna").await;
    // How long it is cut off is what the test is about: no condition to wait for.
    tokio::time::sleep(Duration::from_secs(30)).await;
    gateway.message("m2", "Bert", "Anna").await;
    wire.mend();
    assert!(anna.connected().await.1);
    assert_eq!(ids(&mut anna, 2).await, ["m1", "m2"]);
}

#[tokio::test]
async fn a_socket_that_never_heard_anything_resumes_from_where_it_began() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    gateway.message("before", "Bert", "Anna").await;
    let wire = Wire::to(&gateway).await;
    let mut anna = agent.joined("anna", &wire.url(), Opening::as_user("Anna")).await;
    wire.cut();
    disconnected(&mut anna).await;
    gateway.message("m1", "Bert", "Anna").await;
    wire.mend();
    assert!(anna.connected().await.1);
    assert_eq!(ids(&mut anna, 1).await, ["m1"]);
    assert!(anna.ask().await.1.is_empty());
}

#[tokio::test]
async fn a_fresh_socket_gets_no_replay() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut first = agent.joined("first", &gateway.url(), Opening::as_user("Anna")).await;
    gateway.message("m1", "Bert", "Anna").await;
    assert_eq!(ids(&mut first, 1).await, ["m1"]);
    let mut fresh = agent.open("fresh", &gateway.url(), Opening::as_user("Anna")).await;
    assert!(!fresh.connected().await.1);
    assert!(fresh.ask().await.1.is_empty());
}

#[tokio::test]
async fn a_socket_that_missed_too_much_starts_afresh() {
    let mut config = config("small");
    config.recovery.keep_events = 2;
    let gateway = Gateway::start(&Shared::default(), config).await;
    let agent = Agent::start().await;
    let wire = Wire::to(&gateway).await;
    let mut anna = agent.open("anna", &wire.url(), Opening::as_user("Anna")).await;
    let (id, _) = anna.connected().await;
    wire.cut();
    disconnected(&mut anna).await;
    for number in 1..=3 {
        gateway.message(&format!("m{number}"), "Bert", "Anna").await;
    }
    wire.mend();
    let (new, recovered) = anna.connected().await;
    assert!(!recovered);
    assert_ne!(new, id);
    assert!(anna.ask().await.1.is_empty());
}

#[tokio::test]
async fn a_socket_can_resume_at_another_gateway() {
    let shared = Shared::default();
    let one = Gateway::start(&shared, config("one")).await;
    let two = Gateway::start(&shared, config("two")).await;
    let agent = Agent::start().await;
    let wire = Wire::to(&one).await;
    let mut anna = agent.joined("anna", &wire.url(), Opening::as_user("Anna")).await;
    two.message("m1", "Bert", "Anna").await;
    assert_eq!(ids(&mut anna, 1).await, ["m1"]);
    wire.cut();
    disconnected(&mut anna).await;
    one.message("m2", "Bert", "Anna").await;
    wire.lead_to(&two);
    assert!(anna.connected().await.1);
    assert_eq!(ids(&mut anna, 1).await, ["m2"]);
    until("she is at the other one", || two.realtime.connections().signed_in == 1).await;
}

#[tokio::test]
async fn a_socket_can_resume_at_a_gateway_that_started_later() {
    let shared = Shared::default();
    let one = Gateway::start(&shared, config("one")).await;
    let agent = Agent::start().await;
    let wire = Wire::to(&one).await;
    let mut anna = agent.joined("anna", &wire.url(), Opening::as_user("Anna")).await;
    one.message("m1", "Bert", "Anna").await;
    assert_eq!(ids(&mut anna, 1).await, ["m1"]);
    // What comes next is for others.
    one.message("m2", "Bert", "Cora").await;
    wire.cut();
    disconnected(&mut anna).await;
    one.message("m3", "Bert", "Anna").await;
    let two = Gateway::start(&shared, config("two")).await;
    one.message("m4", "Bert", "Anna").await;
    wire.lead_to(&two);
    assert!(anna.connected().await.1);
    assert_eq!(ids(&mut anna, 2).await, ["m3", "m4"]);
    assert!(anna.ask().await.1.is_empty(), "something came twice");
}

#[tokio::test]
async fn a_socket_whose_session_ended_while_it_was_away_comes_back_as_nobody() {
    let shared = Shared::default();
    let gateway = Gateway::start(&shared, config("one")).await;
    let agent = Agent::start().await;
    let wire = Wire::to(&gateway).await;
    let mut anna = agent.joined("anna", &wire.url(), Opening::as_user("Anna")).await;
    wire.cut();
    disconnected(&mut anna).await;
    gateway.message("m1", "Bert", "Anna").await;
    shared.sessions.end("s-Anna");
    wire.mend();
    assert!(!anna.connected().await.1);
    anna.emit(json!(["getLoggedInUsers", ""])).await;
    let heard = anna.until_pinged_twice().await;
    assert!(heard.is_empty(), "{heard:?}");
}
