//! `/api/v1/seller`

use std::collections::BTreeMap;

use futures::future::join_all;
use http::StatusCode;
use jobapp_users::Seller;
use jobapp_users_service::UsersConfig;
use serde_json::{Value, json};

use crate::world::{World, seller_body};

#[tokio::test]
async fn a_seller_is_the_sessions_user_whatever_the_body_says() {
    let world = World::new();
    let made = world.call("Marta", "POST", "/api/v1/seller/create", Some(&seller_body())).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(made.body["message"], "Seller created successfully.");
    let seller = &made.body["seller"];
    assert_eq!((&seller["username"], &seller["email"]), (&json!("Marta"), &json!("marta@example.org")));
    for (key, expected) in [
        ("totalEarnings", json!(0)),
        ("ratingsCount", json!(0)),
        ("ongoingJobs", json!(0)),
        ("recentDelivery", Value::Null),
        ("socialLinks", json!([])),
        ("createdAt", json!("2026-11-24T10:15:42.000Z")),
        ("responseTime", json!(2)),
    ] {
        assert_eq!(seller[key], expected, "{key}");
    }
    assert_eq!(seller["certificates"][0]["year"], json!(2020));
    assert_eq!(seller["ratingCategories"]["five"], json!({"value": 0, "count": 0}));
    for list in ["languages", "experience", "education", "certificates"] {
        assert_eq!(seller[list][0]["_id"].as_str().unwrap().len(), 24, "{list}");
    }
}

#[tokio::test]
async fn nobody_is_a_seller_twice() {
    let world = World::new();
    let body = seller_body();
    let create = || world.call("Marta", "POST", "/api/v1/seller/create", Some(&body));
    let (one, other) = tokio::join!(create(), create());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::BAD_REQUEST]);
    let again = create().await;
    assert_eq!(again.body["message"], "Seller already exist. Go to your account page to update.");
    assert_eq!(again.body["comingFrom"], "Create seller() method error");
    assert_eq!(world.store.count::<Seller>(), 1);
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_time() {
    let world = World::new();
    let body = seller_body();
    let key = [("idempotency-key", "k1")];
    let create = || world.call_with("Marta", "POST", "/api/v1/seller/create", Some(&body), &key);
    let (first, again) = (create().await, create().await);
    assert_eq!((again.status, again.body), (StatusCode::CREATED, first.body));
    let mut other = body.clone();
    other["country"] = json!("Spain");
    let reused = world.call_with("Marta", "POST", "/api/v1/seller/create", Some(&other), &key).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// One transparent pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn with_picture(picture: &str) -> Value {
    let mut body = seller_body();
    body["profilePicture"] = json!(picture);
    body
}

#[tokio::test]
async fn a_picture_that_is_sent_is_stored_once_and_kept_while_it_stays() {
    let world = World::new();
    let key = [("idempotency-key", "k1")];
    for _ in 0..2 {
        let body = with_picture(PIXEL);
        let made = world.call_with("Marta", "POST", "/api/v1/seller/create", Some(&body), &key).await;
        assert_eq!(made.body["seller"]["profilePicture"], "http://media.test/media/1.png");
    }
    let refused = world.call("Marta", "POST", "/api/v1/seller/create", Some(&with_picture(PIXEL))).await;
    assert_eq!((refused.status, world.media.len()), (StatusCode::BAD_REQUEST, 1), "nothing is uploaded in vain");
    let seller = world.seller("Marta").await;
    let path = format!("/api/v1/seller/{}", seller["_id"].as_str().unwrap());
    let update = |picture: &str| {
        let body = with_picture(picture);
        let (world, path) = (&world, &path);
        async move { world.call("Marta", "PUT", path, Some(&body)).await.body["seller"]["profilePicture"].clone() }
    };
    world.media.set_away(true);
    assert_eq!(update("http://media.test/media/1.png").await, "http://media.test/media/1.png");
    world.media.set_away(false);
    assert_eq!(update(PIXEL).await, "http://media.test/media/2.png");
    assert_eq!(update("https://img.example.org/n.png").await, "https://img.example.org/n.png");
    let others = world.call("Iria", "PUT", &path, Some(&with_picture(PIXEL))).await;
    assert_eq!((others.status, world.media.len()), (StatusCode::FORBIDDEN, 2));
}

#[tokio::test]
async fn a_picture_is_a_picture_or_an_address_of_the_web() {
    let world = World::new();
    let iria = world.make_seller("Iria").await;
    let path = format!("/api/v1/seller/{}", iria["_id"].as_str().unwrap());
    let (no_source, no_picture) = (
        "File upload error. Try again",
        "This is no picture that can be shown. Choose a PNG, JPEG, GIF, WebP, AVIF or BMP file.",
    );
    for (picture, text) in [
        ("javascript:alert(1)", no_source),
        ("p.png", no_source),
        ("data:text/html;base64,PHA+", no_picture),
        ("ftp://example.org/p.png", no_source),
    ] {
        for (user, method, path, from) in [
            ("Marta", "POST", "/api/v1/seller/create", "Create seller() method error"),
            ("Iria", "PUT", path.as_str(), "Update seller() method error"),
        ] {
            let refused = world.call(user, method, path, Some(&with_picture(picture))).await;
            let expected = json!({"message": text, "statusCode": 400, "status": "error", "comingFrom": from});
            assert_eq!((refused.status, refused.body), (StatusCode::BAD_REQUEST, expected), "{picture}");
        }
    }
    world.media.set_away(true);
    let away = world.call("Marta", "POST", "/api/v1/seller/create", Some(&with_picture(PIXEL))).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.store.count::<Seller>(), 1);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let world = World::with(UsersConfig { picture_body_limit: 4096, ..UsersConfig::default() });
    let long = with_picture(&"A".repeat(4096));
    let refused = world.call("Marta", "POST", "/api/v1/seller/create", Some(&long)).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    let seller = world.make_seller("Iria").await;
    let path = format!("/api/v1/seller/{}", seller["_id"].as_str().unwrap());
    assert_eq!(world.call("Iria", "PUT", &path, Some(&long)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_broken_rule_is_answered_in_the_wires_words() {
    let world = World::new();
    let mut body = seller_body();
    body["skills"] = json!([]);
    let refused = world.call("Marta", "POST", "/api/v1/seller/create", Some(&body)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let expected = json!({"message": "Please add at least one skill", "statusCode": 400, "status": "error",
        "comingFrom": "Create seller() method error"});
    assert_eq!(refused.body, expected);
}

#[tokio::test]
async fn the_whole_document_can_be_sent_back() {
    let world = World::new();
    let seller = world.make_seller("Marta").await;
    let path = format!("/api/v1/seller/{}", seller["_id"].as_str().unwrap());
    let unchanged = world.call("Marta", "PUT", &path, Some(&seller)).await;
    assert_eq!((unchanged.status, &unchanged.body["seller"]), (StatusCode::OK, &seller));
    assert_eq!(unchanged.body["message"], "Seller created successfully.");

    let mut changed = seller.clone();
    changed["country"] = json!("Spain");
    changed["totalEarnings"] = json!(5000);
    changed["username"] = json!("Iria");
    changed["languages"].as_array_mut().unwrap().push(json!({"language": "Galician", "level": "Native"}));
    let updated = world.call("Marta", "PUT", &path, Some(&changed)).await.body["seller"].clone();
    assert_eq!(updated["country"], "Spain");
    assert_eq!((&updated["totalEarnings"], &updated["username"]), (&json!(0), &json!("Marta")));
    assert_eq!(updated["languages"][0], seller["languages"][0]);
    assert!(updated["languages"][1]["_id"].is_string());
    assert_eq!(world.seller("Marta").await, updated);
}

#[tokio::test]
async fn only_the_owner_may_write() {
    let world = World::new();
    let seller = world.make_seller("Marta").await;
    let path = format!("/api/v1/seller/{}", seller["_id"].as_str().unwrap());
    let refused = world.call("Iria", "PUT", &path, Some(&seller_body())).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for id in ["66f0c0ffee0000000000a00f", "undefined"] {
        let unknown = world.call("Marta", "PUT", &format!("/api/v1/seller/{id}"), Some(&seller_body())).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn others_do_not_see_what_is_the_sellers_alone() {
    let world = World::new();
    let seller = world.make_seller("Marta").await;
    let id = seller["_id"].as_str().unwrap();
    for path in [format!("/api/v1/seller/id/{id}"), "/api/v1/seller/username/Marta".to_owned()] {
        let own = world.call("Marta", "GET", &path, None).await;
        assert_eq!((own.status, &own.body["seller"]), (StatusCode::OK, &seller), "{path}");
        let others = world.call("Iria", "GET", &path, None).await;
        assert_eq!(others.body["message"], "Seller profile");
        for key in ["email", "totalEarnings", "cancelledJobs"] {
            assert!(others.body["seller"].get(key).is_none(), "{path} {key}");
        }
        assert_eq!(others.body["seller"]["completedJobs"], json!(0));
    }
    let random = world.call("Iria", "GET", "/api/v1/seller/random/10", None).await;
    assert!(random.body["sellers"][0].get("email").is_none());
}

#[tokio::test]
async fn an_unknown_seller_is_not_found_by_id_and_null_by_name() {
    let world = World::new();
    for id in ["66f0c0ffee0000000000a00f", "undefined", "%FF", "66f0c0ffee0000000000a00%00", "%00"] {
        let answer = world.call("Marta", "GET", &format!("/api/v1/seller/id/{id}"), None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
    }
    for name in ["Marta", "Ma%00rta", "%00"] {
        let answer = world.call("Marta", "GET", &format!("/api/v1/seller/username/{name}"), None).await;
        let nobody = json!({"message": "Seller profile", "seller": null});
        assert_eq!((answer.status, answer.body), (StatusCode::OK, nobody), "{name}");
    }
}

#[tokio::test]
async fn sellers_are_drawn_fairly() {
    let world = World::new();
    for number in 0..30 {
        world.make_seller(&format!("Seller{number}")).await;
    }
    let mut drawn: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..300 {
        let answer = world.call("Marta", "GET", "/api/v1/seller/random/3", None).await;
        assert_eq!(answer.body["message"], "Random sellers profile");
        let sellers = answer.body["sellers"].as_array().unwrap();
        let names: std::collections::BTreeSet<&str> =
            sellers.iter().map(|seller| seller["username"].as_str().unwrap()).collect();
        assert_eq!(names.len(), 3);
        for name in names {
            *drawn.entry(name.to_owned()).or_default() += 1;
        }
    }
    // Thirty each are expected; that one of thirty gets fewer than five happens once in ten million runs.
    assert_eq!(drawn.len(), 30);
    assert!(drawn.values().all(|count| *count >= 5), "{drawn:?}");
}

#[tokio::test]
async fn a_draw_has_a_sensible_size() {
    let world = World::new();
    world.make_seller("Marta").await;
    for size in ["0", "101", "-1", "abc", "1.5", "99999999999999999999999"] {
        let answer = world.call("Marta", "GET", &format!("/api/v1/seller/random/{size}"), None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{size}");
    }
    let all = world.call("Marta", "GET", "/api/v1/seller/random/100", None).await;
    assert_eq!(all.body["sellers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn sample_sellers_are_made_only_where_configured() {
    let world = World::new();
    world.sign_up("Marta").await;
    let absent = world.call("Marta", "PUT", "/api/v1/seller/seed/1", None).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);

    let config =
        UsersConfig { seed: true, profile_wait: std::time::Duration::from_millis(20), ..UsersConfig::default() };
    let world = World::with(config);
    for name in ["Marta", "Iria", "Xoana"] {
        world.sign_up(name).await;
    }
    let made = world.call("Marta", "PUT", "/api/v1/seller/seed/2", None).await;
    assert_eq!((made.status, &made.body["message"]), (StatusCode::CREATED, &json!("Sellers created successfully")));
    assert_eq!(world.store.count::<Seller>(), 2);
    world.call("Marta", "PUT", "/api/v1/seller/seed/5", None).await;
    assert_eq!(world.store.count::<Seller>(), 3);
    let nobody_left = world.call("Marta", "PUT", "/api/v1/seller/seed/1", None).await;
    assert_eq!(
        (nobody_left.status, &nobody_left.body["message"]),
        (StatusCode::BAD_REQUEST, &json!("Seller already exist."))
    );
    assert_eq!(nobody_left.body["comingFrom"], "SellerSeed seller() method error");
    // What we make up keeps the rules we set.
    let sample = world.seller("Marta").await;
    let path = format!("/api/v1/seller/{}", sample["_id"].as_str().unwrap());
    assert_eq!(world.call("Marta", "PUT", &path, Some(&sample)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn changes_of_a_seller_at_once_are_all_made() {
    let world = World::new();
    let seller = world.make_seller("Marta").await;
    let path = format!("/api/v1/seller/{}", seller["_id"].as_str().unwrap());
    let rewrite = |number: usize| {
        let mut body = seller_body();
        body["oneliner"] = json!(format!("I do {number} things"));
        let (world, path) = (&world, &path);
        async move { world.call("Marta", "PUT", path, Some(&body)).await }
    };
    for answer in join_all((0..50).map(rewrite)).await {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
}
