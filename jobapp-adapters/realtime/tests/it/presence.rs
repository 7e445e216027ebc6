//! Who is online.

use jobapp_gigs::SelectedCategories;
use jobapp_realtime::Presence;
use serde_json::json;

use crate::agent::{Agent, Opening};
use crate::world::{Gateway, Shared, config, until};

#[tokio::test]
async fn asking_who_is_online_answers_the_asker_only() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    let mut anonymous = agent.joined("anonymous", &gateway.url(), Opening::default()).await;
    anna.until_online(&["Anna", "Bert"]).await;
    bert.until_online(&["Anna", "Bert"]).await;

    for _ in 0..3 {
        assert_eq!(anna.ask().await.0, ["Bert", "Anna"]);
    }
    // What others hear of it would have come before this.
    gateway.message("m1", "Bert", "Bert").await;
    assert_eq!(bert.event().await[0], "message received");
    anonymous.emit(json!(["getLoggedInUsers", ""])).await;
    let heard = anonymous.until_pinged_twice().await;
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test]
async fn a_user_is_online_until_his_last_tab_closes() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    let first = agent.joined("first", &gateway.url(), Opening::as_user("Anna")).await;
    let second = agent.joined("second", &gateway.url(), Opening::as_user("Anna").polling()).await;
    bert.until_online(&["Anna", "Bert"]).await;
    first.close().await;
    until("one of three is gone", || gateway.realtime.connections().open == 2).await;
    assert_eq!(bert.ask().await.0.len(), 2);
    second.close().await;
    bert.until_online(&["Bert"]).await;
}

#[tokio::test]
async fn only_ones_own_name_counts() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    anna.until_online(&["Anna", "Bert"]).await;
    for name in [json!(null), json!("Bert"), json!("Dora"), json!("")] {
        anna.emit(json!(["removeLoggedInUser", name])).await;
        anna.emit(json!(["loggedInUsers", name])).await;
        anna.emit(json!(["category", "web", name])).await;
    }
    assert_eq!(anna.ask().await.0, ["Bert", "Anna"]);
    anna.emit(json!(["removeLoggedInUser", "Anna"])).await;
    bert.until_online(&["Bert"]).await;
    anna.emit(json!(["loggedInUsers", "Anna"])).await;
    bert.until_online(&["Anna", "Bert"]).await;
}

#[tokio::test]
async fn a_user_who_says_he_is_gone_is_gone_at_once_and_may_come_back() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let _tab = agent.joined("tab", &gateway.url(), Opening::as_user("Anna")).await;
    let _tab = agent.joined("another", &gateway.url(), Opening::as_user("Anna")).await;
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    bert.until_online(&["Anna", "Bert"]).await;
    gateway.realtime.off("Anna");
    bert.until_online(&["Bert"]).await;
    gateway.realtime.seen("Anna");
    bert.until_online(&["Anna", "Bert"]).await;
    gateway.realtime.seen("Nobody");
    bert.until_online(&["Anna", "Bert"]).await;
}

#[tokio::test]
async fn the_category_a_user_looks_at_is_remembered() {
    let shared = Shared::default();
    let gateway = Gateway::start(&shared, config("one")).await;
    let agent = Agent::start().await;
    let anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    let anonymous = agent.joined("anonymous", &gateway.url(), Opening::default()).await;
    anonymous.emit(json!(["category", "music audio", "Anna"])).await;
    anna.emit(json!(["category", "music audio", "Bert"])).await;
    anna.emit(json!(["category", "graphics design", "Anna"])).await;
    loop {
        match shared.categories.of("Anna").await.unwrap() {
            Some(category) => break assert_eq!(category, "graphics design"),
            None => tokio::task::yield_now().await,
        }
    }
    assert_eq!(shared.categories.of("Bert").await.unwrap(), None);
}

#[tokio::test]
async fn the_users_of_a_killed_gateway_go_offline() {
    let shared = Shared::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let of_it = shared.clone();
    let doomed = runtime.spawn(async move { Gateway::start(&of_it, config("doomed")).await }).await.unwrap();
    let survivor = Gateway::start(&shared, config("survivor")).await;
    let agent = Agent::start().await;
    // The first to come: only who is there already is told of those who come.
    let mut bert = agent.joined("bert here", &survivor.url(), Opening::as_user("Bert")).await;
    let elsewhere = Opening { reconnect: false, ..Opening::as_user("Anna") };
    let _anna = agent.joined("anna", &doomed.url(), elsewhere.clone()).await;
    let both = Opening { reconnect: false, ..Opening::as_user("Bert") };
    let _bert = agent.joined("bert", &doomed.url(), both).await;
    bert.until_online(&["Anna", "Bert"]).await;

    // As if the process had been killed: nothing of it runs any more, nothing is tidied up.
    std::mem::forget(doomed);
    runtime.shutdown_background();

    bert.until_online(&["Bert"]).await;
    assert_eq!(shared.presence.online().await.unwrap(), ["Bert"]);
}
