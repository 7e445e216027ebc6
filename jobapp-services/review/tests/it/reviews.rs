//! The service on memory: what clients ask and what follows.

use std::collections::BTreeMap;

use axum::body::Body;
use futures::future::join_all;
use http::{Method, Request, StatusCode};
use jobapp_kernel::{OutboxEntry, Outcome, Timestamp};
use jobapp_platform::Service;
use jobapp_wire::queues::{REVIEW_ANALYTICS, REVIEW_ORDER, REVIEW_PROFILE};
use serde_json::{Value, json};

use crate::app::{App, BUYER, GIG, SELLER, a_review};

#[tokio::test]
async fn a_review_says_what_we_know_and_not_what_the_client_says() {
    let app = App::new().await;
    let (status, answer) = app.post("Marta", &a_review("buyer-review")).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["message"], "Review created successfully.");
    let by_buyer = json!({"id": 1, "gigId": GIG, "reviewerId": BUYER, "orderId": "JO1", "sellerId": SELLER,
        "review": "Quick and tidy.", "reviewerImage": "https://img.example.org/Marta-buys.png",
        "reviewerUsername": "Marta", "country": "Portugal", "reviewType": "buyer-review", "rating": 5,
        "createdAt": "2026-11-24T10:20:00.000Z"});
    assert_eq!(answer["review"], by_buyer);
    let (status, answer) = app.post("Iria", &a_review("seller-review")).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let by_seller = &answer["review"];
    assert_eq!((&by_seller["id"], &by_seller["reviewerId"]), (&json!(2), &json!(SELLER)));
    assert_eq!((&by_seller["country"], &by_seller["reviewerUsername"]), (&json!("Spain"), &json!("Iria")));
    assert_eq!(by_seller["reviewerImage"], "https://img.example.org/Iria-sells.png");

    let (_, of_gig) = app.get("Ana", &format!("/gig/{GIG}")).await;
    assert_eq!(of_gig, json!({"message": "Gig reviews by gig id", "reviews": [by_seller, by_buyer]}));
    let (_, of_seller) = app.get("Ana", &format!("/seller/{SELLER}")).await;
    assert_eq!(of_seller, json!({"message": "Gig reviews by seller id", "reviews": [by_buyer]}));
    for path in ["/gig/undefined", "/seller/undefined", &format!("/gig/{}", "9".repeat(300))] {
        assert_eq!(app.get("Ana", path).await.1["reviews"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn a_review_is_told_to_orders_sellers_and_gigs() {
    let app = App::new().await;
    app.post("Marta", &a_review("buyer-review")).await;
    let told = json!({"type": "buyer-review", "gigId": GIG, "reviewerId": BUYER, "sellerId": SELLER, "orderId": "JO1",
        "review": "Quick and tidy.", "rating": 5, "reviewerUsername": "Marta",
        "createdAt": "Tue Nov 24 2026 10:20:00 GMT+0000 (Coordinated Universal Time)"});
    assert_eq!(app.published(), [told]);
}

#[tokio::test]
async fn of_many_reviews_of_one_order_at_once_one_is_written() {
    let app = App::new().await;
    let review = a_review("buyer-review");
    let answers = join_all((0..20).map(|_| app.post("Marta", &review))).await;
    let written = answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count();
    let told = json!("You have already reviewed this order.");
    let refused = answers.iter().filter(|(status, body)| *status == StatusCode::CONFLICT && body["message"] == told);
    assert_eq!((written, refused.count()), (1, 19), "{answers:?}");
}

#[tokio::test]
async fn each_side_reviews_once() {
    let app = App::new().await;
    assert_eq!(app.post("Marta", &a_review("buyer-review")).await.0, StatusCode::CREATED);
    let (status, answer) = app.post("Marta", &a_review("buyer-review")).await;
    assert_eq!((status, &answer["message"]), (StatusCode::CONFLICT, &json!("You have already reviewed this order.")));
    assert_eq!(app.published().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_reviews_that_race_one_is_stored() {
    let app = App::new().await;
    let posts = (0..8).map(|_| {
        let (router, request) =
            (app.router.clone(), app.request(Method::POST, "Marta", "", Some(&a_review("buyer-review"))));
        tokio::spawn(async move { tower::ServiceExt::oneshot(router, request).await.unwrap().status() })
    });
    let mut statuses = Vec::new();
    for post in posts.collect::<Vec<_>>() {
        statuses.push(post.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1..].to_vec()), (StatusCode::CREATED, vec![StatusCode::CONFLICT; 7]));
    assert_eq!(app.published().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_two_sides_of_a_completed_order_review_it() {
    let app = App::new().await;
    assert_eq!(app.tell_order("JO2", "Delivered", 1).await, Outcome::Done);
    let of = |order: &str, kind: &str| {
        let mut body = a_review(kind);
        body["orderId"] = json!(order);
        body
    };
    for (who, body, expected) in [
        ("Iria", of("JO1", "buyer-review"), StatusCode::FORBIDDEN),
        ("Marta", of("JO1", "seller-review"), StatusCode::FORBIDDEN),
        ("Ana", of("JO1", "buyer-review"), StatusCode::NOT_FOUND),
        ("Marta", of("JO9", "buyer-review"), StatusCode::NOT_FOUND),
        ("Marta", of(&"J".repeat(300), "buyer-review"), StatusCode::NOT_FOUND),
        ("Marta", of("JO2", "buyer-review"), StatusCode::CONFLICT),
    ] {
        let (status, answer) = app.post(who, &body).await;
        assert_eq!((status, &answer["comingFrom"]), (expected, &json!("Create review() method")), "{who} {body}");
    }
    assert_eq!(app.published(), [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_review_waits_for_the_approval_it_follows() {
    let app = App::without_facts();
    let body = a_review("buyer-review");
    let posting = app.post("Marta", &body);
    let telling = async {
        app.meet("Marta", BUYER, None).await;
        for (status, version) in [("Delivered", 3), ("Completed", 4), ("Delivered", 3)] {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            assert_eq!(app.tell_order("JO1", status, version).await, Outcome::Done);
        }
    };
    let ((status, answer), ()) = tokio::join!(posting, telling);
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn broken_rules_answer_in_the_wires_words() {
    let app = App::new().await;
    for (key, value, expected) in [
        ("rating", json!(99), "\"rating\" must be less than or equal to 5"),
        ("review", json!(""), "\"review\" is not allowed to be empty"),
        ("reviewType", json!("x"), "\"reviewType\" must be one of [buyer-review, seller-review]"),
    ] {
        let mut body = a_review("buyer-review");
        body[key] = value;
        let (status, answer) = app.post("Marta", &body).await;
        assert_eq!((status, answer["message"].as_str().unwrap()), (StatusCode::BAD_REQUEST, expected));
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_time() {
    let app = App::new().await;
    let send = async |text: &str| -> (StatusCode, Value) {
        let mut body = a_review("buyer-review");
        body["review"] = json!(text);
        let mut request = app.request(Method::POST, "Marta", "/", Some(&body));
        request.headers_mut().insert("idempotency-key", "k".parse().unwrap());
        app.call(request).await
    };
    let first = send("Quick.").await;
    assert_eq!(first.0, StatusCode::CREATED);
    assert_eq!(send("Quick.").await, first);
    assert_eq!(send("Slow.").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn totals_count_each_review_of_a_buyer_once() {
    let app = App::new().await;
    app.post("Marta", &a_review("buyer-review")).await;
    app.post("Iria", &a_review("seller-review")).await;
    for body in app.published().iter().chain(&app.published()) {
        assert_eq!(app.deliver(REVIEW_ANALYTICS, body, Some(1)).await, Outcome::Done);
    }
    let stars = json!({"value": 0, "count": 0});
    let five = json!({"value": 5, "count": 1});
    let of_day = json!({"from": "2026-11-24", "to": "2026-11-24", "ratingsCount": 1, "ratingSum": 5, "average": 5.0});
    for (path, message) in [
        (format!("/analytics/seller/{SELLER}"), "Review analytics by seller id"),
        (format!("/analytics/gig/{GIG}"), "Review analytics by gig id"),
    ] {
        let (status, answer) = app.get("Ana", &format!("{path}?from=2026-11-24&by=day")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let analytics = json!({"ratingsCount": 1, "ratingSum": 5, "average": 5.0, "by": "day", "from": "2026-11-24",
            "to": "2026-11-24", "trend": [of_day],
            "ratingCategories": {"five": five, "four": stars, "three": stars, "two": stars, "one": stars}});
        assert_eq!(answer, json!({"message": message, "analytics": analytics}));
    }
    for (key, value) in [("rating", json!(99)), ("gigId", json!("")), ("orderId", json!("")), ("sellerId", json!("\0"))]
    {
        let mut wrong = app.published().remove(0);
        wrong[key] = value;
        assert!(matches!(app.deliver(REVIEW_ANALYTICS, &wrong, Some(1)).await, Outcome::Dead { .. }), "{key}");
    }
}

#[tokio::test]
async fn what_can_never_be_handled_is_dead() {
    let app = App::new().await;
    for queue in [REVIEW_ORDER, REVIEW_ANALYTICS, REVIEW_PROFILE] {
        assert!(matches!(app.deliver(queue, &json!({}), Some(1)).await, Outcome::Dead { .. }));
    }
    assert!(matches!(app.tell_order("", "Completed", 1).await, Outcome::Dead { .. }));
    let order = json!({"order": {"orderId": "JO3", "gigId": GIG, "buyerId": BUYER, "buyerUsername": "Marta",
        "sellerId": SELLER, "sellerUsername": "Iria", "status": "Completed"}});
    assert!(matches!(app.deliver(REVIEW_ORDER, &order, None).await, Outcome::Dead { .. }));
}

#[tokio::test]
async fn health_is_open_and_everything_else_is_guarded() {
    let app = App::new().await;
    let bare = |path: &str| Request::builder().uri(path.to_owned()).body(Body::empty()).unwrap();
    let (status, text) = app.call(bare("/review-health")).await;
    assert_eq!((status, text), (StatusCode::OK, json!("Review service is healthy and OK.")));
    let (status, answer) = app.call(bare(&format!("/api/v1/review/gig/{GIG}"))).await;
    assert_eq!((status, &answer["message"]), (StatusCode::UNAUTHORIZED, &json!("Invalid request")));
    let mut anonymous = app.request(Method::GET, "Marta", &format!("/gig/{GIG}"), None);
    anonymous.headers_mut().remove("authorization");
    assert_eq!(app.call(anonymous).await.0, StatusCode::UNAUTHORIZED);
    let (status, answer) = app.get("Marta", "/").await;
    assert_eq!((status, &answer["statusCode"]), (StatusCode::NOT_FOUND, &json!(404)));
}

#[test]
fn events_nobody_knows_stay_in_the_outbox() {
    let translate = App::without_facts().service.translator().unwrap();
    for (aggregate, event) in [("kettle", json!({})), ("review", json!({"type": "burnt"}))] {
        let entry = OutboxEntry {
            id: OutboxEntry::id_of(aggregate, "x", 1, 0),
            aggregate: aggregate.to_owned(),
            aggregate_id: "x".to_owned(),
            version: 1,
            event,
            headers: BTreeMap::new(),
            recorded_at: Timestamp::EPOCH,
        };
        assert!(translate(&entry).is_err(), "{aggregate}");
    }
}

#[test]
fn the_document_of_the_routes_has_them_all() {
    let document = serde_json::to_value(App::without_facts().service.openapi().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 6, "{paths:?}");
}
