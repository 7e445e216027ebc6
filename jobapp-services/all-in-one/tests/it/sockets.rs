//! The marketplace over Socket.IO, with the client the browsers use.

use futures::future::join_all;
use jobapp_http::UserClaims;
use serde_json::{Value, json};

use crate::agent::{Agent, Client, Heard, Opening, heard_in_order};
use crate::documents::gigs::GIG;
use crate::documents::looks_like;
use crate::harness::bodies;
use crate::harness::checks::{list, text};
use crate::harness::people::sign_in;
use crate::harness::{Browser, Person, Server, Trade, shared, soon};

/// A tab of a browser: its cookies, over websockets unless said otherwise.
fn tab(browser: &Browser) -> Opening {
    let cookie = browser.cookie("session").map(|session| format!("theme=dark; session={session}"));
    Opening { cookie, ..Opening::default() }
}

/// Checks that a socket hears nothing more until the server closes it.
async fn hears_nothing_until_the_end(client: &mut Client) {
    let heard = client.next_but_pings().await;
    assert!(matches!(heard, Heard::Disconnect { .. }), "{} heard {heard:?}", client.id);
}

/// The next chat messages, which must have these words.
async fn messages(client: &mut Client, words: &[&str]) {
    for wanted in words {
        let news = client.news().await;
        assert_eq!(
            (&news[0], &news[1]["body"]),
            (&json!("message received"), &json!(wanted)),
            "{}: {news:?}",
            client.id
        );
    }
}

#[tokio::test]
async fn a_chat_message_reaches_every_tab_of_both_once_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (trade, outsider, agent) = (server.trade().await, server.person().await, Agent::start().await);
    let mut tabs = Vec::new();
    for (name, opening) in [
        ("buyer", tab(&trade.buyer)),
        ("buyer polling", tab(&trade.buyer).polling()),
        ("buyer changing", tab(&trade.buyer).upgrading()),
        ("seller", tab(&trade.seller)),
    ] {
        tabs.push(agent.joined(name, &server.base, opening).await);
    }
    let mut strangers = Vec::new();
    for (name, opening) in [("outsider", tab(&outsider)), ("nobody", Opening::default())] {
        strangers.push(agent.joined(name, &server.base, Opening { reconnect: false, ..opening }).await);
    }

    let conversation = trade.say(true, None, "one").await;
    trade.say(false, Some(&conversation), "two").await;
    for tab in &mut tabs {
        messages(tab, &["one", "two"]).await;
    }
    let unread = trade.messages().await;
    let id = text(&unread[0], "/_id");
    trade.seller.put("/message/mark-as-read", json!({ "messageId": id })).await.good();
    for tab in &mut tabs {
        let news = tab.news().await;
        assert_eq!((&news[0], &news[1]["_id"]), (&json!("message updated"), &json!(id)));
        assert_eq!(news[1]["isRead"], true);
        let (_, before) = tab.ask().await;
        assert!(before.iter().all(|event| event[0] == "online"), "{} heard more: {before:?}", tab.id);
    }
    let (_, before) = strangers[0].ask().await;
    assert!(before.iter().all(|event| event[0] == "online"), "{before:?}");
    assert!(server.stop().success(), "open sockets hold up nothing");
    hears_nothing_until_the_end(&mut strangers[1]).await;
}

#[tokio::test]
async fn sockets_that_a_page_opens_at_once_hear_in_the_order_in_which_it_opened_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (trade, agent) = (server.trade().await, Agent::start().await);
    // A name would be looked up by threads, and connections be opened in the order in which they find it.
    let url = server.base.replace("localhost", "127.0.0.1");
    // Who is online is announced when the first of his sockets comes, and with no other.
    let mut earlier = agent.joined("earlier", &url, tab(&trade.buyer)).await;
    earlier.until_online(&[&trade.buyer.username]).await;
    let mut sockets = Vec::new();
    for number in 1..=6 {
        sockets.push(agent.open(&format!("socket {number}"), &url, tab(&trade.buyer)).await);
    }
    for socket in &mut sockets {
        socket.connected().await;
    }
    sockets.insert(0, earlier);
    let opened: Vec<String> = sockets.iter().map(|socket| socket.id.clone()).collect();
    let mut conversation: Option<String> = None;
    let mut orders = Vec::new();
    for round in 0..20 {
        agent.settle().await;
        let words = format!("round {round}");
        conversation = Some(trade.say(false, conversation.as_deref(), &words).await);
        let mut id = String::new();
        for socket in &mut sockets {
            let news = socket.news().await;
            assert_eq!(news[1]["body"], words, "{}: {news:?}", socket.id);
            id = text(&news[1], "/_id");
        }
        orders.push(agent.order_of(&id));
    }
    heard_in_order(&orders, &opened);
}

#[tokio::test]
async fn an_order_notifies_both_with_the_order_and_the_notification() {
    let (trade, agent) = (shared().trade().await, Agent::start().await);
    let mut seller = agent.joined("seller", &shared().base, tab(&trade.seller)).await;
    let mut buyer = agent.joined("buyer", &shared().base, tab(&trade.buyer)).await;
    let number = trade.order().await;
    for client in [&mut seller, &mut buyer] {
        let news = client.news().await;
        assert_eq!(news.len(), 3, "{news:?}");
        assert_eq!((&news[0], &news[1]["orderId"]), (&json!("order notification"), &json!(number)));
        assert_eq!(news[2]["message"], "placed an order for your gig.");
        assert_eq!(news[2]["userTo"], trade.seller.username);
    }
}

#[tokio::test]
async fn a_tab_that_signs_out_is_silent_at_once_and_other_sessions_hear_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (trade, agent) = (server.trade().await, Agent::start().await);
    let other = server.browser();
    let credentials = json!({ "username": trade.buyer.username, "password": crate::harness::bodies::PASSWORD,
        "browserName": "Firefox", "deviceType": "browser" });
    other.post("/auth/signin", credentials).await.good();
    let stays = Opening { reconnect: false, ..tab(&trade.buyer) };
    let mut leaving = agent.joined("leaving", &server.base, stays).await;
    let mut staying = agent.joined("staying", &server.base, tab(&other)).await;
    // Nothing of before is still on its way.
    leaving.until_online(&[&trade.buyer.username]).await;
    let conversation = trade.say(false, None, "before").await;
    messages(&mut leaving, &["before"]).await;
    messages(&mut staying, &["before"]).await;

    trade.buyer.post("/auth/signout", json!({})).await.good();
    trade.say(false, Some(&conversation), "after").await;
    messages(&mut staying, &["after"]).await;
    assert!(server.stop().success());
    hears_nothing_until_the_end(&mut leaving).await;
}

#[tokio::test]
async fn who_is_online_follows_tabs_and_the_routes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (anna, bert, agent) = (server.person().await, server.person().await, Agent::start().await);
    let mut watching = agent.joined("bert", &server.base, tab(&bert)).await;
    let first = agent.joined("anna 1", &server.base, tab(&anna)).await;
    let second = agent.joined("anna 2", &server.base, tab(&anna)).await;
    watching.until_online(&[&anna.username, &bert.username]).await;
    first.close().await;
    let mut third = agent.joined("anna 3", &server.base, tab(&anna)).await;
    assert!(third.ask().await.0.contains(&anna.username), "one tab less is not gone");
    anna.delete(&format!("/auth/logged-in-user/{}", anna.username)).await.says("User is offline");
    watching.until_online(&[&bert.username]).await;
    anna.get("/auth/logged-in-user").await.says("User is online");
    watching.until_online(&[&anna.username, &bert.username]).await;
    second.close().await;
    third.close().await;
    watching.until_online(&[&bert.username]).await;
}

#[tokio::test]
async fn the_category_chosen_over_a_socket_is_what_the_home_page_shows() {
    let Trade { buyer, gig, .. } = shared().trade().await;
    let agent = Agent::start().await;
    let client = agent.joined("buyer", &shared().base, tab(&buyer)).await;
    client.emit(json!(["category", "Graphics & Design", buyer.username])).await;
    soon("gigs of the chosen category", || async {
        let body = buyer.get(&format!("/gig/category/{}", buyer.username)).await.good();
        let found = list(&body, "/gigs");
        let fits = |one: &Value| one["categories"] == "Graphics & Design";
        if found.is_empty() || !found.iter().all(fits) {
            return Err(format!("{} {body}", gig.id));
        }
        for gig in &found {
            looks_like(gig, GIG);
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_chosen_category_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Trade { seller, buyer, gig, .. } = server.trade().await;
    let mut music = bodies::gig(&seller.seller_id, "I will play a song", 20.0);
    music["categories"] = json!("Music & Audio");
    seller.post("/gig/create", music).await.good();
    let agent = Agent::start().await;
    let client = agent.joined("buyer", &server.base, tab(&buyer)).await;
    let shown = |browser: &Browser| {
        let (browser, gig) = (browser.clone(), gig.id.clone());
        async move {
            let body = browser.get(&format!("/gig/category/{}", buyer_name(&browser).await)).await.good();
            let found = list(&body, "/gigs");
            if found.len() == 1 && found[0]["id"] == gig.as_str() { Ok(()) } else { Err(body.to_string()) }
        }
    };
    client.emit(json!(["category", "graphics design", buyer.username])).await;
    soon("gigs of the chosen category", || shown(&buyer.browser)).await;
    client.close().await;
    assert!(server.stop().success());
    let server = Server::start(folder.path(), &[]);
    let browser = sign_in(&server, &buyer.username).await;
    soon("the same gigs after the restart", || shown(&browser)).await;
}

async fn buyer_name(browser: &Browser) -> String {
    text(&browser.get("/auth/currentuser").await.good(), "/user/username")
}

/// An access token of this person's session that has expired.
async fn expired_token(server: &Server, person: &Person) -> String {
    let tokens = |lifetime| server.user_tokens(lifetime);
    let claims: UserClaims = tokens(900).verify(&person.cookie("session").unwrap()).unwrap();
    let token = tokens(0).issue(&claims).unwrap();
    soon("the token expires", || async { tokens(0).verify(&token).map_or(Ok(()), |_| Err("not yet".to_owned())) })
        .await;
    token
}

#[tokio::test]
async fn sixty_five_sockets_at_once_join_with_an_expired_access_token_while_the_session_lives() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (trade, agent) = (server.trade().await, Agent::start().await);
    let token = expired_token(&server, &trade.buyer).await;
    let opening = Opening { cookie: Some(format!("session={token}")), ..Opening::default() };
    let names: Vec<String> = (0..65).map(|number| format!("socket {number}")).collect();
    let mut sockets = join_all(names.iter().map(|name| agent.joined(name, &server.base, opening.clone()))).await;
    trade.say(false, None, "hello").await;
    for socket in &mut sockets {
        messages(socket, &["hello"]).await;
    }
    // The token opens nothing else, and no socket once the session is over.
    let answer = server.browser();
    answer.set_cookie("session", Some(&token));
    assert_eq!(answer.get("/auth/currentuser").await.status, 401);
    trade.buyer.post("/auth/signout", json!({})).await.good();
    let mut late = agent.joined("late", &server.base, Opening { reconnect: false, ..opening }).await;
    trade.say(false, None, "bye").await;
    assert!(server.stop().success());
    hears_nothing_until_the_end(&mut late).await;
}
