//! Sessions that end and gateways that stop.

use jobapp_wire::messages::Realtime as Event;
use serde_json::json;

use crate::agent::{Agent, Heard, Opening};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw;
use crate::world::{Gateway, Shared, config, until};

#[tokio::test]
async fn the_sockets_of_an_ended_session_stay_connected_and_hear_nothing() {
    let shared = Shared::default();
    let (one, two) = (Gateway::start(&shared, config("one")).await, Gateway::start(&shared, config("two")).await);
    let agent = Agent::start().await;
    let ends = Opening { cookie: Some("session=Anna.ends".into()), ..Opening::default() };
    let stays = Opening { cookie: Some("session=Anna.stays".into()), ..Opening::default() };
    let mut here = agent.joined("here", &one.url(), ends.clone()).await;
    let mut polling = agent.joined("polling", &one.url(), ends.clone().polling()).await;
    let mut there = agent.joined("there", &two.url(), ends.clone()).await;
    let mut other = agent.joined("other session", &one.url(), stays).await;

    shared.sessions.end("ends");
    let ended = Event { event: "session ended".into(), arguments: vec![json!("ends")], receivers: vec!["Anna".into()] };
    one.realtime.deliver("e1", &ended).await.unwrap();
    until("they are demoted at both gateways", || {
        one.realtime.connections().signed_in == 1 && two.realtime.connections().signed_in == 0
    })
    .await;
    one.message("m1", "Bert", "Anna").await;

    assert_eq!(other.news().await[1]["_id"], "m1");
    for client in [&mut here, &mut polling, &mut there] {
        client.emit(json!(["getLoggedInUsers", ""])).await;
        let heard = client.until_pinged_twice().await;
        let only_who_was_online =
            heard.iter().all(|heard| matches!(heard, Heard::Event { args } if args[0] == "online"));
        assert!(only_who_was_online, "{}: {heard:?}", client.id);
        let heard = client.until_pinged_twice().await;
        assert!(heard.is_empty(), "{}: {heard:?}", client.id);
    }
    assert_eq!(one.realtime.connections().open, 3);
}

#[tokio::test]
async fn a_session_can_be_ended_by_its_id_or_with_all_others_of_its_user() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    let session = |sid| Opening { cookie: Some(format!("session=Anna.{sid}")), ..Opening::default() };
    let _one = agent.joined("one", &gateway.url(), session("one")).await;
    let _two = agent.joined("two", &gateway.url(), session("two")).await;
    bert.until_online(&["Anna", "Bert"]).await;
    gateway.realtime.demote("one");
    assert_eq!(gateway.realtime.connections().signed_in, 2);
    assert_eq!(bert.ask().await.0.len(), 2);
    gateway.realtime.demote_user("Anna");
    bert.until_online(&["Bert"]).await;
    assert_eq!(gateway.realtime.connections().open, 3);
    // Somebody who signs in again is somebody again.
    let _three = agent.joined("three", &gateway.url(), session("three")).await;
    bert.until_online(&["Anna", "Bert"]).await;
}

#[tokio::test]
async fn a_session_whose_end_was_not_heard_of_is_found_out() {
    let shared = Shared::default();
    let gateway = Gateway::start(&shared, config("one")).await;
    let agent = Agent::start().await;
    let _anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    assert_eq!(gateway.realtime.connections().signed_in, 1);
    shared.sessions.end("s-Anna");
    until("she is demoted", || gateway.realtime.connections().signed_in == 0).await;
    assert_eq!(gateway.realtime.connections().open, 1);
}

#[tokio::test]
async fn a_draining_gateway_closes_transports_and_the_clients_come_back_by_themselves() {
    let shared = Shared::default();
    let (old, new) = (Gateway::start(&shared, config("old")).await, Gateway::start(&shared, config("new")).await);
    let agent = Agent::start().await;
    let wire = crate::world::Wire::to(&old).await;
    let mut clients = Vec::new();
    for (id, opening) in [
        ("websocket", Opening::as_user("Anna")),
        ("polling", Opening::as_user("Bert").polling()),
        ("anonymous", Opening::default()),
    ] {
        clients.push(agent.joined(id, &wire.url(), opening).await);
    }
    // The new listener comes first.
    wire.lead_to(&new);
    old.realtime.drain().await;
    assert_eq!(old.realtime.connections().open, 0);
    for client in &mut clients {
        let reason = loop {
            if let Heard::Disconnect { reason } = client.next().await {
                break reason;
            }
        };
        // A DISCONNECT packet would say `io server disconnect`, and the client would not come back.
        assert!(reason.starts_with("transport"), "{}: {reason}", client.id);
        let (_, recovered) = client.connected().await;
        assert_eq!(recovered, client.id != "anonymous", "{}", client.id);
    }
    until("all are at the new one", || new.realtime.connections().open == 3).await;
    let mut late = agent.open("late", &old.url(), Opening { reconnect: false, ..Opening::as_user("Cora") }).await;
    assert!(matches!(late.next().await, Heard::Error { status: Some(503), .. }));
    let mut online = new.realtime.online();
    online.sort();
    assert_eq!(online, ["Anna", "Bert"]);
}

#[tokio::test]
async fn a_socket_may_leave_the_namespace_and_its_user_is_gone() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    bert.until_online(&["Anna", "Bert"]).await;
    anna.close().await;
    bert.until_online(&["Bert"]).await;
    until("its connection is gone too", || gateway.realtime.connections().open == 1).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let mut config = config("small");
    config.write_timeout = std::time::Duration::from_millis(200);
    let gateway = Gateway::start(&Shared::default(), config).await;
    // A client that joins and then neither reads nor answers.
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Cookie: session=Anna.s-Anna\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_u8().await.unwrap();
    stream.write_all(b"\x81\x82\0\0\0\x0040").await.unwrap();
    until("it has joined", || gateway.realtime.connections().signed_in == 1).await;
    let body = "x".repeat(900_000);
    for number in 0..40 {
        let arguments = vec![json!({"body": body})];
        let event = Event { event: "message received".into(), arguments, receivers: vec!["Anna".into()] };
        gateway.realtime.deliver(&format!("m{number}"), &event).await.unwrap();
    }
    until("it is cut off", || gateway.realtime.connections().open == 0).await;
    until("its place is free", || gateway.realtime.connections().admitted == 0).await;
}

#[tokio::test]
async fn a_connection_that_never_joins_does_not_stay() {
    let mut config = config("small");
    config.connect_timeout = std::time::Duration::from_millis(400);
    let gateway = Gateway::start(&Shared::default(), config).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    until("it is open", || gateway.realtime.connections().open == 1).await;
    until("it is closed", || gateway.realtime.connections().admitted == 0).await;
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut_off_over_both_transports() {
    let mut config = config("small");
    config.ping_timeout = std::time::Duration::from_millis(300);
    let gateway = Gateway::start(&Shared::default(), config).await;
    let mut websocket = raw::websocket(gateway.address, "Anna.s-Anna").await;
    websocket.write_all(&raw::text("40")).await.unwrap();
    let sid = raw::open(gateway.address, Some("Bert.s-Bert")).await;
    raw::post(gateway.address, &sid, Some("Bert.s-Bert"), "40").await;
    until("both have joined", || gateway.realtime.connections().signed_in == 2).await;
    raw::until_closed(&mut websocket).await;
    until("their places are free", || gateway.realtime.connections().admitted == 0).await;
    let answer = raw::poll(gateway.address, &sid, Some("Bert.s-Bert")).await;
    assert!(answer.status == 400 && answer.body.contains("\"code\":1"), "{answer:?}");
}

#[tokio::test]
async fn a_websocket_that_never_joins_does_not_stay() {
    let mut config = config("small");
    config.connect_timeout = std::time::Duration::from_millis(400);
    let gateway = Gateway::start(&Shared::default(), config).await;
    let mut stream = raw::websocket(gateway.address, "Anna.s-Anna").await;
    raw::until_closed(&mut stream).await;
    until("its place is free", || gateway.realtime.connections().admitted == 0).await;
}

#[tokio::test]
async fn a_client_that_pings_and_takes_no_answers_is_not_read_from() {
    let mut config = config("small");
    config.write_timeout = std::time::Duration::from_millis(500);
    let gateway = Gateway::start(&Shared::default(), config).await;
    let mut stream = raw::websocket(gateway.address, "Anna.s-Anna").await;
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'x'; 125]].concat().repeat(100);
    // The server reads as long as its answers are taken; then it waits, and at last it hangs up. Until then no more comes
    // through than the system keeps for both ends.
    let mut sent = 0;
    while stream.write_all(&ping).await.is_ok() {
        sent += ping.len();
    }
    assert!(sent < 64 << 20, "{sent} bytes were read");
    until("it is cut off", || gateway.realtime.connections().admitted == 0).await;
}

#[tokio::test]
async fn a_change_to_a_websocket_that_comes_to_nothing_leaves_the_connection_as_it_was() {
    let gateway = Gateway::alone().await;
    let session = Some("Anna.s-Anna");
    let sid = raw::join(gateway.address, session).await;
    let upgrade = raw::handshake(&format!("&sid={sid}"), &raw::good("Anna.s-Anna"));
    for says in [&["2probe"][..], &["nonsense"], &["2probe", "4nonsense"], &[]] {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        assert_eq!(raw::read(&mut stream).await.status, 101);
        for packet in says {
            stream.write_all(&raw::text(packet)).await.unwrap();
        }
        if says.first() == Some(&"2probe") {
            let mut probed = [0; 8];
            stream.read_exact(&mut probed).await.unwrap();
            assert_eq!(&probed, b"\x81\x063probe");
        }
        drop(stream);
    }
    gateway.message("m1", "Bert", "Anna").await;
    let mut heard = String::new();
    while !heard.contains("m1") {
        let answer = raw::poll(gateway.address, &sid, session).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        raw::post(gateway.address, &sid, session, "3").await;
        heard.push_str(&answer.body);
    }
}
