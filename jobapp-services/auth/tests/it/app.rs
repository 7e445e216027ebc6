//! The service under test and how it is called.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use jobapp_auth_service::{Argon2Hasher, AuthConfig, AuthPorts, AuthService};
use jobapp_http::{GatewayTokens, TokenKeys, UserTokens};
use jobapp_kernel::{FixedClock, SequenceIds, Timestamp};
use jobapp_media::MemoryMedia;
use jobapp_memory::MemoryStore;
use jobapp_platform::{Service, Shared};
use jobapp_wire::messages::AccountMail;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) service: AuthService,
    pub(crate) store: MemoryStore,
    pub(crate) media: Arc<MemoryMedia>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) gateway: GatewayTokens,
}

/// A status and a body.
pub(crate) type Answer = (StatusCode, Value);

pub(crate) fn app() -> App {
    app_with(AuthConfig::default())
}

pub(crate) fn app_with(config: AuthConfig) -> App {
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_795_500_000_000).unwrap()));
    let store = MemoryStore::with(clock.clone(), None);
    let media = Arc::new(MemoryMedia::default());
    let ports = ports_with(&store, shared(clock.clone(), media.clone()));
    let service = AuthService::new(ports, config);
    App { router: service.router(), service, store, media, clock, gateway: gateway_tokens() }
}

fn keys_of(secret: &str) -> TokenKeys {
    TokenKeys::single(&SecretString::from(secret.to_owned()))
}

pub(crate) fn gateway_tokens() -> GatewayTokens {
    GatewayTokens::new(keys_of("gateway"))
}

pub(crate) fn user_tokens() -> UserTokens {
    UserTokens::new(keys_of("users"), 900)
}

fn shared(clock: Arc<FixedClock>, media: Arc<MemoryMedia>) -> Shared {
    Shared {
        clock,
        ids: Arc::new(SequenceIds::default()),
        media,
        gateway_tokens: gateway_tokens(),
        user_tokens: user_tokens(),
        ..Shared::in_memory()
    }
}

/// Everything in memory, with the cheapest hashes.
pub(crate) fn ports(store: &MemoryStore, clock: Arc<FixedClock>) -> AuthPorts {
    ports_with(store, shared(clock, Arc::new(MemoryMedia::default())))
}

fn ports_with(store: &MemoryStore, shared: Shared) -> AuthPorts {
    // A store in memory is there at once.
    let mut ports = AuthPorts::open(&store.clone().into(), &shared).now_or_never().unwrap().unwrap();
    ports.auth.hasher = Arc::new(Argon2Hasher::cheapest().unwrap());
    ports
}

pub(crate) fn marta() -> Value {
    json!({"username": "mARTA", "password": PASSWORD, "country": "Portugal", "email": "Marta@Example.org",
        "profilePicture": "https://img.example.org/1.png", "browserName": "Chrome", "deviceType": "browser"})
}

pub(crate) fn credentials(username: &str, password: &str, browser: &str) -> Value {
    json!({"username": username, "password": password, "browserName": browser, "deviceType": "browser"})
}

impl App {
    /// A call from the gateway with these further headers.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let token = self.gateway.issue("auth").unwrap();
        let mut request = Request::builder().method(method).uri(path_of(path)).header("gatewaytoken", token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| body.to_string());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.send(request.body(body.map_or_else(Body::empty, Body::from)).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body =
            serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        (status, body)
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, &[], Some(body)).await
    }

    /// A call for the user of an access token.
    pub(crate) async fn call_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.call_as(token, Method::GET, path, None).await
    }

    /// Signs Marta up.
    pub(crate) async fn marta(&self) -> Value {
        let (status, answer) = self.post("/signup", marta()).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer
    }

    /// The mails of everything that happened, oldest first, as the service's translator makes them.
    pub(crate) fn mails(&self) -> Vec<AccountMail> {
        let translate = self.service.translator().unwrap();
        let messages = self.store.events().into_iter().flat_map(|entry| translate(&entry).unwrap());
        messages.filter(|message| message.routing_key == "auth-email").map(|message| message.json().unwrap()).collect()
    }

    /// The secret at the end of the last mail's link.
    pub(crate) fn last_link(&self) -> String {
        let mail = self.mails().pop().unwrap();
        let link = mail.verify_link.or(mail.reset_link).unwrap();
        link.rsplit_once('=').unwrap().1.to_owned()
    }
}

fn path_of(path: &str) -> String {
    if path.starts_with("/auth-health") { path.to_owned() } else { format!("/api/v1/auth{path}") }
}

/// The text of a member.
pub(crate) fn text<'a>(answer: &'a Value, key: &str) -> &'a str {
    answer[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {answer}"))
}

/// The keys of an object, sorted.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The four-field error.
pub(crate) fn error(status: u16, message: &str, coming_from: &str) -> Value {
    json!({"message": message, "statusCode": status, "status": "error", "comingFrom": coming_from})
}
