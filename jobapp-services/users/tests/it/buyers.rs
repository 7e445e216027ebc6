//! `/api/v1/buyer`

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use jobapp_platform::Service;
use jobapp_users::Buyer;
use jobapp_users_service::UsersConfig;
use serde_json::json;

use crate::world::{World, answer};

#[tokio::test]
async fn the_health_route_is_open_and_all_others_are_not() {
    let world = World::new();
    let health = answer(world.service.router(), Request::get("/user-health").body(Body::empty()).unwrap()).await;
    assert_eq!((health.status, health.body), (StatusCode::OK, json!("Users service is healthy and OK.")));
    for path in ["/api/v1/buyer/email", "/api/v1/buyer/Marta", "/api/v1/seller/random/3"] {
        let refused = answer(world.service.router(), Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(refused.body["message"], "Invalid request");
    }
}

#[tokio::test]
async fn oneself_gets_the_whole_document() {
    let world = World::new();
    world.sign_up("Marta").await;
    for path in ["/api/v1/buyer/email", "/api/v1/buyer/username", "/api/v1/buyer/Marta", "/api/v1/buyer/mARTA"] {
        let answer = world.call("Marta", "GET", path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let id = answer.body["buyer"]["_id"].as_str().unwrap().to_owned();
        let expected = json!({"message": "Buyer profile", "buyer": {"_id": id, "username": "Marta",
            "email": "marta@example.org", "profilePicture": "https://img.example.org/p.png", "country": "Portugal",
            "isSeller": false, "purchasedGigs": [], "createdAt": "2026-11-24T02:40:54.644Z"}});
        assert_eq!(answer.body, expected, "{path}");
    }
}

#[tokio::test]
async fn others_get_the_public_part_in_any_case() {
    let world = World::new();
    world.sign_up("Marta Maria").await;
    let answer = world.call("Iria", "GET", "/api/v1/buyer/Marta%20maria", None).await;
    assert_eq!(answer.status, StatusCode::OK);
    let buyer = answer.body["buyer"].as_object().unwrap();
    let mut keys: Vec<&str> = buyer.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["_id", "country", "isSeller", "profilePicture", "username"]);
}

#[tokio::test]
async fn an_unknown_buyer_is_not_found() {
    let world = World::new();
    for path in ["/api/v1/buyer/nobody", "/api/v1/buyer/%FF", "/api/v1/buyer/undefined"] {
        let answer = world.call("Marta", "GET", path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.body["statusCode"], 404);
    }
}

#[tokio::test]
async fn a_buyer_asked_for_too_early_is_waited_for() {
    let world = World::with(UsersConfig { profile_wait: Duration::from_secs(3), ..UsersConfig::default() });
    let (answer, ()) = tokio::join!(world.call("Marta", "GET", "/api/v1/buyer/username", None), async {
        tokio::task::yield_now().await;
        world.sign_up("Marta").await;
    });
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["buyer"]["username"], "Marta");
}

#[tokio::test]
async fn a_live_session_never_gets_null() {
    let world = World::new();
    for path in ["/api/v1/buyer/email", "/api/v1/buyer/username", "/api/v1/buyer/marta"] {
        let answer = world.call("Marta", "GET", path, None).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.retry_after.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn a_new_seller_is_a_selling_buyer_at_once_and_for_good() {
    let world = World::new();
    world.sign_up("Marta").await;
    world.make_seller("Marta").await;
    assert_eq!(world.buyer("Marta").await["isSeller"], json!(true));
    world.hear_own_news().await;
    world.hear_own_news().await;
    let stored = world.store.repository::<Buyer>().find_by(Buyer::USERNAME, "Marta".into()).await.unwrap().unwrap();
    assert!(stored.value.is_seller());
    assert_eq!(stored.version, 2);
}

#[test]
fn the_document_of_the_routes_names_every_route() {
    let document = serde_json::to_value(World::new().service.openapi().unwrap()).unwrap();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 10, "{paths:?}");
}
