//! The services behind the gateway, and how they are called.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, Uri};
use jobapp_http::{ApiError, GatewayTokens, Upstream};
use parking_lot::Mutex;
use tower::ServiceExt;

use crate::routes::Target;

/// The services, one `tower` service each, in process or over the network.
#[derive(Clone)]
pub struct Upstreams {
    services: Arc<HashMap<Target, Upstream>>,
    tokens: GatewayTokens,
    signed: Arc<Mutex<HashMap<Target, (Instant, HeaderValue)>>>,
    timeout: Duration,
}

/// A call to a service.
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) method: Method,
    /// Below the target's base path, encoded, with the query.
    pub(crate) path: String,
    /// The caller's access token.
    pub(crate) bearer: Option<String>,
    /// The body and its content type.
    pub(crate) body: Option<(HeaderValue, Body)>,
    /// Headers passed on as they came.
    pub(crate) headers: Vec<(&'static str, HeaderValue)>,
}

impl Upstreams {
    /// These services. A target without a service is answered 503. `timeout` bounds the time to the head of an answer.
    pub fn new(
        services: impl IntoIterator<Item = (Target, Upstream)>,
        tokens: GatewayTokens,
        timeout: Duration,
    ) -> Self {
        Self { services: Arc::new(services.into_iter().collect()), tokens, signed: Arc::default(), timeout }
    }

    /// A gateway token for `target`, signed at most every half lifetime.
    fn token(&self, target: Target) -> Result<HeaderValue, ApiError> {
        let mut signed = self.signed.lock();
        if let Some((at, token)) = signed.get(&target)
            && at.elapsed().as_secs() < GatewayTokens::LIFETIME / 2
        {
            return Ok(token.clone());
        }
        let token = self.tokens.issue(target.audience()).ok().and_then(|token| HeaderValue::try_from(token).ok());
        let token = token.ok_or_else(|| {
            ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
        })?;
        signed.insert(target, (Instant::now(), token.clone()));
        Ok(token)
    }

    /// Calls a service.
    ///
    /// # Errors
    /// 503 when there is no such service, it cannot be reached or does not answer in time.
    pub(crate) async fn call(&self, call: Call) -> Result<Response<Body>, ApiError> {
        let away = || {
            ApiError::unavailable(
                format!("The {} service is not available. Please try again.", call.target.service()),
                1,
            )
            .at("Upstreams::call(): no answer")
        };
        let service = self.services.get(&call.target).ok_or_else(away)?;
        let uri: Uri = format!("{}{}", call.target.base(), call.path).parse().map_err(|error| {
            tracing::warn!(%error, "a path could not be passed on");
            ApiError::bad_request("The path could not be read.")
        })?;
        let mut request = Request::new(Body::empty());
        *request.method_mut() = call.method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert("gatewaytoken", self.token(call.target)?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(bearer) = &call.bearer {
            let value = HeaderValue::try_from(format!("Bearer {bearer}"));
            headers.insert(AUTHORIZATION, value.map_err(|_| ApiError::bad_request("The session cannot be read."))?);
        }
        for (name, value) in call.headers {
            headers.insert(name, value);
        }
        if let Some((content_type, body)) = call.body {
            headers.insert(CONTENT_TYPE, content_type);
            *request.body_mut() = body;
        }
        match tokio::time::timeout(self.timeout, service.clone().oneshot(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                tracing::warn!(%error, service = call.target.service(), "a service could not be reached");
                Err(away())
            }
            Err(_) => {
                tracing::warn!(service = call.target.service(), "a service did not answer in time");
                Err(away())
            }
        }
    }
}
