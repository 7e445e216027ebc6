//! The services behind the gateway, and how they are called.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use jobapp_http::{ApiError, CLIENT_ADDRESS, DEVICE_TOKEN, GATEWAY_CHALLENGE, GatewayTokens, Upstream};
use parking_lot::Mutex;
use serde_json::Value;
use tower::ServiceExt;

use super::guards::{self, CallError, GuardConfig, Guarded, Guards};
use crate::door::request_id;
use crate::table::route::Target;

const GATEWAY_TOKEN: HeaderName = HeaderName::from_static("gatewaytoken");
const PENDING_TOKEN: HeaderName = HeaderName::from_static("x-pending-token");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static(jobapp_telemetry::TRACEPARENT);

/// The services, each behind its guards, in process or over the network.
#[derive(Clone)]
pub struct Upstreams(Arc<Inner>);

struct Inner {
    guards: Vec<Guards>,
    /// By the targets' numbers, as everything that is asked for at each call.
    clients: [Option<Client>; TARGETS],
    tokens: GatewayTokens,
    signed: Mutex<[Option<(SystemTime, HeaderValue)>; TARGETS]>,
}

/// How large the document of a service may be, in bytes.
const LARGEST_DOCUMENT: usize = 8 * 1024 * 1024;
/// How many targets there are.
const TARGETS: usize = Target::ALL.len();

/// The way to a service: past its guards, and through them.
struct Client {
    bare: Upstream,
    guarded: Guarded,
}

/// Headers that go on to a service, and nothing else of the client's does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passed(HeaderMap);

impl Passed {
    /// What of a client's headers goes on.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        // With what a call adds.
        let mut passed = Self(HeaderMap::with_capacity(12));
        for name in [request_id::NAME, IDEMPOTENCY_KEY, TRACEPARENT] {
            if let Some(value) = headers.get(&name) {
                passed.0.insert(name, value.clone());
            }
        }
        passed
    }

    /// Where the client is, as far as we believe it.
    pub(crate) fn address(&mut self, address: std::net::IpAddr) {
        if let Ok(value) = HeaderValue::try_from(address.to_string()) {
            self.0.insert(HeaderName::from_static(CLIENT_ADDRESS), value);
        }
    }

    /// What ties a code to its sign-in, and what the client's device is known by.
    pub(crate) fn sign_in(&mut self, pending: Option<&str>, device: Option<&str>) {
        for (name, value) in [(PENDING_TOKEN, pending), (HeaderName::from_static(DEVICE_TOKEN), device)] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                self.0.insert(name, value);
            }
        }
    }
}

/// A call to a service.
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) method: Method,
    /// Below the target's base path, encoded, with the query.
    pub(crate) path: String,
    /// The caller's access token, as the value of `Authorization`.
    pub(crate) bearer: Option<HeaderValue>,
    /// The body and its content type.
    pub(crate) body: Option<(HeaderValue, Body)>,
    /// Headers passed on as they came.
    pub(crate) passed: Passed,
}

impl Upstreams {
    /// These services. Targets of the same service share its guards. A target without a service is answered 503.
    pub fn new(
        services: impl IntoIterator<Item = (Target, Upstream)>,
        tokens: GatewayTokens,
        guards: &GuardConfig,
    ) -> Self {
        let mut all: Vec<Guards> = Vec::new();
        let mut clients = [const { None }; TARGETS];
        for (target, bare) in services {
            let name = target.service();
            let at = all.iter().position(|guards| guards.name == name).unwrap_or_else(|| {
                all.push(Guards::new(name, guards));
                all.len() - 1
            });
            let guarded = all[at].around(bare.clone());
            clients[target as usize] = Some(Client { bare, guarded });
        }
        Self(Arc::new(Inner { guards: all, clients, tokens, signed: Mutex::default() }))
    }

    /// The guards of every service.
    pub(crate) fn guards(&self) -> impl Iterator<Item = &Guards> {
        self.0.guards.iter()
    }

    /// Whether a service says that it runs, asked past its guards.
    pub(crate) async fn health(&self, service: &str) -> bool {
        self.asked(service, |target| target.health()).await.is_some()
    }

    /// What a service accepts and answers, asked past its guards; `None` when it does not tell.
    pub(crate) async fn document(&self, service: &str) -> Option<Value> {
        let response = self.asked(service, |_| "/openapi.json").await?;
        let body = axum::body::to_bytes(response.into_body(), LARGEST_DOCUMENT).await.ok()?;
        serde_json::from_slice(&body).ok()
    }

    /// What a service answers to who asks past its guards, if that is a success.
    async fn asked(&self, service: &str, path: impl Fn(Target) -> &'static str) -> Option<Response<Body>> {
        let client = |target: Target| Some((target, self.0.clients[target as usize].as_ref()?));
        let mut targets = Target::ALL.into_iter().filter(|target| target.service() == service);
        let (target, client) = targets.find_map(client)?;
        let request = Request::builder().uri(path(target)).body(Body::empty()).ok()?;
        let asked = AssertUnwindSafe(client.bare.clone().oneshot(request)).catch_unwind().await;
        asked.ok()?.ok().filter(|response| response.status().is_success())
    }

    /// A gateway token for `target`, signed at most every half lifetime. That is by the clock on the wall, as services judge
    /// it: the other one stands still while a laptop sleeps.
    fn token(&self, target: Target) -> Result<HeaderValue, ApiError> {
        let signed = &mut self.0.signed.lock()[target as usize];
        if let Some((at, token)) = signed
            && at.elapsed().is_ok_and(|age| age.as_secs() < GatewayTokens::LIFETIME / 2)
        {
            return Ok(token.clone());
        }
        let token = self.0.tokens.issue(target.audience()).ok().and_then(|token| HeaderValue::try_from(token).ok());
        let token = token
            .ok_or_else(|| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side."))?;
        *signed = Some((SystemTime::now(), token.clone()));
        Ok(token)
    }

    /// Calls a service.
    ///
    /// # Errors
    /// 503 when there is no such service, it cannot be reached or does not answer in time; 408 when the client does not
    /// send its body.
    pub(crate) async fn call(&self, call: Call) -> Result<Response<Body>, ApiError> {
        let Call { target, method, path, bearer, body, passed } = call;
        let service = target.service();
        let Some(client) = &self.0.clients[target as usize] else { return Err(away(service, Duration::ZERO)) };
        let whole = [target.base(), &path].concat();
        let uri = Uri::from_maybe_shared(Bytes::from(whole)).map_err(|error| {
            tracing::warn!(%error, "a path could not be passed on");
            ApiError::bad_request("The path could not be read.")
        })?;
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = passed.0;
        let headers = request.headers_mut();
        headers.insert(GATEWAY_TOKEN, self.token(target)?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, bearer);
        }
        if let Some((content_type, body)) = body {
            headers.insert(CONTENT_TYPE, content_type);
            *request.body_mut() = body;
        }
        let traced = jobapp_telemetry::Call::to(service, request.method());
        traced.carried_in(request.headers_mut());
        let id = request.headers().get(request_id::NAME).cloned();
        // A service in this process that panics must not take the client's connection with it.
        let calling = AssertUnwindSafe(guards::call(&client.guarded, request)).catch_unwind();
        let outcome = match traced.made(calling).await {
            Ok(Ok(response)) if !refuses_gateway(&response) => {
                traced.answered(response.status());
                return Ok(response);
            }
            outcome => outcome,
        };
        traced.failed(match &outcome {
            Ok(Ok(_)) => "gateway_refused",
            Ok(Err(error)) => error.word(),
            Err(_) => "panic",
        });
        let _span = request_id::span(id.as_ref()).entered();
        match outcome {
            Ok(Ok(_)) => {
                tracing::error!(service, "the service refused the gateway: are their secrets and clocks the same?");
                self.0.signed.lock()[target as usize] = None;
                Err(away(service, Duration::ZERO))
            }
            Ok(Err(error)) => Err(refused(service, &error)),
            Err(_) => {
                tracing::error!(service, "the service panicked");
                Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
                    .at("Upstreams::call(): the service panicked"))
            }
        }
    }
}

/// Whether a 401 means the gateway and not its user.
fn refuses_gateway(response: &Response<Body>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
        && response.headers().get(WWW_AUTHENTICATE).is_some_and(|challenge| challenge == GATEWAY_CHALLENGE)
}

/// 503, to be tried again after so long, at least a second.
fn away(service: &str, wait: Duration) -> ApiError {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
    ApiError::unavailable(format!("The {service} service is not available. Please try again."), seconds)
        .at("Upstreams::call(): no answer")
}

fn refused(service: &str, error: &CallError) -> ApiError {
    match error {
        CallError::Stalled(_) => {
            tracing::debug!(service, %error, "a client stopped sending");
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.")
                .at("Upstreams::call(): the body stalled")
        }
        CallError::Body(told) => {
            tracing::debug!(service, %error, "a client's body broke off");
            told.clone()
        }
        // The breaker has said so once, when it opened.
        CallError::Open(wait) => away(service, *wait),
        CallError::Full => {
            tracing::warn!(service, %error, "a call was refused");
            ApiError::unavailable(format!("The {service} service is busy. Please try again."), 1)
                .at("Upstreams::call(): too many calls")
        }
        CallError::TimedOut(_) | CallError::Unreachable(_) => {
            tracing::warn!(service, %error, "a call brought no answer");
            away(service, Duration::ZERO)
        }
    }
}
