//! Who guesses is slowed down, with the same words for names nobody has.

use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use jobapp_http::{CLIENT_ADDRESS, DEVICE_TOKEN};
use serde_json::Value;
use tower::ServiceExt;

use crate::app::{App, PASSWORD, app, credentials, text};

/// Signs in from a network address, on a device that is recognised by a token or not. Returns the whole answer.
async fn sign_in(app: &App, name: &str, password: &str, address: &str, device: Option<&str>) -> Response {
    let mut request = Request::post("/api/v1/auth/signin")
        .header("gatewaytoken", app.gateway.issue("auth").unwrap())
        .header(header::CONTENT_TYPE, "application/json")
        .header(CLIENT_ADDRESS, address);
    if let Some(token) = device {
        request = request.header(DEVICE_TOKEN, token);
    }
    let body = credentials(name, password, "Chrome").to_string();
    app.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn body(response: Response) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn the_sixth_guess_waits_and_says_how_long_for_names_that_exist_and_names_that_do_not() {
    let app = app();
    app.marta().await;
    let mut answers = Vec::new();
    for name in ["Marta", "Nobody"] {
        for _ in 0..5 {
            assert_eq!(sign_in(&app, name, "wrong", "192.0.2.9", None).await.status(), StatusCode::BAD_REQUEST);
        }
        let refused = sign_in(&app, name, "wrong", "192.0.2.9", None).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
        answers.push(body(refused).await);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(text(&answers[0], "message"), "Too many attempts. Please try again later.");
    let right = sign_in(&app, "Marta", PASSWORD, "192.0.2.9", None).await;
    assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS, "not even the right one is compared");
}

#[tokio::test]
async fn the_owner_gets_in_from_elsewhere_and_on_a_recognised_device() {
    let app = app();
    let token = text(&app.marta().await, "deviceToken").to_owned();
    for _ in 0..6 {
        sign_in(&app, "Marta", "wrong", "192.0.2.9", None).await;
    }
    assert_eq!(sign_in(&app, "Marta", PASSWORD, "192.0.2.9", Some(&token)).await.status(), StatusCode::OK);
    assert_eq!(sign_in(&app, "Marta", PASSWORD, "2001:db8::1", None).await.status(), StatusCode::OK);
    let again = body(sign_in(&app, "Marta", PASSWORD, "192.0.2.9", Some(&token)).await).await;
    assert!(again.get("deviceToken").is_none(), "it keeps what it has");
}
