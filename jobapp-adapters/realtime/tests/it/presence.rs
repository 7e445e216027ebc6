//! Who is online.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use jobapp_gigs::SelectedCategories;
use jobapp_memory::MemoryPresence;
use jobapp_realtime::{Presence, RealtimePorts, Unavailable, Watch};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::agent::{Agent, Opening};
use crate::raw;
use crate::world::{Gateway, Shared, config, ports, until};

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
    assert_eq!(survivor.realtime.online(), ["Bert"]);
}

/// Presence of which something gets lost.
#[derive(Default)]
struct Losing {
    presence: MemoryPresence,
    /// How many of the next words are lost.
    lost: AtomicUsize,
    /// Ends what it tells.
    break_off: Arc<Notify>,
}

impl Losing {
    fn sharing(shared: &Shared) -> Arc<Self> {
        Arc::new(Self { presence: shared.presence.clone(), ..Self::default() })
    }

    fn lose(&self, count: usize) {
        self.lost.store(count, Ordering::SeqCst);
    }

    fn arrives(&self) -> Result<(), Unavailable> {
        match self.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |lost| lost.checked_sub(1)) {
            Ok(_) => Err(Unavailable { what: "presence", source: "it got lost".into() }),
            Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl Presence for Losing {
    async fn enter(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        self.arrives()?;
        self.presence.enter(gateway, user).await
    }

    async fn leave(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        self.arrives()?;
        self.presence.leave(gateway, user).await
    }

    async fn renew(&self, gateway: &str, users: &[Arc<str>]) -> Result<(), Unavailable> {
        self.arrives()?;
        self.presence.renew(gateway, users).await
    }

    async fn retire(&self, gateway: &str) -> Result<(), Unavailable> {
        self.presence.retire(gateway).await
    }

    async fn watch(&self) -> Result<Watch, Unavailable> {
        let watch = self.presence.watch().await?;
        let broken = self.break_off.clone().notified_owned();
        Ok(Watch { changes: watch.changes.take_until(broken).boxed(), ..watch })
    }
}

/// A gateway whose words to presence get lost, and another one.
async fn losing() -> (Arc<Losing>, Gateway, Gateway) {
    let shared = Shared::default();
    let presence = Losing::sharing(&shared);
    let ports = RealtimePorts { presence: presence.clone(), ..ports(&shared) };
    let losing = Gateway::with(ports, config("losing")).await;
    (presence, losing, Gateway::start(&shared, config("other")).await)
}

async fn join(gateway: &Gateway, user: &str) -> TcpStream {
    let mut socket = raw::websocket(gateway.address, &format!("{user}.s-{user}")).await;
    socket.write_all(&raw::text("40")).await.unwrap();
    socket
}

async fn everywhere(gateways: [&Gateway; 2], online: &[&str]) {
    for gateway in gateways {
        until(&format!("{online:?} are online"), || {
            let mut known = gateway.realtime.online();
            known.sort();
            known == online
        })
        .await;
    }
}

#[tokio::test]
async fn a_user_whose_coming_or_going_was_lost_is_there_or_gone_all_the_same() {
    let (presence, losing, other) = losing().await;
    presence.lose(3);
    let anna = join(&losing, "Anna").await;
    everywhere([&losing, &other], &["Anna"]).await;
    presence.lose(3);
    drop(anna);
    everywhere([&losing, &other], &[]).await;
}

#[tokio::test]
async fn a_gateway_that_was_forgotten_has_all_its_users_again() {
    let (presence, losing, other) = losing().await;
    let mut sockets = Vec::new();
    for user in ["Anna", "Bert", "Cora"] {
        sockets.push(join(&losing, user).await);
    }
    everywhere([&losing, &other], &["Anna", "Bert", "Cora"]).await;
    // As after the end of its lease, and the first words of the new one are lost.
    presence.lose(2);
    presence.presence.retire("losing").await.unwrap();
    until("it was told again", || presence.lost.load(Ordering::SeqCst) == 0).await;
    everywhere([&losing, &other], &["Anna", "Bert", "Cora"]).await;
}

#[tokio::test]
async fn changes_that_were_missed_are_asked_for() {
    let (presence, losing, other) = losing().await;
    let _anna = join(&other, "Anna").await;
    everywhere([&losing, &other], &["Anna"]).await;
    presence.lose(3);
    presence.break_off.notify_waiters();
    let _bert = join(&other, "Bert").await;
    everywhere([&losing, &other], &["Anna", "Bert"]).await;
}

#[tokio::test]
async fn who_comes_is_told_at_once_who_is_online() {
    let mut config = config("seldom");
    config.presence.announce = Duration::from_secs(600);
    let gateway = Gateway::start(&Shared::default(), config).await;
    let agent = Agent::start().await;
    agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await.until_online(&["Anna"]).await;
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    bert.until_online(&["Anna", "Bert"]).await;
    // Also where nobody comes online by it.
    let mut another = agent.joined("another", &gateway.url(), Opening::as_user("Bert")).await;
    another.until_online(&["Anna", "Bert"]).await;
}

#[tokio::test]
async fn a_connection_hears_once_who_is_online() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    assert_eq!(anna.event().await, [json!("online"), json!(["Anna"])]);
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    assert_eq!(bert.event().await, [json!("online"), json!(["Bert", "Anna"])]);
    assert_eq!(anna.event().await, [json!("online"), json!(["Bert", "Anna"])]);
    // The announcement has been made: whoever came with it heard of it already.
    gateway.message("m1", "Anna", "Bert").await;
    for client in [&mut anna, &mut bert] {
        assert_eq!(client.event().await[0], "message received");
    }
}

#[tokio::test]
async fn a_user_is_off_and_back_at_every_gateway() {
    let shared = Shared::default();
    let (one, two) = (Gateway::start(&shared, config("one")).await, Gateway::start(&shared, config("two")).await);
    let _sockets = [join(&one, "Anna").await, join(&two, "Anna").await];
    until("both are there", || one.realtime.connections().signed_in + two.realtime.connections().signed_in == 2).await;
    everywhere([&one, &two], &["Anna"]).await;
    one.realtime.off("Anna");
    everywhere([&one, &two], &[]).await;
    // However often the gateways say who is there: some of it is told before somebody else comes and goes.
    for user in ["Bert", "Cora"] {
        let there = join(&two, user).await;
        everywhere([&one, &two], &[user]).await;
        drop(there);
        everywhere([&one, &two], &[]).await;
    }
    two.realtime.seen("Anna");
    everywhere([&one, &two], &["Anna"]).await;
}
