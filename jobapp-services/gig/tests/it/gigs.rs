//! Creating, changing and deleting gigs.

use http::StatusCode;
use jobapp_gigs::Gig;
use jobapp_platform::Service;
use jobapp_wire::queues::{GIG_CHANGED, SELLER_UPDATE};
use serde_json::{Value, json};

use crate::world::{IRIA, MALLORY, PIXEL, World, a_gig, an_update, send};

fn path(gig: &Value) -> String {
    format!("/api/v1/gig/{}", gig["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_new_gig_is_answered_whole_and_counted_at_its_seller() {
    let world = World::new().await;
    let answer = world.call("Iria", "POST", "/api/v1/gig/create", &a_gig()).await;
    assert_eq!((answer.status, answer.message()), (StatusCode::CREATED, "Gig created successfully."));
    let gig = &answer.body["gig"];
    let expected = json!({
        "id": gig["id"], "sellerId": IRIA, "username": "Iria", "email": "iria@example.org",
        "profilePicture": "https://img.example.org/p/Iria.png", "title": "I will draw your logo",
        "description": "A logo for your shop, drawn by hand.", "categories": "Graphics & Design",
        "subCategories": ["Logo Design"], "tags": ["logo"], "price": 20, "coverImage": "http://media.test/media/1.png",
        "expectedDelivery": "3 Days Delivery", "basicTitle": "One logo", "basicDescription": "One draft, two revisions",
        "active": true, "sortId": 1_000_000_001, "ratingsCount": 0, "ratingSum": 0,
        "ratingCategories": {"five": {"value": 0, "count": 0}, "four": {"value": 0, "count": 0},
            "three": {"value": 0, "count": 0}, "two": {"value": 0, "count": 0}, "one": {"value": 0, "count": 0}},
        "createdAt": "2026-11-24T10:15:42.000Z",
    });
    assert_eq!(gig, &expected);
    assert_eq!(world.get("Iria", &path(gig)).await.body, json!({"message": "Get gig by id", "gig": expected}));

    let messages = world.settle().await;
    assert_eq!(
        messages.iter().map(|message| message.kind.as_str()).collect::<Vec<_>>(),
        ["update-gig-count", "gig-saved"]
    );
    assert_eq!((messages[0].exchange.as_str(), messages[0].routing_key.as_str()), (SELLER_UPDATE.name, "user-seller"));
    let counted = json!({"type": "update-gig-count", "gigSellerId": IRIA, "count": 1, "gigId": gig["id"]});
    assert_eq!(messages[0].json::<Value>().unwrap(), counted);
    assert_eq!((messages[1].exchange.as_str(), messages[1].version()), (GIG_CHANGED.name, Some(1)));
    // Services tell each other which picture it is, not where it is shown today.
    let mut told = expected;
    told["coverImage"] = json!("1.png");
    assert_eq!(messages[1].json::<Value>().unwrap()["gig"], told);
}

#[tokio::test]
async fn only_a_seller_creates_gigs_and_only_his_own() {
    let world = World::new().await;
    for (user, seller, status) in [
        ("Mallory", IRIA, StatusCode::FORBIDDEN),
        ("Nobody", IRIA, StatusCode::FORBIDDEN),
        ("Iria", "undefined", StatusCode::FORBIDDEN),
        ("", IRIA, StatusCode::UNAUTHORIZED),
        ("iRIA", IRIA, StatusCode::CREATED),
    ] {
        let mut body = a_gig();
        body["sellerId"] = json!(seller);
        let answer = world.call(user, "POST", "/api/v1/gig/create", &body).await;
        assert_eq!(answer.status, status, "{user} {seller}");
    }
    assert_eq!((world.store.count::<Gig>(), world.media.len()), (1, 1), "nothing is uploaded for who may not");
}

#[tokio::test(start_paused = true)]
async fn a_seller_may_write_me_for_the_own_id() {
    let world = World::new().await;
    let mut body = a_gig();
    body["sellerId"] = json!("me");
    let answer = world.call("Iria", "POST", "/api/v1/gig/create", &body).await;
    assert_eq!((answer.status, &answer.body["gig"]["sellerId"]), (StatusCode::CREATED, &json!(IRIA)), "{answer:?}");
    let answer = world.call("Nobody", "POST", "/api/v1/gig/create", &body).await;
    let text = "You do not sell yet: make yourself a seller first.";
    assert_eq!((answer.status, answer.message()), (StatusCode::FORBIDDEN, text));
}

/// A seller who was made six seconds ago.
const NEW_SELLER: &str = "6b0563c8ee0000000000a002";

#[tokio::test]
async fn a_seller_who_is_not_known_yet_is_waited_for() {
    let world = World::with(jobapp_gig_service::GigConfig::default()).await;
    let mut body = a_gig();
    body["sellerId"] = json!(NEW_SELLER);
    let create = world.call("Nuno", "POST", "/api/v1/gig/create", &body);
    let hear = async {
        // The request looks, finds nothing and waits; only then the news comes.
        tokio::task::yield_now().await;
        world.becomes_seller("Nuno", NEW_SELLER).await;
    };
    let (answer, ()) = tokio::join!(create, hear);
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_seller_who_stays_unknown_may_try_again_and_somebody_elses_may_not() {
    let world = World::new().await;
    let mut body = a_gig();
    body["sellerId"] = json!(NEW_SELLER);
    let answer = world.call("Nuno", "POST", "/api/v1/gig/create", &body).await;
    let text = "Your seller profile is not known yet. Please try again in a moment.";
    assert_eq!((answer.status, answer.message()), (StatusCode::SERVICE_UNAVAILABLE, text));
    let answer = world.call("Mallory", "POST", "/api/v1/gig/create", &body).await;
    assert_eq!((answer.status, answer.message()), (StatusCode::FORBIDDEN, "This seller is not you."));
}

#[tokio::test]
async fn a_broken_rule_is_answered_in_the_wires_words() {
    let world = World::new().await;
    let mut body = a_gig();
    body["price"] = json!(4.99);
    let answer = world.call("Iria", "POST", "/api/v1/gig/create", &body).await;
    let expected = json!({"message": "Gig price must be greater than $4.99", "statusCode": 400, "status": "error",
        "comingFrom": "Create gig() method"});
    assert_eq!((answer.status, answer.body), (StatusCode::BAD_REQUEST, expected));
    let gig = world.offers(json!({})).await;
    let answer = world.call("Iria", "PUT", &path(&gig), &a_gig()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.message().ends_with("is not allowed"));
    assert_eq!(answer.body["comingFrom"], "Update gig() method");
}

#[tokio::test]
async fn a_picture_that_is_none_is_refused_and_an_away_host_says_so() {
    let world = World::new().await;
    let no_picture = "This is no picture that can be shown. Choose a PNG, JPEG, GIF, WebP, AVIF or BMP file.";
    for (cover, text) in [
        ("data:image/png;base64,aGVsbG8=", no_picture),
        ("not a picture", "File upload error. Try again."),
        ("ftp://x/y.png", "File upload error. Try again."),
    ] {
        let mut body = a_gig();
        body["coverImage"] = json!(cover);
        let answer = world.call("Iria", "POST", "/api/v1/gig/create", &body).await;
        assert_eq!((answer.status, answer.message()), (StatusCode::BAD_REQUEST, text), "{cover}");
    }
    world.media.set_away(true);
    let answer = world.call("Iria", "POST", "/api/v1/gig/create", &a_gig()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.store.count::<Gig>(), 0);
}

#[tokio::test]
async fn the_same_request_creates_one_gig_and_uploads_once() {
    let world = World::new().await;
    let create = |body: Value| {
        let request = world.tokens.request("Iria", "POST", "/api/v1/gig/create").header("idempotency-key", "k1");
        send(world.service.router(), request.body(body.to_string().into()).unwrap())
    };
    let first = create(a_gig()).await;
    let again = create(a_gig()).await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    assert_eq!((world.store.count::<Gig>(), world.media.len()), (1, 1));
    let mut other = a_gig();
    other["title"] = json!("Something else");
    assert_eq!(create(other).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_update_changes_what_it_says_and_keeps_the_current_picture() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let mut body = an_update();
    body["title"] = json!("I will draw two logos");
    body["price"] = json!("35.5");
    body["coverImage"] = gig["coverImage"].clone();
    let answer = world.call("Iria", "PUT", &path(&gig), &body).await;
    assert_eq!((answer.status, answer.message()), (StatusCode::OK, "Gig updated successfully."));
    let mut expected = gig.clone();
    expected["title"] = json!("I will draw two logos");
    expected["price"] = json!(35.5);
    assert_eq!(answer.body["gig"], expected);
    assert_eq!(world.media.len(), 1);

    body["coverImage"] = json!(PIXEL);
    let answer = world.call("Iria", "PUT", &path(&gig), &body).await;
    assert_eq!(answer.body["gig"]["coverImage"], "http://media.test/media/2.png");
    body["coverImage"] = json!("https://img.example.org/c/9.png");
    let answer = world.call("Iria", "PUT", &path(&gig), &body).await;
    assert_eq!(answer.body["gig"]["coverImage"], "https://img.example.org/c/9.png");
}

#[tokio::test]
async fn nobody_else_changes_pauses_or_deletes_a_gig() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let active = format!("/api/v1/gig/active/{}", gig["id"].as_str().unwrap());
    let calls = [
        ("PUT", path(&gig), an_update()),
        ("PUT", active.clone(), json!({"active": false})),
        ("DELETE", format!("{}/{IRIA}", path(&gig)), Value::Null),
        ("DELETE", format!("{}/{MALLORY}", path(&gig)), Value::Null),
    ];
    for (method, path, body) in &calls {
        assert_eq!(world.call("Mallory", method, path, body).await.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(world.call("", method, path, body).await.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert_eq!(world.get("Iria", &path(&gig)).await.body["gig"], gig);
    assert!(world.settle().await.is_empty());
}

#[tokio::test]
async fn a_paused_gig_stays_for_the_signed_in_and_is_gone_for_the_public() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    assert_eq!(world.get("", &path(&gig)).await.status, StatusCode::OK);
    let active = format!("/api/v1/gig/active/{}", gig["id"].as_str().unwrap());
    let answer = world.call("Iria", "PUT", &active, &json!({"active": false})).await;
    assert_eq!((answer.status, answer.message()), (StatusCode::OK, "Gig updated successfully."));
    assert_eq!(answer.body["gig"]["active"], false);
    let seen = world.get("Marta", &path(&gig)).await;
    assert_eq!((seen.status, &seen.body["gig"]["active"]), (StatusCode::OK, &json!(false)));
    assert_eq!(world.get("", &path(&gig)).await.status, StatusCode::NOT_FOUND);
    for body in [json!({"active": "maybe"}), json!({"active": 1}), json!({})] {
        assert_eq!(world.call("Iria", "PUT", &active, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    world.settle().await;
    let again = world.call("Iria", "PUT", &active, &json!({"active": false})).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(world.settle().await.is_empty(), "what changes nothing tells nothing");
}

#[tokio::test]
async fn a_deleted_gig_is_gone_and_counted_down_once() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let wrong = world.call("Iria", "DELETE", &format!("{}/{MALLORY}", path(&gig)), &Value::Null).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let wrong = world.call("Iria", "DELETE", &format!("{}/undefined", path(&gig)), &Value::Null).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let delete = format!("{}/{IRIA}", path(&gig));
    let answer = world.call("Iria", "DELETE", &delete, &Value::Null).await;
    assert_eq!((answer.status, &answer.body), (StatusCode::OK, &json!({"message": "Gig deleted successfully."})));
    let messages = world.settle().await;
    assert_eq!(messages.len(), 2);
    let counted = json!({"type": "update-gig-count", "gigSellerId": IRIA, "count": -1, "gigId": gig["id"]});
    assert_eq!(messages[0].json::<Value>().unwrap(), counted);
    let gone = json!({"type": "gig-deleted", "gigId": gig["id"], "sellerId": IRIA, "at": "2026-11-24T10:15:42.000Z"});
    assert_eq!(messages[1].json::<Value>().unwrap(), gone);
    assert_eq!(world.call("Iria", "DELETE", &delete, &Value::Null).await.status, StatusCode::NOT_FOUND);
    assert!(world.settle().await.is_empty());
    assert_eq!(world.get("Iria", &path(&gig)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sort_ids_grow_and_are_never_used_again() {
    let world = World::new().await;
    let first = world.offers(json!({})).await;
    let second = world.offers(json!({})).await;
    world.call("Iria", "DELETE", &format!("{}/{IRIA}", path(&second)), &Value::Null).await;
    let third = world.offers(json!({})).await;
    let numbers = [&first, &second, &third].map(|gig| gig["sortId"].as_i64().unwrap());
    assert_eq!(numbers, [1_000_000_001, 1_000_000_002, 1_000_000_003]);
}

#[tokio::test]
async fn what_is_no_gig_is_not_found() {
    let world = World::new().await;
    for id in ["66f0c0ffee00000000009999", "649db27404c0c7b7d4b112ec", "undefined", "%FF", "..%2Fetc"] {
        for (method, path, body) in [
            ("GET", format!("/api/v1/gig/{id}"), Value::Null),
            ("GET", format!("/api/v1/gig/similar/{id}"), Value::Null),
            ("PUT", format!("/api/v1/gig/{id}"), an_update()),
            ("PUT", format!("/api/v1/gig/active/{id}"), json!({"active": true})),
            ("DELETE", format!("/api/v1/gig/{id}/{IRIA}"), Value::Null),
        ] {
            let answer = world.call("Iria", method, &path, &body).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_eq!(answer.body["status"], "error", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn health_and_metrics_need_no_gateway() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    world.get("Iria", &path(&gig)).await;
    world.get("Iria", "/api/v1/gig/search/0/10/forward").await;
    world.get("Iria", "/no/such/path").await;
    let open =
        |path: &str| send(world.service.router(), http::Request::get(path).body(axum::body::Body::empty()).unwrap());
    assert_eq!(open("/gig-health").await.body, json!("Gig service is healthy and OK."));
    assert_eq!(open(&path(&gig)).await.status, StatusCode::UNAUTHORIZED);
    let page = open("/metrics").await.body;
    let page = page.as_str().unwrap();
    for line in [
        "gig_service_gigs_created_total{categories=\"Graphics & Design\"} 1",
        "gig_service_gig_views_total 1",
        "gig_service_search_requests_total{type=\"search\"} 1",
        "gig_service_http_requests_total{method=\"GET\",route=\"/api/v1/gig/:gigId\",status_code=\"200\"} 1",
        "gig_service_http_requests_total{method=\"GET\",route=\"/api/v1/gig/:gigId\",status_code=\"401\"} 1",
        "gig_service_http_requests_total{method=\"GET\",route=\"unmatched\",status_code=\"404\"} 1",
        "gig_service_http_request_duration_seconds_bucket{method=\"POST\",route=\"/api/v1/gig/create\",status_code=\"201\",le=\"0.01\"}",
        "# TYPE gig_service_gigs_updated_total counter",
    ] {
        assert!(page.contains(line) || line.starts_with('#'), "{line} is not in\n{page}");
    }
    assert!(!cfg!(target_os = "linux") || page.contains("gig_service_process_resident_memory_bytes"));
}

#[tokio::test]
async fn the_document_of_the_routes_names_all_fourteen() {
    let document = serde_json::to_value(World::new().await.service.openapi().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(operations, 14, "{:?}", paths.keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn people_without_a_session_see_everything_but_the_sellers_address() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let without = |mut gig: Value| gig.as_object_mut().unwrap().remove("email").map(|email| (email, gig));
    let (email, shown) = without(gig.clone()).unwrap();
    assert_eq!(email, "iria@example.org");
    assert_eq!(world.get("Marta", &path(&gig)).await.body["gig"], gig);
    assert_eq!(world.get("", &path(&gig)).await.body["gig"], shown);
    for (user, expected) in [("Marta", &gig), ("", &shown)] {
        let found = world.get(user, "/api/v1/gig/search/0/10/forward").await;
        assert_eq!(found.body["gigs"], json!([expected]), "{user}");
    }
}

#[tokio::test]
async fn a_gig_costs_no_more_than_a_payment_carries() {
    let world = World::new().await;
    let gig = world.offers(json!({"price": 947_867.29})).await;
    let path = format!("/api/v1/gig/{}", gig["id"].as_str().unwrap());
    for price in [json!(947_868), json!("947867.3"), json!(1e9), json!(1e300)] {
        let (mut body, mut update) = (a_gig(), an_update());
        (body["price"], update["price"]) = (price.clone(), price.clone());
        for (method, path, body) in [("POST", "/api/v1/gig/create", &body), ("PUT", path.as_str(), &update)] {
            let answer = world.call("Iria", method, path, body).await;
            let expected = (StatusCode::BAD_REQUEST, "\"price\" must be less than or equal to 947867.29");
            assert_eq!((answer.status, answer.message()), expected, "{method} {price}");
        }
    }
}
