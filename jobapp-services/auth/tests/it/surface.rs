//! Which routes there are, and for whom.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use jobapp_auth_service::AuthConfig;
use jobapp_platform::Service;
use serde_json::json;

use crate::app::{app, app_with, error, marta, text};

#[tokio::test]
async fn it_says_that_it_is_healthy_to_everybody() {
    let request = Request::get("/auth-health").body(Body::empty()).unwrap();
    let (status, body) = app().send(request).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, Some("Auth service is healthy and OK.")));
}

#[tokio::test]
async fn what_does_not_come_from_the_gateway_is_refused() {
    let app = app();
    let refused = error(401, "Invalid request", "verifyGatewayRequest() method: Request not coming from api gateway");
    for token in ["", "nonsense", &app.gateway.issue("gig").unwrap()] {
        let request = Request::post("/api/v1/auth/signup").header("gatewaytoken", token).body(Body::empty()).unwrap();
        assert_eq!(app.send(request).await, (StatusCode::UNAUTHORIZED, refused.clone()));
    }
}

#[tokio::test]
async fn routes_for_users_need_one() {
    let app = app();
    for (method, path) in [
        (Method::GET, "/currentuser"),
        (Method::GET, "/refresh-token/Marta"),
        (Method::POST, "/resend-email"),
        (Method::GET, "/sessions"),
        (Method::DELETE, "/sessions/66f0c0ffee0000000000b001"),
    ] {
        let (status, answer) = app.call(method, path, &[], Some(json!({}))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer["message"], "Token is not available. Please login again.", "{path}");
    }
    let body = json!({"currentPassword": "correct horse", "newPassword": "battery staple"});
    assert_eq!(app.put("/change-password", body).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_not_there_is_json_too() {
    let app = app();
    for path in ["/search/gig/0/10/forward", "/search/gig/66f0c0ffee0000000000b001", "/nothing"] {
        let (status, answer) = app.call(Method::GET, path, &[], None).await;
        assert_eq!((status, &answer["status"]), (StatusCode::NOT_FOUND, &json!("error")), "{path}");
    }
}

#[tokio::test]
async fn sample_users_are_made_only_where_the_configuration_says_so() {
    let (status, _) = app().put("/seed/3", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let app = app_with(AuthConfig { seed: true, seed_mail_domain: "samples.example".into(), ..AuthConfig::default() });
    let (status, answer) = app.call(Method::PUT, "/seed/3", &[], None).await;
    assert_eq!((status, text(&answer, "message")), (StatusCode::OK, "Seed users created successfully."));
    assert_eq!(app.store.count::<jobapp_auth::Account>(), 3);
    assert_eq!(app.media.len(), 1, "the sample picture is a picture");
    assert!(app.mails().is_empty());
    for count in ["0", "-1", "abc", "1001", "99999999999999999999"] {
        let (status, answer) = app.call(Method::PUT, &format!("/seed/{count}"), &[], None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{count}: {answer}");
    }
}

#[tokio::test]
async fn large_bodies_are_refused_and_pictures_may_be_larger() {
    let app = app_with(AuthConfig { body_limit: 1000, picture_limit: 5000, ..AuthConfig::default() });
    let mut with_picture = marta();
    with_picture["profilePicture"] = format!("https://img.example.org/{}.png", "x".repeat(2000)).into();
    assert_eq!(app.post("/signup", with_picture.clone()).await.0, StatusCode::CREATED);
    with_picture["profilePicture"] = "x".repeat(6000).into();
    assert_eq!(app.post("/signup", with_picture).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, answer) = app.put("/forgot-password", json!({"email": "x".repeat(2000)})).await;
    assert_eq!((status, &answer["statusCode"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(413)));
}

#[test]
fn the_document_names_every_route() {
    let document = app().service.openapi().unwrap();
    let paths: Vec<&str> = document.paths.paths.keys().map(String::as_str).collect();
    let ours = [
        "/auth-health",
        "/api/v1/auth/change-password",
        "/api/v1/auth/currentuser",
        "/api/v1/auth/forgot-password",
        "/api/v1/auth/refresh-token/{username}",
        "/api/v1/auth/resend-email",
        "/api/v1/auth/reset-password/{token}",
        "/api/v1/auth/second-factor",
        "/api/v1/auth/seed/{count}",
        "/api/v1/auth/session/{sid}/alive",
        "/api/v1/auth/session/end",
        "/api/v1/auth/session/ended",
        "/api/v1/auth/session/refresh",
        "/api/v1/auth/sessions",
        "/api/v1/auth/sessions/{sid}",
        "/api/v1/auth/signin",
        "/api/v1/auth/signup",
        "/api/v1/auth/verify-email",
        "/api/v1/auth/verify-otp/{otp}",
    ];
    for path in ours {
        assert!(paths.contains(&path), "{path} is missing in {paths:?}");
    }
    assert_eq!(paths.len(), ours.len());
    let text = document.to_json().unwrap();
    for schema in ["SignUpBody", "SessionAnswer", "UserDocument", "ErrorBody", "profilePicture"] {
        assert!(text.contains(schema), "{schema}");
    }
}
