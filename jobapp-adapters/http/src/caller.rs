//! Who calls: the gateway, and the user it speaks for.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use tracing::Instrument;

use crate::{ApiError, GatewayTokens, UserClaims, UserTokens};

/// The header in which the gateway tells a service the client's network address, without a port. Only the gateway's is
/// believed: [`guard`] refuses requests of anybody else.
pub const CLIENT_ADDRESS: &str = "x-client-address";
/// The header in which the gateway tells the auth service what the client's device is recognised by: the value of the
/// cookie it made of an answer's `deviceToken`.
pub const DEVICE_TOKEN: &str = "x-device-token";
/// The role of people who run the marketplace.
pub const OPERATOR: &str = "operator";

/// The signed-in user a request is made for. As an extractor it refuses requests without one: 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The claims of the access token.
    pub claims: UserClaims,
}

impl Caller {
    /// The user name, stored form.
    pub fn username(&self) -> &str {
        &self.claims.username
    }

    /// The address, lower case.
    pub fn email(&self) -> &str {
        &self.claims.email
    }

    /// Whether the caller runs the marketplace.
    pub fn is_operator(&self) -> bool {
        self.claims.role.as_deref() == Some(OPERATOR)
    }

    /// Refuses anybody who does not run the marketplace: 403.
    ///
    /// # Errors
    /// When the caller is an ordinary user.
    pub fn must_be_operator(&self) -> Result<(), ApiError> {
        if self.is_operator() { Ok(()) } else { Err(ApiError::forbidden("Only operators may do this.")) }
    }

    /// Whether `name` is the caller's, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.claims.username.to_lowercase() == name.to_lowercase()
    }

    /// Refuses anybody but `name`: 403.
    ///
    /// # Errors
    /// When the caller is somebody else.
    pub fn must_be(&self, name: &str) -> Result<(), ApiError> {
        if self.is(name) { Ok(()) } else { Err(ApiError::forbidden("This belongs to somebody else.")) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::unauthorized("Token is not available. Please login again.")
                .at("Caller: no session in the request")
        })
    }
}

/// The signed-in user, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaybeCaller(pub Option<Caller>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeCaller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

/// What a service checks of every request under its base paths.
#[derive(Debug, Clone)]
pub struct ServiceGuard {
    /// The audience its gateway tokens must have: `auth`, `buyer`, `seller`, `gig`, `message`, `order`, `review`.
    pub audiences: &'static [&'static str],
    /// Verifies the gateway's tokens.
    pub gateway: GatewayTokens,
    /// Verifies users' tokens.
    pub users: UserTokens,
}

/// What a service that takes a call for none of the gateway's asks for in `WWW-Authenticate` (RFC 9110 §11.6.1). It tells
/// the gateway that itself was refused, not its user.
pub const GATEWAY_CHALLENGE: &str = "GatewayToken";

/// The header that names a request, in the logs of the gateway and of every service it leads to.
pub const REQUEST_ID: &str = "x-request-id";

/// Middleware: refuses what does not come from the gateway, and vouches for the caller, if a good token names one. What is logged further in belongs to
/// the request's span, which has its id. Use with [`axum::middleware::from_fn_with_state`] and an `Arc<ServiceGuard>`.
pub async fn guard(
    axum::extract::State(guard): axum::extract::State<Arc<ServiceGuard>>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = request.headers().get("gatewaytoken").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !guard.audiences.iter().any(|audience| guard.gateway.verify(token, audience).is_ok()) {
        let refusal = ApiError::unauthorized("Invalid request")
            .at("verifyGatewayRequest() method: Request not coming from api gateway");
        return ([(WWW_AUTHENTICATE, GATEWAY_CHALLENGE)], refusal).into_response();
    }
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|text| text.split_once(' ')).map(|(_, token)| token.trim());
        match bearer.map(|token| guard.users.verify_passed_on(token)) {
            Some(Ok(claims)) => {
                request.extensions_mut().insert(Caller { claims });
            }
            // Nobody is signed in then: a handler that needs somebody refuses, and one that needs nobody goes on.
            _ => tracing::debug!("a user's token does not verify"),
        }
    }
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let span = tracing::info_span!("request", request_id = id);
    next.run(request).instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SecretString, TokenKeys};
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use http::StatusCode;
    use std::io::{BufRead, BufReader};
    use tower::ServiceExt;

    /// What is logged is looked at while nobody else passes the guard: whether a place in the code logs is decided for all.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    #[tokio::test]
    async fn a_token_that_is_not_good_signs_nobody_in_and_is_no_fault_where_nobody_need_be() {
        let _alone = ALONE.lock().await;
        let keys = |secret: &str| TokenKeys::single(&SecretString::from(secret.to_owned()));
        let gateway = GatewayTokens::new(keys("gateway"));
        let users = UserTokens::new(keys("users"), 900);
        let state = Arc::new(ServiceGuard { audiences: &["gig"], gateway: gateway.clone(), users: users.clone() });
        let public =
            get(async |MaybeCaller(caller): MaybeCaller| caller.map_or_else(String::new, |own| own.claims.username));
        let private = get(async |caller: Caller| caller.claims.username);
        let router =
            Router::new().route("/public", public).route("/private", private).layer(from_fn_with_state(state, guard));
        let claims =
            UserClaims { id: 7, email: "m@b.test".into(), username: "Marta".into(), sid: "s".into(), role: None };
        let good = users.issue(&claims).unwrap();
        let other = UserTokens::new(keys("others"), 900).issue(&claims).unwrap();
        for (path, token, expected) in [
            ("/public", &good, Some("Marta")),
            ("/private", &good, Some("Marta")),
            ("/public", &other, Some("")),
            ("/private", &other, None),
        ] {
            let request = Request::builder().uri(path).header(AUTHORIZATION, format!("Bearer {token}"));
            let request = request.header("gatewaytoken", gateway.issue("gig").unwrap()).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let status = if expected.is_some() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(response.status(), status, "{path}");
            assert!(!response.headers().contains_key(WWW_AUTHENTICATE), "the gateway itself was taken");
            if let Some(expected) = expected {
                let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
                assert_eq!(body, expected, "{path}");
            }
        }
    }

    #[tokio::test]
    async fn what_a_service_logs_says_for_which_request() {
        let _alone = ALONE.lock().await;
        let keys = |secret: &str| TokenKeys::single(&SecretString::from(secret.to_owned()));
        let gateway = GatewayTokens::new(keys("gateway"));
        let token = gateway.issue("gig").unwrap();
        let state = Arc::new(ServiceGuard { audiences: &["gig"], gateway, users: UserTokens::new(keys("users"), 900) });
        let router = Router::new()
            .route("/", get(|| async { tracing::warn!("inside") }))
            .layer(from_fn_with_state(state, guard));
        let (log, writer) = std::io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().json().with_writer(Arc::new(writer)).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let request = Request::builder().uri("/").header("gatewaytoken", token).header(REQUEST_ID, "request-77");
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        drop(logging);
        assert_eq!(response.status(), StatusCode::OK);
        let line = BufReader::new(log).lines().next().unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["fields"]["message"], &line["span"]["request_id"]), (&"inside".into(), &"request-77".into()));
    }
}
