//! Sessions: cookies among others, clocks that were set, the end.

use std::time::{SystemTime, UNIX_EPOCH};

use jobapp_http::UserClaims;
use serde_json::{Value, json};

use super::{claims, world};

/// A token that was issued so many seconds from now, by a clock that was ahead.
fn issued_in(seconds: u64, user: &UserClaims) -> String {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + seconds;
    let mut claims = serde_json::to_value(user).unwrap();
    let rest = json!({ "iss": "jobapp", "aud": "jobapp-users", "typ": "access", "iat": at, "exp": at + 900 });
    claims.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let header = jsonwebtoken::Header { kid: Some("1".to_owned()), ..jsonwebtoken::Header::default() };
    jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(b"users")).unwrap()
}

#[tokio::test]
async fn a_foreign_cookie_that_cannot_be_read_leaves_the_session_as_it_is() {
    let world = world().await;
    for (name, neighbour) in [("Marta", &b"nick=Jos\xe9"[..]), ("Iria", "nick=José".as_bytes()), ("Anna", b"\xff\xfe")]
    {
        let line = [world.session_of(name).as_bytes(), b"; session.refresh=r; ", neighbour].concat();
        let ask = async |method: &str, path: &str| {
            let request = http::Request::builder().method(method).uri(format!("/api/gateway/v1{path}"));
            world.ask(request.header("cookie", &line[..]).body(axum::body::Body::empty()).unwrap()).await
        };
        assert_eq!(ask("GET", "/auth/currentuser").await.status, 200, "{neighbour:?}");
        assert_eq!(ask("GET", "/order/JO1").await.status, 200, "{neighbour:?}");
        let out = ask("POST", "/auth/signout").await;
        assert_eq!((out.status, &out.body["sessionEnded"]), (200, &json!(true)), "{neighbour:?}");
        assert_eq!(ask("GET", "/auth/currentuser").await.status, 401, "{neighbour:?}");
    }
}

#[tokio::test]
async fn sign_out_says_whether_it_ended_a_session() {
    let world = world().await;
    let out = async |cookies: &str| {
        let answer = world.api("POST", "/auth/signout", &[("cookie", cookies)], Some(json!({}))).await;
        assert_eq!((answer.status, &answer.body["message"]), (200, &json!("Logout successful")));
        answer.body["sessionEnded"].clone()
    };
    assert_eq!(out("a=b").await, Value::Bool(false));
    assert_eq!(out("session=x").await, Value::Bool(false));
    assert_eq!(out(&world.session_of("Marta")).await, Value::Bool(true));
    assert_eq!(out("session.refresh=r").await, Value::Bool(true));
    world.away("auth");
    assert_eq!(out(&world.session_of("Iria")).await, Value::Bool(false), "its refresh token lives on");
}

#[tokio::test]
async fn a_clock_that_was_set_back_a_little_signs_nobody_out() {
    let world = world().await;
    let session = format!("session={}", issued_in(40, &claims("Marta")));
    for path in ["/auth/currentuser", "/order/JO1", "/gig/66f0", "/auth/search/gig/0/10/forward"] {
        assert_eq!(world.api("GET", path, &[("cookie", &session)], None).await.status, 200, "{path}");
    }
    let passed = world.backstage.seen.lock().last().unwrap().headers["authorization"].clone();
    let token = passed.to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    assert_eq!(world.users.verify_passed_on(&token).unwrap(), claims("Marta"), "what was passed on is taken");
}

#[tokio::test]
async fn a_token_from_far_ahead_is_renewed_and_never_in_the_way_of_who_needs_none() {
    let world = world().await;
    let session = format!("session={}; session.refresh=r", issued_in(3600, &claims("Marta")));
    for path in ["/auth/search/gig/0/10/forward", "/auth/search/gig/66f0"] {
        assert_eq!(world.api("GET", path, &[("cookie", &session)], None).await.status, 200, "{path}");
        let seen = world.backstage.seen.lock().last().unwrap().clone();
        assert!(!seen.headers.contains_key("authorization"), "{path}");
    }
    // The refresh token is refused.
    assert_eq!(world.api("GET", "/auth/currentuser", &[("cookie", &session)], None).await.status, 401);
    let renewed = world.users.issue(&claims("Marta")).unwrap();
    *world.backstage.renewed.lock() = Some(renewed.clone());
    let answer = world.api("GET", "/order/JO1", &[("cookie", &session)], None).await;
    assert_eq!(answer.status, 200);
    let set: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(set.iter().any(|cookie| cookie.starts_with(&format!("session={renewed};"))), "{set:?}");
    let seen = world.backstage.seen.lock().last().unwrap().clone();
    assert_eq!(seen.headers["authorization"], format!("Bearer {renewed}"));
}
