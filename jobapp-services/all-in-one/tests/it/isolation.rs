//! Many users over the same connections at once: what somebody does is done by him, and what he is answered is his.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::browser::API;
use crate::harness::checks::{list, without};
use crate::harness::people::{Gig, unique};
use crate::harness::raw::Raw;
use crate::harness::{Seller, Server, bodies};

const USERS: usize = 20;
const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 40;

/// A seller who also writes to the next one.
struct User {
    seller: Seller,
    gig: Gig,
    cookies: String,
    /// How many messages were stored.
    said: AtomicUsize,
}

struct Crowd {
    server: Server,
    /// All users share its connections; it keeps no cookies.
    http: reqwest::Client,
    users: Vec<User>,
}

#[tokio::test]
async fn what_many_users_do_at_once_belongs_to_its_sender_and_every_answer_to_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let crowd = Arc::new(Crowd::new(Server::start(folder.path(), &["--rate-limits", "off"])).await);
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (crowd, next) = (Arc::clone(&crowd), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return;
                    }
                    crowd.step(number).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    for who in 0..USERS {
        crowd.check(who).await;
    }
}

impl Crowd {
    async fn new(server: Server) -> Self {
        let mut users = Vec::new();
        for _ in 0..USERS {
            let seller = server.seller().await;
            let gig = seller.gig(20.0).await;
            let cookies = ["session", "session.refresh"].map(|name| format!("{name}={}", seller.cookie(name).unwrap()));
            users.push(User { seller, gig, cookies: cookies.join("; "), said: AtomicUsize::new(0) });
        }
        Self { server, http: reqwest::Client::new(), users }
    }

    /// One request of one user. Each user makes each kind of request, in turns with all others.
    async fn step(&self, number: usize) {
        let (who, kind) = (number % USERS, number / USERS % 20);
        let user = &self.users[who];
        let name = user.seller.username.as_str();
        let profile = format!("/seller/{}", user.seller.seller_id);
        let gig = format!("/gig/{}", user.gig.id);
        match kind {
            0..=5 => has_name(&self.ask(who, "GET", "/auth/currentuser", None, 200).await, "/user/username", name),
            6..=11 => has_name(&self.ask(who, "GET", "/buyer/username", None, 200).await, "/buyer/username", name),
            12 => {
                let answer = self.ask(who, "PUT", &profile, Some(self.profile_of(who)), 200).await;
                has_name(&answer, "/seller/username", name);
            }
            13 => {
                let answer = self.slowly(who, "PUT", &profile, &self.profile_of(who), 200).await;
                has_name(&answer, "/seller/username", name);
                has_name(&answer, "/seller/oneliner", &signed(name));
            }
            14 => {
                let answer = self.slowly(who, "PUT", &gig, &self.gig_of(who), 200).await;
                has_name(&answer, "/gig/username", name);
                has_name(&answer, "/gig/title", &signed(name));
            }
            15 => {
                let answer = self.ask(who, "POST", "/message", Some(self.words_of(who)), 200).await;
                has_name(&answer, "/messageData/senderUsername", name);
                user.said.fetch_add(1, Ordering::Relaxed);
            }
            16 => {
                let answer = self.slowly(who, "POST", "/message", &self.words_of(who), 200).await;
                has_name(&answer, "/messageData/senderUsername", name);
                user.said.fetch_add(1, Ordering::Relaxed);
            }
            17 => self.half(who, "PUT", &profile, &self.profile_of(who)).await,
            18 => {
                let password = json!({ "currentPassword": "x".repeat(400 * 1024), "newPassword": "another horse 8" });
                self.ask(who, "PUT", "/auth/change-password", Some(password), 413).await;
            }
            _ => {
                // Somebody else's gig, with a body that comes slowly.
                let others = format!("/gig/{}", self.users[(who + 1) % USERS].gig.id);
                self.slowly(who, "PUT", &others, &self.gig_of(who), 403).await;
            }
        }
    }

    /// Everything that is stored for a user is the user's.
    async fn check(&self, who: usize) {
        let (user, partner) = (&self.users[who], &self.users[(who + 1) % USERS]);
        let name = user.seller.username.as_str();
        let profile = self.ask(who, "GET", &format!("/seller/id/{}", user.seller.seller_id), None, 200).await;
        has_name(&profile, "/seller/username", name);
        has_name(&profile, "/seller/email", &user.seller.email);
        has_name(&profile, "/seller/oneliner", &signed(name));
        let gig = self.ask(who, "GET", &format!("/gig/{}", user.gig.id), None, 200).await;
        has_name(&gig, "/gig/username", name);
        has_name(&gig, "/gig/title", &signed(name));

        let path = format!("/message/{name}/{}", partner.seller.username);
        let messages = list(&self.ask(who, "GET", &path, None, 200).await, "/messages");
        assert_eq!(messages.len(), user.said.load(Ordering::Relaxed), "{name}");
        for message in &messages {
            has_name(message, "/senderUsername", name);
            has_name(message, "/body", &signed(name));
            has_name(message, "/receiverUsername", &partner.seller.username);
        }
    }

    fn profile_of(&self, who: usize) -> Value {
        let seller = &self.users[who].seller;
        let mut body = bodies::seller(&seller.email);
        body["oneliner"] = json!(signed(&seller.username));
        body
    }

    fn gig_of(&self, who: usize) -> Value {
        let seller = &self.users[who].seller;
        let body = bodies::gig(&seller.seller_id, &signed(&seller.username), 20.0);
        without(&without(&body, "/sellerId"), "/profilePicture")
    }

    /// To the next one, who sells.
    fn words_of(&self, who: usize) -> Value {
        let (user, partner) = (&self.users[who], &self.users[(who + 1) % USERS]);
        json!({
            "conversationId": format!("{:015}", unique()), "hasConversationId": false,
            "body": signed(&user.seller.username), "gigId": partner.gig.id,
            "sellerId": partner.seller.seller_id, "buyerId": user.seller.buyer_id,
            "senderUsername": user.seller.username, "senderPicture": bodies::PORTRAIT,
            "receiverUsername": partner.seller.username, "receiverPicture": bodies::PORTRAIT,
            "isRead": false, "hasOffer": false,
        })
    }

    /// A request over the shared connections.
    async fn ask(&self, who: usize, method: &str, path: &str, body: Option<Value>, status: u16) -> Value {
        // What listens listens on one address; `localhost` has two.
        let url = format!("http://127.0.0.1:{}{API}{path}", self.server.port);
        let request = self.http.request(method.parse().unwrap(), url).header("cookie", &self.users[who].cookies);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let (found, cookies) = (response.status().as_u16(), response.headers().get("set-cookie").cloned());
        let text = response.text().await.unwrap();
        assert_eq!((found, cookies), (status, None), "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method} {path}: {error}: {text}"))
    }

    /// A request of which the second half is sent after somebody else was answered.
    async fn slowly(&self, who: usize, method: &str, path: &str, body: &Value, status: u16) -> Value {
        let (mut connection, rest) = self.begin(who, method, path, body).await;
        let other = (who + 7) % USERS;
        let theirs = self.ask(other, "GET", "/auth/currentuser", None, 200).await;
        has_name(&theirs, "/user/username", &self.users[other].seller.username);
        assert!(connection.write(rest).await, "{method} {path}: closed too early");
        let answer = connection.answer().await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(!answer.head.contains("set-cookie"), "{}", answer.head);
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{method} {path}: {error}: {}", answer.body))
    }

    /// A request that ends in the middle of its body.
    async fn half(&self, who: usize, method: &str, path: &str, body: &Value) {
        drop(self.begin(who, method, path, body).await);
    }

    async fn begin(&self, who: usize, method: &str, path: &str, body: &Value) -> (Raw, String) {
        let mut first = body.to_string();
        let head = format!(
            "{method} {API}{path} HTTP/1.1\r\nhost: localhost:{}\r\ncookie: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.server.port,
            self.users[who].cookies,
            first.len()
        );
        let rest = first.split_off(first.len() / 2);
        let mut connection = Raw::connect(self.server.port).await;
        assert!(connection.write(head + &first).await, "{method} {path}: closed too early");
        (connection, rest)
    }
}

/// What only this user writes.
fn signed(name: &str) -> String {
    format!("Written by {name}")
}

#[track_caller]
fn has_name(body: &Value, pointer: &str, wanted: &str) {
    assert_eq!(body.pointer(pointer).and_then(Value::as_str), Some(wanted), "{pointer} of {body}");
}
