//! Two gateways, one of which loses Redis for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use http::HeaderMap;
use jobapp_realtime::{Handshake, Identity, Realtime, RealtimeConfig, RealtimePorts, Unavailable};
use jobapp_redis::Redis;
use jobapp_wire::messages::Realtime as Event;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::place::{Place, soon, until};

/// Who somebody is stands in his cookie.
struct Cookies;

#[async_trait]
impl Handshake for Cookies {
    async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Unavailable> {
        Ok(self.named(headers))
    }

    fn named(&self, headers: &HeaderMap) -> Option<Identity> {
        let user = headers.get("cookie")?.to_str().ok()?;
        Some(Identity::new(user, &format!("session of {user}")))
    }

    async fn alive(&self, _: &Identity) -> bool {
        true
    }

    fn ended(&self, _: &str) {}
}

struct Gateway {
    realtime: Realtime,
    address: SocketAddr,
}

impl Gateway {
    async fn start(name: &str, redis: &Redis) -> Self {
        let mut config = RealtimeConfig::new(name, Arc::new(|_| true));
        config.presence.renew = Duration::from_millis(200);
        config.presence.linger = Duration::from_millis(50);
        let ports = RealtimePorts {
            handshake: Arc::new(Cookies),
            presence: Arc::new(redis.presence().with_lease(Duration::from_secs(3))),
            fanout: Arc::new(redis.fanout()),
            news: Arc::new(()),
            categories: Arc::new(redis.categories()),
        };
        let realtime = Realtime::start(config, ports).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = realtime.mount(Router::new());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { realtime, address }
    }

    async fn message(&self, id: &str) -> bool {
        let event = Event {
            event: "message received".into(),
            arguments: vec![json!({ "_id": id })],
            receivers: vec!["Anna".into(), "Bert".into()],
        };
        self.realtime.deliver(id, &event).await.is_ok()
    }

    async fn knows(&self, online: &[&str]) {
        until(&format!("{online:?} are online"), async || {
            let mut known = self.realtime.online();
            known.sort();
            known == online
        })
        .await;
    }
}

/// A browser that polls.
struct Browser {
    client: reqwest::Client,
    user: &'static str,
    url: String,
}

impl Browser {
    async fn join(user: &'static str, gateway: &Gateway) -> Self {
        let url = format!("http://{}/socket.io/?EIO=4&transport=polling", gateway.address);
        let mut browser = Self { client: reqwest::Client::new(), user, url };
        let open: Value = serde_json::from_str(&browser.poll().await[1..]).unwrap();
        browser.url = format!("{}&sid={}", browser.url, open["sid"].as_str().unwrap());
        browser.send("40").await;
        while !browser.poll().await.contains("40{") {}
        browser
    }

    async fn poll(&self) -> String {
        let polled = soon("an answer", self.client.get(&self.url).header("cookie", self.user).send()).await.unwrap();
        polled.error_for_status().unwrap().text().await.unwrap()
    }

    async fn send(&self, packets: &'static str) {
        let sent = self.client.post(&self.url).header("cookie", self.user).body(packets).send().await.unwrap();
        assert_eq!(sent.text().await.unwrap(), "ok");
    }

    /// What it hears up to this message, without what is said of who is online.
    async fn hears_up_to(&self, last: &str) -> Vec<String> {
        self.hears(|heard| heard == last).await
    }

    async fn hears(&self, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut heard: Vec<String> = Vec::new();
        while !heard.last().is_some_and(|last| is_last(last)) {
            for packet in self.poll().await.split('\u{1e}') {
                if packet == "2" {
                    self.send("3").await;
                } else if let Some(event) = packet.strip_prefix("42") {
                    let event: Value = serde_json::from_str(event).unwrap();
                    if event[0] == "message received" {
                        heard.push(event[1]["_id"].as_str().unwrap().to_owned());
                    }
                }
            }
        }
        heard
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_loses_redis_goes_on_alone_and_catches_up() {
    let place = Place::fresh().await;
    let (proxy, behind_the_proxy) = place.through_a_proxy().await;
    let cut_off = Gateway::start("cut off", &behind_the_proxy).await;
    let other = Gateway::start("other", &place.redis()).await;
    let anna = Browser::join("Anna", &cut_off).await;
    let bert = Browser::join("Bert", &other).await;
    for gateway in [&cut_off, &other] {
        gateway.knows(&["Anna", "Bert"]).await;
    }
    assert!(cut_off.message("1").await);
    assert_eq!(anna.hears_up_to("1").await, ["1"]);
    assert_eq!(bert.hears_up_to("1").await, ["1"]);

    proxy.cut().await;
    // The others take it for dead; it goes by what it knew, and by who comes.
    other.knows(&["Bert"]).await;
    let _cora = Browser::join("Cora", &cut_off).await;
    cut_off.knows(&["Anna", "Bert", "Cora"]).await;
    assert!(other.message("2").await);
    assert!(!cut_off.message("3").await, "who publishes is told");

    proxy.restore().await;
    for gateway in [&cut_off, &other] {
        gateway.knows(&["Anna", "Bert", "Cora"]).await;
    }
    until("it is published after all", async || cut_off.message("3").await).await;
    assert_eq!(anna.hears_up_to("3").await, ["2", "3"], "nothing is missing");
    assert_eq!(bert.hears_up_to("3").await, ["2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_while_redis_is_away_joins_the_others_later() {
    let place = Place::fresh().await;
    let (proxy, _) = place.through_a_proxy().await;
    let other = Gateway::start("other", &place.redis()).await;
    let _bert = Browser::join("Bert", &other).await;
    proxy.cut().await;
    let early = Gateway::start("early", &place.by(proxy.url())).await;
    let anna = Browser::join("Anna", &early).await;
    early.knows(&["Anna"]).await;
    proxy.restore().await;
    for gateway in [&early, &other] {
        gateway.knows(&["Anna", "Bert"]).await;
    }
    let publishing = async {
        for number in 1.. {
            assert!(other.message(&number.to_string()).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        heard = anna.hears(|_| true) => assert!(!heard.is_empty()),
        () = publishing => {}
    }
}
