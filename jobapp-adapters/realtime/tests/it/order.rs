//! In which order a user's connections hear.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use jobapp_wire::messages::Realtime as Event;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::agent::{Agent, Client, Opening, heard_in_order};
use crate::raw;
use crate::world::{Gateway, Shared, config, until};

/// A gateway that does not ping: a socket that is just being pinged is read first by its client, whatever comes after, and
/// a polling request would end.
async fn quiet() -> Gateway {
    let mut config = config("quiet");
    config.ping_interval = Duration::from_secs(600);
    Gateway::start(&Shared::default(), config).await
}

/// Lets everybody hear this many events, one after the other, and checks the order in which they do.
async fn hear_in_order(gateway: &Gateway, agent: &Agent, clients: &mut [Client], events: usize, run: &str) {
    let opened: Vec<String> = clients.iter().map(|client| client.id.clone()).collect();
    let mut orders = Vec::new();
    for event in 0..events {
        agent.settle().await;
        let id = format!("{run} {event}");
        gateway.message(&id, "Bert", "Anna").await;
        for client in &mut *clients {
            assert_eq!(client.news().await[1]["_id"], id, "{}", client.id);
        }
        orders.push(agent.order_of(&id));
    }
    heard_in_order(&orders, &opened);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_sockets_of_a_user_hear_every_event_in_the_order_in_which_they_were_opened() {
    let (gateway, agent) = (quiet().await, Agent::start().await);
    let mut clients = Vec::new();
    for number in 1..=6 {
        clients.push(agent.joined(&format!("socket {number}"), &gateway.url(), Opening::as_user("Anna")).await);
    }
    hear_in_order(&gateway, &agent, &mut clients, 100, "six").await;

    // Whoever leaves takes nobody else's place along, whoever comes is the newest.
    clients.remove(1).close().await;
    until("one is gone", || gateway.realtime.connections().signed_in == 5).await;
    clients.push(agent.joined("socket 7", &gateway.url(), Opening::as_user("Anna")).await);
    hear_in_order(&gateway, &agent, &mut clients, 50, "seven").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_began_as_polling_keep_their_place_and_polling_ones_hear_as_often() {
    let (gateway, agent) = (quiet().await, Agent::start().await);
    let (mut websockets, mut polling) = (Vec::new(), Vec::new());
    for number in 0..3 {
        let (url, opening) = (gateway.url(), Opening::as_user("Anna"));
        websockets.push(agent.joined(&format!("websocket {number}"), &url, opening.clone()).await);
        polling.push(agent.joined(&format!("polling {number}"), &url, opening.clone().polling()).await);
        let mut upgrading = agent.joined(&format!("upgrading {number}"), &url, opening.upgrading()).await;
        upgrading.upgraded().await;
        websockets.push(upgrading);
    }
    let opened: Vec<String> = websockets.iter().map(|client| client.id.clone()).collect();
    let mut orders = Vec::new();
    for event in 0..60 {
        agent.settle().await;
        let id = format!("mixed {event}");
        gateway.message(&id, "Anna", "Bert").await;
        for client in websockets.iter_mut().chain(&mut polling) {
            assert_eq!(client.news().await[1]["_id"], id, "{}", client.id);
        }
        let mut heard = agent.order_of(&id);
        assert_eq!(heard.len(), websockets.len() + polling.len(), "{id}");
        heard.retain(|id| opened.contains(id));
        orders.push(heard);
    }
    heard_in_order(&orders, &opened);
}

/// A connection, looked at where the system keeps what has come for it.
struct Ear {
    stream: TcpStream,
    /// Shown by polling requests.
    sid: Option<String>,
}

impl Ear {
    fn new(stream: tokio::net::TcpStream, sid: Option<String>) -> Self {
        Self { stream: stream.into_std().unwrap(), sid }
    }

    /// A polling connection asks.
    fn ask(&mut self) {
        let Some(sid) = &self.sid else { return };
        self.stream.set_nonblocking(false).unwrap();
        self.stream.write_all(raw::request("GET", &format!("&sid={sid}"), Some(ANNA), "").as_bytes()).unwrap();
    }

    fn hears(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        self.stream.peek(&mut [0]).is_ok()
    }

    fn read_until(&mut self, wanted: &str) {
        self.stream.set_nonblocking(false).unwrap();
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains(wanted) {
            let mut some = [0; 4096];
            let length = self.stream.read(&mut some).unwrap();
            assert_ne!(length, 0, "closed before {wanted}");
            heard.extend_from_slice(&some[..length]);
        }
    }
}

const ANNA: &str = "Anna.s-Anna";

/// What everybody is told who joins.
const WHO_IS_ONLINE: &str = "42[\"online\",[\"Anna\"]]";

/// Opens a polling connection that has been told who is online.
async fn join(address: SocketAddr) -> String {
    let sid = raw::open(address, Some(ANNA)).await;
    assert_eq!(raw::post(address, &sid, Some(ANNA), "40").await.body, "ok");
    let mut heard = String::new();
    while !heard.contains(WHO_IS_ONLINE) {
        heard.push_str(&raw::poll(address, &sid, Some(ANNA)).await.body);
    }
    sid
}

/// Two of each kind, in turns.
async fn ears(gateway: &Gateway) -> Vec<Ear> {
    let address = gateway.address;
    let mut ears = Vec::new();
    for _ in 0..2 {
        let mut websocket = raw::websocket(address, ANNA).await;
        websocket.write_all(&raw::text("40")).await.unwrap();
        raw::read_until(&mut websocket, WHO_IS_ONLINE).await;
        ears.push(Ear::new(websocket, None));

        let sid = join(address).await;
        ears.push(Ear::new(tokio::net::TcpStream::connect(address).await.unwrap(), Some(sid)));

        let sid = join(address).await;
        let mut changed = tokio::net::TcpStream::connect(address).await.unwrap();
        changed.write_all(raw::handshake(&format!("&sid={sid}"), &raw::good(ANNA)).as_bytes()).await.unwrap();
        assert_eq!(raw::read(&mut changed).await.status, 101);
        changed.write_all(&raw::text("2probe")).await.unwrap();
        changed.read_exact(&mut [0; 8]).await.unwrap();
        changed.write_all(&raw::text("5")).await.unwrap();
        ears.push(Ear::new(changed, None));
    }
    ears
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reaches_each_connection_after_the_one_opened_before_whatever_carries_it() {
    let gateway = quiet().await;
    // With the first of her connections she comes online. With the others nothing is announced.
    let mut first = raw::websocket(gateway.address, ANNA).await;
    first.write_all(&raw::text("40")).await.unwrap();
    raw::read_until(&mut first, WHO_IS_ONLINE).await;
    let mut ears = ears(&gateway).await;
    let polling = ears.iter().filter(|ear| ear.sid.is_some()).count();
    for event in 0..200 {
        ears.iter_mut().for_each(Ear::ask);
        until("all requests wait", || gateway.realtime.connections().waiting == polling).await;
        let id = format!("event {event}.");
        gateway.message(&id, "Bert", "Anna").await;
        ears = tokio::task::spawn_blocking(move || {
            // Whoever was opened before one who hears has heard already: looked at later, it cannot be without.
            while !ears.iter().rev().fold(false, |later_hears, ear| {
                let hears = ear.hears();
                assert!(hears || !later_hears, "{id}: a connection hears before one opened earlier");
                hears
            }) || !ears.iter().all(Ear::hears)
            {}
            ears.iter_mut().for_each(|ear| ear.read_until(&id));
            ears
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_takes_nothing_holds_up_nobody_behind_it() {
    let (gateway, agent) = (quiet().await, Agent::start().await);
    let mut deaf = raw::websocket(gateway.address, "Anna.s-Anna").await;
    deaf.write_all(&raw::text("40")).await.unwrap();
    until("it has joined", || gateway.realtime.connections().signed_in == 1).await;
    let mut second = agent.joined("second", &gateway.url(), Opening::as_user("Anna")).await;
    let mut third = agent.joined("third", &gateway.url(), Opening::as_user("Anna").polling()).await;
    let body = "x".repeat(900_000);
    for number in 0..30 {
        let arguments = vec![json!({"_id": number, "body": body})];
        let event = Event { event: "message received".into(), arguments, receivers: vec!["Anna".into()] };
        gateway.realtime.deliver(&format!("m{number}"), &event).await.unwrap();
        for client in [&mut second, &mut third] {
            assert_eq!(client.news().await[1]["_id"], number, "{}", client.id);
        }
    }
    assert_eq!(gateway.realtime.connections().open, 3, "it has its own time to take what waits");
}
