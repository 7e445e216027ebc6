//! Who may connect.

use futures::future::join_all;

use crate::agent::{Agent, Heard, Opening};
use crate::raw::{self, KEY};
use crate::world::{Gateway, ORIGIN, Shared, config, until};

async fn refused(agent: &Agent, id: &str, url: &str, opening: Opening) -> u16 {
    let mut client = agent.open(id, url, Opening { reconnect: false, ..opening }).await;
    match client.next().await {
        Heard::Error { status: Some(status), .. } => status,
        heard => panic!("{heard:?}"),
    }
}

#[tokio::test]
async fn another_origin_is_refused_at_the_http_request() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let evil = Opening { origin: Some("http://evil.test"), ..Opening::as_user("Anna") };
    assert_eq!(refused(&agent, "websocket", &gateway.url(), evil.clone()).await, 403);
    assert_eq!(refused(&agent, "polling", &gateway.url(), evil.polling()).await, 403);
    let good = Opening { origin: Some(ORIGIN), ..Opening::as_user("Anna") };
    agent.joined("good", &gateway.url(), good).await;
    assert_eq!(gateway.realtime.connections().open, 1);
}

#[tokio::test]
async fn connections_over_the_cap_are_refused_at_the_http_request() {
    let mut config = config("small");
    config.connections_per_user = 3;
    config.anonymous_connections = 1;
    let gateway = Gateway::start(&Shared::default(), config).await;
    let agent = Agent::start().await;
    let mut tabs = Vec::new();
    for tab in ["one", "two", "three"] {
        tabs.push(agent.joined(tab, &gateway.url(), Opening::as_user("Anna")).await);
    }
    assert_eq!(refused(&agent, "four", &gateway.url(), Opening::as_user("Anna")).await, 429);
    assert_eq!(refused(&agent, "five", &gateway.url(), Opening::as_user("Anna").polling()).await, 429);
    agent.joined("bert", &gateway.url(), Opening::as_user("Bert").polling()).await;
    agent.joined("nobody", &gateway.url(), Opening::default()).await;
    assert_eq!(refused(&agent, "nobody else", &gateway.url(), Opening::default()).await, 503);

    tabs.remove(0).close().await;
    until("a place is free again", || gateway.realtime.connections().admitted == 4).await;
    agent.joined("six", &gateway.url(), Opening::as_user("Anna")).await;
}

#[tokio::test]
async fn sixty_five_handshakes_at_once_succeed_with_an_expired_access_token() {
    let shared = Shared::default();
    let gateway = Gateway::start(&shared, config("one")).await;
    let agent = Agent::start().await;
    let opening = Opening { cookie: Some("session=Anna.s-Anna.expired".into()), ..Opening::default() };
    let url = gateway.url();
    let ids: Vec<_> = (0..65).map(|number| format!("socket {number}")).collect();
    let mut clients = join_all(ids.iter().map(|id| agent.joined(id, &url, opening.clone()))).await;
    assert_eq!(shared.sessions.asked(), 65);
    let connections = gateway.realtime.connections();
    assert_eq!((connections.signed_in, connections.users), (65, 1));
    gateway.message("m1", "Anna", "Bert").await;
    for client in &mut clients {
        assert_eq!(client.news().await[1]["_id"], "m1");
    }
}

#[tokio::test]
async fn an_anonymous_socket_connects_once_and_stays() {
    let shared = Shared::default();
    let gateway = Gateway::start(&shared, config("one")).await;
    let agent = Agent::start().await;
    // The existing client connects again at once, whatever happens.
    let mut anonymous =
        agent.joined("anonymous", &gateway.url(), Opening { insistent: true, ..Opening::default() }).await;
    anonymous.emit(serde_json::json!(["loggedInUsers", "Anna"])).await;
    let heard = anonymous.until_pinged_twice().await;
    assert!(heard.is_empty(), "{heard:?}");
    assert_eq!(shared.sessions.asked(), 1);
    assert!(gateway.realtime.online().is_empty());
}

#[tokio::test]
async fn a_message_over_the_limit_ends_its_connection_and_no_other() {
    let mut config = config("small");
    config.payload = 10_000;
    let gateway = Gateway::start(&Shared::default(), config).await;
    let agent = Agent::start().await;
    let mut bert = agent.joined("bert", &gateway.url(), Opening::as_user("Bert")).await;
    for opening in [Opening::as_user("Anna"), Opening::as_user("Anna").polling()] {
        let opening = Opening { reconnect: false, ..opening };
        let mut anna = agent.joined(opening.transports[0], &gateway.url(), opening).await;
        anna.emit(serde_json::json!(["category", "x".repeat(20_000), "Anna"])).await;
        while !matches!(anna.next().await, Heard::Disconnect { .. }) {}
    }
    bert.ask().await;
}

#[tokio::test]
async fn a_socket_that_sends_too_much_is_not_listened_to() {
    let mut config = config("small");
    config.events_per_second = 1;
    // Joining is one of them.
    config.events_burst = 4;
    let gateway = Gateway::start(&Shared::default(), config).await;
    let agent = Agent::start().await;
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    anna.until_online(&["Anna"]).await;
    for _ in 0..50 {
        anna.emit(serde_json::json!(["getLoggedInUsers", ""])).await;
    }
    gateway.message("m1", "Anna", "Anna").await;
    let mut answers = 0;
    while anna.event().await[0] == "online" {
        answers += 1;
    }
    assert!(answers <= 4, "{answers}");
}

#[tokio::test]
async fn a_websocket_is_opened_by_a_handshake_in_the_standard_s_form_and_no_other() {
    let gateway = Gateway::alone().await;
    let polling = raw::join(gateway.address, Some("Anna.s-Anna")).await;
    let (connection, upgrade) = ("Connection: keep-alive, Upgrade\r\n", "Upgrade: WebSocket\r\n");
    let (version, key) = ("Sec-WebSocket-Version: 13\r\n", format!("Sec-WebSocket-Key: {KEY}\r\n"));
    let cookie = "Cookie: session=Anna.s-Anna\r\n";
    let with = |connection: &str, upgrade: &str, version: &str, key: &str| {
        format!("{connection}{upgrade}{version}{key}{cookie}")
    };
    let cases = [
        (400, with("", upgrade, version, &key)),
        (400, with("Connection: keep-alive\r\n", upgrade, version, &key)),
        (400, with(connection, "", version, &key)),
        (400, with(connection, "Upgrade: h2c\r\n", version, &key)),
        (426, with(connection, upgrade, "", &key)),
        (426, with(connection, upgrade, "Sec-WebSocket-Version: 8\r\n", &key)),
        (426, with(connection, upgrade, "Sec-WebSocket-Version: 14\r\n", &key)),
        (426, with(connection, upgrade, "Sec-WebSocket-Version: thirteen\r\n", &key)),
        (426, with(connection, upgrade, &version.repeat(2), &key)),
        (400, with(connection, upgrade, version, "")),
        (400, with(connection, upgrade, version, "Sec-WebSocket-Key: AAAA\r\n")),
        (400, with(connection, upgrade, version, "Sec-WebSocket-Key: not base64 at all!!!\r\n")),
        (400, with(connection, upgrade, version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE=\r\n")),
        (400, with(connection, upgrade, version, &key.repeat(2))),
    ];
    for sid in ["", &format!("&sid={polling}")] {
        for (status, headers) in &cases {
            let answer = raw::send(gateway.address, &raw::handshake(sid, headers)).await;
            assert_eq!(answer.status, *status, "{headers}: {answer:?}");
            let says_which = answer.head.contains("sec-websocket-version: 13\r\n");
            assert_eq!(says_which, *status == 426, "{headers}: {answer:?}");
        }
        let old = raw::handshake(sid, &with(connection, upgrade, version, &key)).replace("HTTP/1.1", "HTTP/1.0");
        assert_eq!(raw::send(gateway.address, &old).await.status, 400);
        let good = raw::handshake(sid, &with(connection, upgrade, version, &key));
        let answer = raw::send(gateway.address, &good).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        assert!(answer.head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer:?}");
    }
}

#[tokio::test]
async fn requests_that_belong_to_no_connection_are_refused_with_the_reference_s_codes() {
    let gateway = Gateway::alone().await;
    let ask = |method: &str, query: &str| {
        format!("{method} /socket.io/?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    };
    let sid = raw::open(gateway.address, None).await;
    for (request, code) in [
        (ask("GET", "EIO=4"), 0),
        (ask("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAHs"), 1),
        (ask("POST", "EIO=4&transport=polling&sid=nonsense"), 1),
        (ask("POST", "EIO=4&transport=polling"), 2),
        (ask("DELETE", &format!("EIO=4&transport=polling&sid={sid}")), 2),
        (ask("GET", "EIO=3&transport=polling"), 5),
    ] {
        let answer = raw::send(gateway.address, &request).await;
        assert_eq!(answer.status, 400, "{request}");
        assert!(answer.body.contains(&format!("\"code\":{code}")), "{request}: {answer:?}");
    }
}

#[tokio::test]
async fn what_a_polling_client_sends_at_once_is_bounded() {
    let gateway = Gateway::alone().await;
    let session = Some("Anna.s-Anna");
    let many = vec!["42[\"getLoggedInUsers\",\"\"]"; 2_000].join("\u{1e}");
    for (packets, status) in [(many.as_str(), 400), ("4\u{1e}", 400), ("", 400), ("42[", 200), ("x", 400)] {
        let sid = raw::join(gateway.address, session).await;
        assert_eq!(raw::post(gateway.address, &sid, session, packets).await.status, status, "{:.20}", packets);
        until("it is closed", || gateway.realtime.connections().open == 0).await;
    }
    let sid = raw::join(gateway.address, session).await;
    let large = format!("42[\"{}\"]", "x".repeat(1_000_001));
    assert_eq!(raw::post(gateway.address, &sid, session, &large).await.status, 413);
    until("it is closed", || gateway.realtime.connections().open == 0).await;
}

#[tokio::test]
async fn two_requests_at_once_that_wait_are_a_client_gone_wrong() {
    let gateway = Gateway::alone().await;
    let session = Some("Anna.s-Anna");
    let sid = raw::join(gateway.address, session).await;
    // Takes the announcement of who is online, and waits then.
    let answers = futures::future::join_all((0..5).map(|_| raw::poll(gateway.address, &sid, session))).await;
    assert!(answers.iter().any(|answer| answer.status == 400), "{answers:?}");
    until("it is closed", || gateway.realtime.connections().open == 0).await;
}
