//! Each session's own copy of its public user, so that nobody is signed out because the auth service is away.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use jobapp_http::UserClaims;
use moka::sync::Cache;
use serde_json::{Value, json};

/// As long as a session lives.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// How much memory the copies may take, in bytes: more than fifty thousand users.
const SPACE: u64 = 32 * 1024 * 1024;
/// The text of the answer.
const MESSAGE: &str = "Authenticated user";

/// The last good answer to the question who one is, by session.
#[derive(Debug, Clone)]
pub(crate) struct KeptUsers(Cache<String, Bytes>);

impl Default for KeptUsers {
    fn default() -> Self {
        let weigher = |sid: &String, body: &Bytes| u32::try_from(sid.len() + body.len() + 100).unwrap_or(u32::MAX);
        Self(Cache::builder().time_to_live(LIFETIME).max_capacity(SPACE).weigher(weigher).build())
    }
}

impl KeptUsers {
    /// Keeps a good answer of the auth service, as it is.
    pub(crate) fn keep_answer(&self, sid: &str, body: &Bytes) {
        if !sid.is_empty() {
            self.0.insert(sid.to_owned(), body.clone());
        }
    }

    /// Keeps the user of any other good answer.
    pub(crate) fn keep_user(&self, sid: &str, user: &Value) {
        if user.is_object() {
            self.keep_answer(sid, &json!({ "message": MESSAGE, "user": user }).to_string().into());
        }
    }

    /// The session is over.
    pub(crate) fn forget(&self, sid: &str) {
        self.0.invalidate(sid);
    }

    /// The answer while the auth service is away: the copy, or what the session itself says.
    pub(crate) fn answer(&self, claims: &UserClaims) -> Response {
        if let Some(body) = self.0.get(&claims.sid) {
            let mut response = Response::new(Body::from(body));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
        // Nothing here that a page would take for news: an address is shown as unverified only if it is known to be.
        let user = json!({
            "id": claims.id,
            "username": claims.username,
            "email": claims.email,
            "profilePublicId": "",
            "country": "",
            "profilePicture": "",
            "emailVerified": true,
        });
        Json(json!({ "message": MESSAGE, "user": user })).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shown(users: &KeptUsers) -> Value {
        let claims = UserClaims {
            id: 7,
            email: "marta@example.org".into(),
            username: "Marta".into(),
            sid: "s1".into(),
            role: None,
        };
        let body = axum::body::to_bytes(users.answer(&claims).into_body(), 4096).await.unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()["user"].clone()
    }

    #[tokio::test]
    async fn the_copy_is_shown_until_the_session_is_over() {
        let users = KeptUsers::default();
        users.keep_user("s1", &json!({ "username": "Marta", "country": "Portugal" }));
        assert_eq!(shown(&users).await["country"], "Portugal");
        users.keep_user("s1", &Value::Null);
        assert_eq!(shown(&users).await["country"], "Portugal");
        users.forget("s1");
        let plain = shown(&users).await;
        assert_eq!((&plain["username"], &plain["id"], &plain["country"]), (&json!("Marta"), &json!(7), &json!("")));
    }
}
