//! Signals, restarts and what they keep.

use std::net::TcpListener;

use jobapp_sqlite::{SqliteConfig, SqliteStore};
use rustix::process::Signal;
use serde_json::json;

use super::sign_in;
use crate::harness::checks::{at, has, list, text};
use crate::harness::raw::Raw;
use crate::harness::server::run_to_end;
use crate::harness::{Server, Trade, bodies, soon};

#[tokio::test]
async fn sigterm_lets_requests_finish_and_ends_with_zero() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &[]);
        let mut raw = Raw::connect(server.port).await;
        let body = bodies::sign_up("Slowly", "slowly@example.org").to_string();
        let (first, rest) = body.split_at(body.len() / 2);
        let head = format!(
            "POST /api/gateway/v1/auth/signup HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{first}",
            body.len()
        );
        assert!(raw.write(head).await);
        // It has the request once it answers others that came later.
        server.browser().send(server.browser().request("GET", "/gateway-health")).await;
        server.signal(signal);
        // Nobody new is let in once it stops.
        while tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(raw.write(rest).await);
        let answer = raw.answer().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        drop(raw);
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());

        let server = Server::start(folder.path(), &[]);
        sign_in(&server, "Slowly").await;
    }
}

#[test]
fn a_signal_right_after_the_start_ends_with_zero() {
    for _ in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &[]);
        server.signal(Signal::TERM);
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "{status}: {}", server.log());
    }
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut raw = Raw::connect(server.port).await;
    raw.write("GET /gateway-health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 200);
    let begun = std::time::Instant::now();
    assert_eq!(server.stop().code(), Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(raw.is_closed().await);
}

/// A free port that no connection is given by chance while the server on it is away.
fn lasting_port() -> u16 {
    // Systems give connections ports from 32768 on.
    let start = std::process::id() % 10_000;
    (0..10_000)
        .map(|step| u16::try_from(20_000 + (start + step) % 10_000).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// What a trade left behind, as its people see it.
async fn seen(trade: &Trade, number: &str) -> serde_json::Value {
    json!({
        "user": trade.buyer.get("/auth/currentuser").await.good()["user"],
        "buyer": trade.buyer.get("/buyer/username").await.good()["buyer"],
        "seller": trade.seller_document().await,
        "gig": trade.buyer.get(&format!("/gig/{}", trade.gig.id)).await.good()["gig"],
        "messages": trade.messages().await,
        "order": trade.order_document(number).await,
        "reviews": trade.buyer.get(&format!("/review/gig/{}", trade.gig.id)).await.good()["reviews"],
        "told": trade.seller.notifications().await,
        "mails": trade.seller.mails().await,
    })
}

#[tokio::test]
async fn a_restart_keeps_everything_and_everybody_signed_in() {
    for kills in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let port = lasting_port().to_string();
        let server = Server::start(folder.path(), &["--port", &port]);
        let trade = server.trade().await;
        trade.say(true, None, "Hello").await;
        let number = trade.completed_order().await;
        trade.buyer.post("/review", trade.review(true, &number, 5)).await.good();
        for message in ["placed an order for your gig.", "approved your order delivery.", "left you a 5 star review"] {
            trade.seller.told(message).await;
        }
        soon("the order and the buyer know", || async {
            let order = trade.order_document(&number).await;
            at(&order, "/buyerReview/rating", 5)?;
            let buyer = trade.buyer.get("/buyer/username").await.good();
            at(&buyer, "/buyer/purchasedGigs", json!([trade.gig.id]))
        })
        .await;
        trade.seller_gets("/ratingsCount", json!(1)).await;
        trade.seller_gets("/totalEarnings", json!(16)).await;
        trade.seller.mail("verifyEmail").await;
        trade.seller.mail("orderPlaced").await;
        let word = text(&trade.gig.document, "/title").split(' ').next_back().unwrap().to_owned();
        let search = format!("/auth/search/gig/0/10/forward?query={word}");
        soon("the search finds the rated gig", || async {
            let body = trade.buyer.get(&search).await.good();
            at(&body, "/gigs/0/ratingsCount", 1)
        })
        .await;
        let before = seen(&trade, &number).await;
        let found = trade.buyer.get(&search).await.good();
        if kills {
            server.signal(Signal::KILL);
            assert!(!server.wait().success());
        } else {
            assert!(server.stop().success());
        }

        let server = Server::start(folder.path(), &["--port", &port]);
        assert_eq!(server.port.to_string(), port);
        let trade = trade.reconnected();
        assert_eq!(seen(&trade, &number).await, before);
        assert_eq!(list(&found, "/gigs").len(), 1);
        assert_eq!(trade.buyer.get(&search).await.good(), found);
        let cover = text(&trade.gig.document, "/coverImage");
        assert_eq!(trade.buyer.send(trade.buyer.request("GET", &cover)).await.status, 200);
        // And goes on.
        trade.buyer.put("/message/offer", json!({})).await.error();
        has(&trade.order_document(&trade.order().await).await, "/status", "in progress");
    }
}

#[tokio::test]
async fn a_missing_or_broken_search_index_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let seller = server.seller().await;
    let gig = seller.gig_called("Rebuilding", 20.0).await;
    let finds = async |server: &Server| {
        soon("the search finds the gig", || async {
            let body = server.browser().get("/auth/search/gig/0/10/forward?query=rebuilding").await.good();
            at(&body, "/gigs/0/id", gig.id.as_str())
        })
        .await;
    };
    finds(&server).await;
    assert!(server.stop().success());
    let data = folder.path().to_str().unwrap();
    let index = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir() && path.file_name().unwrap().to_str().unwrap().contains("search"))
        .expect("a folder with the search index");
    std::fs::remove_dir_all(&index).unwrap();
    let server = Server::start(folder.path(), &[]);
    finds(&server).await;
    assert!(server.stop().success());

    for entry in std::fs::read_dir(&index).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(path, "broken").unwrap();
        }
    }
    let server = Server::start(folder.path(), &[]);
    finds(&server).await;
    assert!(server.stop().success());

    let ended = run_to_end(&["search", "rebuild", "--data", data]);
    assert!(ended.status.success(), "{ended:#?}");
    finds(&Server::start(folder.path(), &[])).await;
}

#[tokio::test]
async fn analytics_are_counted_anew_from_the_reviews() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let port = lasting_port().to_string();
    let server = Server::start(folder.path(), &["--port", &port]);
    let trade = server.trade().await;
    let number = trade.completed_order().await;
    trade.buyer.post("/review", trade.review(true, &number, 4)).await.good();
    let paths = [
        format!("/review/analytics/seller/{}", trade.seller.seller_id),
        format!("/review/analytics/gig/{}?by=day", trade.gig.id),
    ];
    let counts = async |trade: &Trade, stars: i64| {
        for path in &paths {
            soon("the rating is counted", || async {
                at(&trade.buyer.get(path).await.good(), "/analytics/ratingSum", stars)
            })
            .await;
        }
    };
    counts(&trade, 4).await;
    assert!(server.stop().success());

    let store = SqliteStore::open(SqliteConfig::file(folder.path().join("review.db"))).await.unwrap();
    store.run_statements("DELETE FROM rating_month").await.unwrap();
    store.close().await;
    let server = Server::start(folder.path(), &["--port", &port]);
    let trade = trade.reconnected();
    counts(&trade, 0).await;
    assert!(server.stop().success());

    let ended = run_to_end(&["analytics", "rebuild", "--data", data]);
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(ended.stdout.trim(), "The analytics count 1 ratings.");
    let _server = Server::start(folder.path(), &["--port", &port]);
    counts(&trade.reconnected(), 4).await;
}
