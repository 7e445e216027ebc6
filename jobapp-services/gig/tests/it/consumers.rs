//! What the service hears.

use std::time::Duration;

use http::StatusCode;
use jobapp_gig_service::GigConfig;
use jobapp_gigs::Gig;
use jobapp_kernel::Outcome;
use jobapp_platform::Service;
use jobapp_wire::queues::{CHAT_TOLD, GIG_ASKED, GIG_SEARCH, GIG_UPDATE, ORDER_TOLD, SEED_GIG_QUEUE};
use serde_json::{Value, json};

use crate::world::{IRIA, World, delivery};

fn rating(gig: &str, order: &str, stars: i64) -> Value {
    let review = json!({"type": "buyer-review", "gigId": gig, "reviewerId": "66f0c0ffee0000000000b001", "sellerId": IRIA,
        "orderId": order, "review": "Quick and tidy.", "rating": stars,
        "createdAt": "Tue Nov 24 2026 10:20:00 GMT+0000 (Coordinated Universal Time)"});
    json!({"type": "updateGig", "gigReview": review.to_string()})
}

#[tokio::test]
async fn an_order_rates_a_gig_once_however_often_it_is_told() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let id = gig["id"].as_str().unwrap();
    for (message, order, stars) in [("m1", "JO1", 5), ("m1", "JO1", 5), ("m2", "JO1", 5), ("m3", "JO2", 2)] {
        assert_eq!(world.tell(GIG_UPDATE, Some(message), &rating(id, order, stars)).await, Outcome::Done);
    }
    let gig = world.get("Iria", &format!("/api/v1/gig/{id}")).await.body["gig"].clone();
    assert_eq!((&gig["ratingsCount"], &gig["ratingSum"]), (&json!(2), &json!(7)));
    assert_eq!(gig["ratingCategories"]["five"], json!({"value": 5, "count": 1}));
    assert_eq!(gig["ratingCategories"]["two"], json!({"value": 2, "count": 1}));
    let kinds: Vec<String> = world.settle().await.into_iter().map(|message| message.kind).collect();
    assert_eq!(kinds, ["gig-saved", "gig-saved"]);
}

#[tokio::test]
async fn ratings_without_an_order_are_told_apart_by_their_messages() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let review = json!({"type": "buyer-review", "gigId": gig["id"], "rating": 4});
    let body = json!({"type": "updateGig", "gigReview": review.to_string()});
    for message in ["m1", "m1", "m2"] {
        assert_eq!(world.tell(GIG_UPDATE, Some(message), &body).await, Outcome::Done);
    }
    let gig = world.get("Iria", &format!("/api/v1/gig/{}", gig["id"].as_str().unwrap())).await;
    assert_eq!(gig.body["gig"]["ratingsCount"], 2);
}

#[tokio::test]
async fn a_rating_of_a_gig_that_is_gone_is_done_and_makes_no_gig() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let id = gig["id"].as_str().unwrap();
    let deleted = world.call("Iria", "DELETE", &format!("/api/v1/gig/{id}/{IRIA}"), &Value::Null).await;
    assert_eq!(deleted.status, StatusCode::OK);
    for id in [id, "66f0c0ffee00000000009999"] {
        assert_eq!(world.tell(GIG_UPDATE, Some("m"), &rating(id, "JO1", 5)).await, Outcome::Done, "{id}");
    }
    assert_eq!(world.store.count::<Gig>(), 0);
}

#[tokio::test]
async fn ratings_that_can_never_count_are_dead_and_those_of_buyers_are_not_ours() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let id = gig["id"].as_str().unwrap();
    for body in [
        rating(id, "JO1", 99),
        rating(id, "JO1", 0),
        rating("not an id", "JO1", 5),
        json!({"type": "updateGig", "gigReview": "{"}),
        json!({"type": "updateGig"}),
    ] {
        assert!(matches!(world.tell(GIG_UPDATE, Some("m"), &body).await, Outcome::Dead { .. }), "{body}");
    }
    let of_buyer = json!({"type": "seller-review", "gigId": id, "rating": 1, "orderId": "JO1"});
    let body = json!({"type": "updateGig", "gigReview": of_buyer.to_string()});
    assert_eq!(world.tell(GIG_UPDATE, Some("m"), &body).await, Outcome::Done);
    let gig = world.get("Iria", &format!("/api/v1/gig/{id}")).await;
    assert_eq!(gig.body["gig"]["ratingsCount"], 0);
}

#[tokio::test]
async fn the_reason_of_a_dead_message_quotes_nothing_of_it() {
    let world = World::new().await;
    let secret = "408152";
    let review = json!({"type": "updateGig", "gigReview": json!({"gigId": 1, "rating": secret}).to_string()});
    for (queue, body) in [(GIG_UPDATE, review), (GIG_SEARCH, json!({"type": secret}))] {
        let outcome = world.tell(queue, Some("m"), &body).await;
        let Outcome::Dead { reason } = &outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("column") && !reason.contains(secret), "{reason}");
    }
}

#[tokio::test]
async fn news_for_the_index_are_taken_together_and_wait_while_it_is_away() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let deleted =
        json!({"type": "gig-deleted", "gigId": gig["id"], "sellerId": IRIA, "at": "2026-11-24T10:15:42.000Z"});
    let poison = json!({"type": "gig-saved"});
    let batch = [delivery(GIG_SEARCH, Some("a"), &deleted), delivery(GIG_SEARCH, Some("b"), &poison)];
    let (subscription, handler) =
        world.service.consumers().into_iter().find(|(subscription, _)| subscription.queue == GIG_SEARCH).unwrap();
    assert_eq!((subscription.batch.max, subscription.batch.within), (1000, Duration::from_millis(100)));
    world.index.set_away(true);
    let outcomes = handler.handle_batch(&batch).await;
    assert!(matches!(outcomes[..], [Outcome::Retry { .. }, Outcome::Dead { .. }]), "{outcomes:?}");
    world.index.set_away(false);
    let outcomes = handler.handle_batch(&batch).await;
    assert!(matches!(outcomes[..], [Outcome::Done, Outcome::Dead { .. }]), "{outcomes:?}");
    let found = world.get("", "/api/v1/gig/search/0/10/forward").await;
    assert_eq!(found.body["total"], 1, "what is stored counts, not what was told");
}

#[tokio::test]
async fn sample_gigs_exist_only_where_the_configuration_says_so() {
    let world = World::new().await;
    let answer = world.call("Iria", "PUT", "/api/v1/gig/seed/3", &Value::Null).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(world.service.consumers().iter().all(|(subscription, _)| subscription.queue != SEED_GIG_QUEUE));
}

#[tokio::test]
async fn sellers_are_asked_for_and_each_gets_one_sample_gig() {
    let world = World::with(GigConfig { seed: true, ..GigConfig::default() }).await;
    for bad in ["0", "1001", "many"] {
        let answer = world.call("Iria", "PUT", &format!("/api/v1/gig/seed/{bad}"), &Value::Null).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let answer = world.call("Iria", "PUT", "/api/v1/gig/seed/2", &Value::Null).await;
    assert_eq!((answer.status, answer.message()), (StatusCode::CREATED, "Gig created successfully"));
    let asked = world.published.0.lock().await[0].clone();
    assert_eq!((asked.exchange.as_str(), asked.routing_key.as_str()), ("jobber-gig", "get-sellers"));
    assert_eq!(asked.json::<Value>().unwrap(), json!({"type": "getSellers", "count": "2"}));

    let seller = |id: &str, name: &str| {
        json!({"_id": id, "username": name, "email": "x@example.org",
        "profilePicture": "https://img.example.org/p/2.png", "fullName": "not read"})
    };
    let sellers = json!({"type": "receiveSellers", "count": "2",
        "sellers": [seller(IRIA, "Iria"), seller("66f0c0ffee0000000000a002", "Nuno")]});
    for _ in 0..2 {
        assert_eq!(world.tell(SEED_GIG_QUEUE, Some("m1"), &sellers).await, Outcome::Done);
    }
    assert_eq!(world.store.count::<Gig>(), 2, "the same message makes them once");
    assert_eq!(world.settle().await.iter().filter(|message| message.kind == "update-gig-count").count(), 2);
    assert_eq!(world.tell(SEED_GIG_QUEUE, Some("m2"), &sellers).await, Outcome::Done);
    assert_eq!(world.store.count::<Gig>(), 4);
    let gigs = world.get("Iria", &format!("/api/v1/gig/seller/{IRIA}")).await;
    assert_eq!(gigs.ids().len(), 2);
    let broken = json!({"type": "receiveSellers", "count": "1", "sellers": [seller("x", "X")]});
    assert!(matches!(world.tell(SEED_GIG_QUEUE, Some("m3"), &broken).await, Outcome::Dead { .. }));
}

#[tokio::test]
async fn whoever_asks_about_a_gig_is_told_how_it_is_or_that_there_is_none() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let (id, missing, order) = (gig["id"].clone(), "66f0c0ffee00000000009999", "66f0c0ffee0000000000d001");
    world.call("Iria", "PUT", &format!("/api/v1/gig/active/{}", id.as_str().unwrap()), &json!({"active": false})).await;
    let mut paused = gig.clone();
    paused["active"] = json!(false);
    // Between services a picture has its name; where it is shown is said when it is shown.
    let cover = paused["coverImage"].as_str().unwrap();
    paused["coverImage"] = json!(cover.rsplit('/').next().unwrap());
    let at = "2026-11-24T10:15:42.000Z";
    let some = json!({"gigId": id, "gig": paused, "version": 2, "at": at});
    let none = json!({"gigId": missing, "gig": null, "version": 0, "at": at});
    for (number, (queue, asker, expected)) in [
        (CHAT_TOLD, None, &some),
        (CHAT_TOLD, None, &none),
        (ORDER_TOLD, Some(order), &some),
        (ORDER_TOLD, Some(order), &none),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut asked, mut expected) = (json!({"gigId": expected["gigId"]}), expected.clone());
        if let Some(order) = asker {
            (asked["orderId"], expected["orderId"], expected["type"]) = (json!(order), json!(order), json!("gig-told"));
        }
        // Asked once, and told twice the same: the id says so.
        for _ in 0..2 {
            assert_eq!(world.tell(GIG_ASKED, Some(&format!("m{number}")), &asked).await, Outcome::Done);
        }
        let told = std::mem::take(&mut *world.published.0.lock().await);
        assert!(told.len() == 2 && told[0] == told[1], "{told:?}");
        assert_eq!((told[0].exchange.as_str(), told[0].routing_key.as_str()), (queue.exchange.name, queue.routing_key));
        assert_eq!(told[0].json::<Value>().unwrap(), expected);
    }
    assert!(matches!(world.tell(GIG_ASKED, Some("m"), &json!({"gigId": "abc"})).await, Outcome::Dead { .. }));
}
