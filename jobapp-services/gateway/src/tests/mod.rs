//! The whole gateway, on services made for the occasion.

mod beside;
mod bodies;
mod caching;
mod document;
mod downstream;
mod keeping;
mod limits;
mod outage;
mod pages;
mod people;
mod rooms;
mod rules;
mod sessions;
mod sharing;
mod sockets;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::IntoResponse;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use jobapp_http::{BoxError, GatewayTokens, TokenKeys, Upstream, UserClaims, UserTokens};
use jobapp_memory::MemoryCategories;
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::routes::Target;
use crate::{Door, Gateway, GatewayConfig, GatewayPorts, Upstreams};

/// What a service saw.
#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: Bytes,
}

/// The services and what became of the calls to them.
#[derive(Default)]
struct Backstage {
    seen: Mutex<Vec<Seen>>,
    /// Services that are away.
    away: Mutex<BTreeSet<&'static str>>,
    /// Services that take nobody for the gateway.
    suspicious: Mutex<BTreeSet<&'static str>>,
    /// The title of the one gig there is.
    title: Mutex<String>,
    /// What a session that is renewed gets, if any is.
    renewed: Mutex<Option<String>>,
    /// Sessions that the auth service says are over.
    ended: Mutex<Vec<String>>,
}

struct World {
    gateway: Gateway,
    door: Door,
    backstage: Arc<Backstage>,
    users: UserTokens,
}

/// An answer of the gateway.
#[derive(Debug)]
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

fn keys(secret: &str) -> TokenKeys {
    TokenKeys::single(&SecretString::from(secret.to_owned()))
}

async fn world() -> World {
    world_with(GatewayConfig::default()).await
}

async fn world_with(config: GatewayConfig) -> World {
    world_sharing(GatewayPorts::alone(Arc::new(MemoryCategories::new())), config).await
}

async fn world_sharing(ports: GatewayPorts, config: GatewayConfig) -> World {
    let backstage = Arc::new(Backstage::default());
    let services = Target::ALL.map(|target| {
        let backstage = Arc::clone(&backstage);
        let service = tower::service_fn(move |request: Request<Body>| {
            let backstage = Arc::clone(&backstage);
            async move { backstage.answer(target, request).await }
        });
        (target, BoxCloneSyncService::new(service) as Upstream)
    });
    let users = UserTokens::new(keys("users"), 900);
    let upstreams = Upstreams::new(services, GatewayTokens::new(keys("gateway")), &config.guards);
    let gateway = Gateway::start(upstreams, users.clone(), ports, config).await;
    let door = gateway.door(&[]);
    World { gateway, door, backstage, users }
}

impl Backstage {
    async fn answer(&self, target: Target, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let uri = head.uri.to_string();
        let seen = Seen { method: head.method.clone(), uri: uri.clone(), headers: head.headers, body: body.clone() };
        self.seen.lock().push(seen);
        if self.away.lock().contains(target.service()) {
            return Err("nobody listens".into());
        }
        if self.suspicious.lock().contains(target.service()) {
            let challenge = [(http::header::WWW_AUTHENTICATE, jobapp_http::GATEWAY_CHALLENGE)];
            let body = json!({ "message": "Invalid request" });
            return Ok((StatusCode::UNAUTHORIZED, challenge, axum::Json(body)).into_response());
        }
        let path = uri.strip_prefix(target.base()).unwrap_or(&uri);
        let gig = |title: &str| json!({ "id": "66f0", "sellerId": "77a1", "username": "Iria", "active": true, "title": title });
        let answer = match (target, head.method.as_str(), path) {
            (Target::Auth, _, "/session/refresh") if self.renewed.lock().is_some() => {
                json!({ "message": "Session refreshed", "token": *self.renewed.lock(), "refreshToken": "next" })
            }
            (Target::Auth, _, "/session/end") => json!({ "message": "Session ended", "ended": true }),
            (Target::Auth, _, "/session/refresh") => {
                return Ok((StatusCode::UNAUTHORIZED, axum::Json(json!({ "message": "over" }))).into_response());
            }
            (Target::Auth, _, path) if path.ends_with("/alive") => json!({ "alive": !path.contains("/over/") }),
            (Target::Auth, _, "/session/ended") => {
                let sessions: Vec<Value> = self.ended.lock().iter().map(|sid| json!({ "sid": sid })).collect();
                json!({ "sessions": sessions })
            }
            (Target::Auth, "GET", "/currentuser") => {
                json!({ "message": "Authenticated user", "user": { "username": "Marta", "country": "Portugal" } })
            }
            (Target::Gig, "PUT", "/66f0") => {
                let sent: Value = serde_json::from_slice(&body)?;
                *self.title.lock() = sent["title"].as_str().unwrap_or_default().to_owned();
                json!({ "message": "Gig updated successfully", "gig": gig(&self.title.lock()) })
            }
            (Target::Gig, "GET", "/66f0") => {
                json!({ "message": "Get gig by id", "gig": gig(&self.title.lock()) })
            }
            (Target::Gig, "GET", "/none") => {
                return Ok((StatusCode::NOT_FOUND, axum::Json(json!({ "message": "No such gig." }))).into_response());
            }
            (Target::Gig, "GET", "/search/0/6/forward") => json!({ "message": "gigs", "gigs": people::gigs() }),
            (Target::Gig, ..) => json!({ "message": "gigs", "gigs": [] }),
            (Target::Seller, "GET", path) if path.starts_with("/id/") => {
                json!({ "message": "Seller profile", "seller": { "_id": "77a1", "username": "Iria" } })
            }
            (Target::Seller, ..) => json!({ "message": "sellers", "sellers": [], "seller": null }),
            (Target::Buyer, ..) => json!({ "message": "buyer", "buyer": { "_id": "b1", "username": "Marta" } }),
            (Target::Order, ..) => json!({ "message": "order", "order": {
                "gigId": "66f0", "sellerId": "77a1", "sellerUsername": "Iria", "buyerUsername": "Marta",
            } }),
            (Target::Review, ..) => json!({ "message": "reviews", "reviews": [] }),
            (Target::Message, ..) => json!({ "message": "chat", "conversations": [] }),
            (Target::Auth, ..) => json!({ "message": "done" }),
        };
        Ok(axum::Json(answer).into_response())
    }

    /// How often services were called with this method and path.
    fn calls(&self, method: &Method, uri: &str) -> usize {
        self.seen.lock().iter().filter(|seen| seen.method == *method && seen.uri == uri).count()
    }
}

impl World {
    /// The cookie of a session.
    fn session_of(&self, name: &str) -> String {
        format!("session={}", self.users.issue(&claims(name)).unwrap())
    }

    /// Sends a request below the API.
    async fn api(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answered {
        self.send(method, &format!("/api/gateway/v1{path}"), headers, body).await
    }

    /// Reads below the API as somebody.
    async fn read(&self, path: &str, name: &str) -> Answered {
        self.api("GET", path, &[("cookie", &self.session_of(name))], None).await
    }

    async fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answered {
        let json = [("content-type", "application/json")];
        match body {
            Some(body) => self.send_bytes(method, uri, &[headers, &json].concat(), body.to_string()).await,
            None => self.send_bytes(method, uri, headers, "").await,
        }
    }

    async fn send_bytes(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answered {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, value.as_bytes());
        }
        self.ask(builder.body(Body::from(body.into())).unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> Answered {
        let response = self.door.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }

    fn away(&self, service: &'static str) {
        self.backstage.away.lock().insert(service);
    }
}

fn claims(name: &str) -> UserClaims {
    let sid = format!("session-of-{name}");
    UserClaims { id: 7, email: format!("{name}@example.org"), username: name.to_owned(), sid, role: None }
}

impl Answered {
    /// A header of which there is at most one.
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Everything the answer varies with, in lower case.
    fn varies(&self) -> String {
        let lines = self.headers.get_all("vary").iter().map(|line| line.to_str().unwrap().to_lowercase());
        lines.collect::<Vec<_>>().join(", ")
    }

    /// Checks that the answer is an error in the form of every error, and returns its text.
    #[track_caller]
    fn error(&self, status: u16) -> &str {
        assert_eq!((self.status, self.header("content-type")), (status, "application/json"), "{self:?}");
        assert_eq!((&self.body["statusCode"], &self.body["status"]), (&json!(status), &json!("error")), "{self:?}");
        assert!(self.body["comingFrom"].is_string() && self.body.as_object().unwrap().len() == 4, "{self:?}");
        self.body["message"].as_str().unwrap()
    }
}
