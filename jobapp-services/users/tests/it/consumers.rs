//! What the service does with what it hears.

use jobapp_kernel::Outcome;
use jobapp_platform::Service;
use jobapp_users::Buyer;
use jobapp_wire::queues::{SELLER_REVIEW, USER_BUYER, USER_GIG, USER_SELLER};
use serde_json::{Value, json};

use crate::world::{World, delivery};

const GIG: &str = "66f0c0ffee00000000009001";
const NOBODY: &str = "66f0c0ffee0000000000a00f";

fn is_dead(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Dead { .. })
}

fn is_retry(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry { .. })
}

async fn seller_id(world: &World) -> String {
    world.make_seller("Marta").await["_id"].as_str().unwrap().to_owned()
}

fn approved(seller: &str) -> Value {
    json!({"type": "approve-order", "sellerId": seller, "buyerId": "b", "ongoingJobs": -1, "completedJobs": 1,
        "totalEarnings": 32, "recentDelivery": "Tue Nov 24 2026 10:15:42 GMT+0000 (Coordinated Universal Time)",
        "orderId": "JO1"})
}

fn review(seller: &str, order: &str, rating: i64) -> Value {
    json!({"type": "buyer-review", "gigId": GIG, "reviewerId": "b", "sellerId": seller, "orderId": order,
        "review": "Quick and tidy.", "rating": rating,
        "createdAt": "Tue Nov 24 2026 10:20:00 GMT+0000 (Coordinated Universal Time)"})
}

#[tokio::test]
async fn an_account_becomes_one_buyer_however_often_it_is_told() {
    let world = World::new();
    tokio::join!(world.sign_up("Marta"), world.sign_up("Marta"));
    world.sign_up("Marta").await;
    assert_eq!(world.store.count::<Buyer>(), 1);
    assert_eq!(world.store.events().len(), 1);
    let same_address = json!({"type": "auth", "username": "Other", "email": "marta@example.org", "profilePicture": "p",
        "country": "c", "createdAt": "2026-11-24T02:40:54.644Z"});
    assert!(is_dead(&world.tell(USER_BUYER, Some("m"), &same_address).await));
    let same_name = json!({"type": "auth", "username": "Marta", "email": "other@example.org", "profilePicture": "p",
        "country": "c", "createdAt": 0});
    assert!(is_dead(&world.tell(USER_BUYER, Some("m"), &same_name).await));
    assert!(is_dead(&world.tell(USER_BUYER, Some("m"), &json!({"type": "auth"})).await));
}

/// PostgreSQL takes no U+0000, and would be taken for being away.
#[tokio::test]
async fn a_name_that_no_database_takes_is_dead_and_not_tried_for_ever() {
    let world = World::new();
    let told = json!({"type": "auth", "username": "Ma\u{0}rta", "email": "marta@example.org", "profilePicture": "p",
        "country": "c", "createdAt": 0});
    let outcome = world.tell(USER_BUYER, Some("m"), &told).await;
    assert_eq!(outcome, Outcome::dead("A value has a character that cannot be stored."));
    assert_eq!(world.store.count::<Buyer>(), 0);
}

#[tokio::test]
async fn a_gig_is_bought_once_per_order_and_taken_back_with_it() {
    let world = World::new();
    world.sign_up("Marta").await;
    let buyer = world.buyer("Marta").await["_id"].as_str().unwrap().to_owned();
    let told =
        |kind: &str, order: &str| json!({"type": kind, "buyerId": buyer, "purchasedGigs": GIG, "orderId": order});
    for (id, body) in [
        ("1", told("purchased-gigs", "JO1")),
        ("1", told("purchased-gigs", "JO1")),
        ("2", told("purchased-gigs", "JO1")),
        ("3", told("purchased-gigs", "JO2")),
        ("4", told("cancel-order", "JO3")),
        ("5", told("purchased-gigs", "JO3")),
    ] {
        assert_eq!(world.tell(USER_BUYER, Some(id), &body).await, Outcome::Done);
    }
    assert_eq!(world.buyer("Marta").await["purchasedGigs"], json!([GIG, GIG]));
    assert_eq!(world.tell(USER_BUYER, Some("6"), &told("cancel-order", "JO1")).await, Outcome::Done);
    assert_eq!(world.buyer("Marta").await["purchasedGigs"], json!([GIG]));

    let unknown = json!({"type": "purchased-gigs", "buyerId": NOBODY, "purchasedGigs": GIG, "orderId": "JO9"});
    assert!(is_retry(&world.tell(USER_BUYER, Some("7"), &unknown).await));
    let malformed = json!({"type": "purchased-gigs", "buyerId": "undefined", "purchasedGigs": GIG});
    assert!(is_dead(&world.tell(USER_BUYER, Some("8"), &malformed).await));
}

#[tokio::test]
async fn orders_are_counted_once_in_any_order() {
    let world = World::new();
    let id = seller_id(&world).await;
    let placed = json!({"type": "create-order", "sellerId": id, "ongoingJobs": 1, "orderId": "JO1"});
    let placed_other = json!({"type": "create-order", "sellerId": id, "ongoingJobs": 99, "orderId": "JO2"});
    let cancelled = json!({"type": "cancel-order", "sellerId": id, "orderId": "JO2"});
    // The cancellation overtakes the order; everything comes twice, under other message ids.
    for (number, body) in
        [&cancelled, &placed, &placed_other, &cancelled, &placed, &placed_other].into_iter().enumerate()
    {
        assert_eq!(world.tell(USER_SELLER, Some(&number.to_string()), body).await, Outcome::Done);
    }
    let seller = world.seller("Marta").await;
    assert_eq!((&seller["ongoingJobs"], &seller["cancelledJobs"]), (&json!(1), &json!(1)));

    for number in ["a", "b"] {
        assert_eq!(world.tell(USER_SELLER, Some(number), &approved(&id)).await, Outcome::Done);
    }
    let seller = world.seller("Marta").await;
    assert_eq!((&seller["ongoingJobs"], &seller["completedJobs"]), (&json!(0), &json!(1)));
    assert_eq!((&seller["totalEarnings"], &seller["recentDelivery"]), (&json!(32), &json!("2026-11-24T10:15:42.000Z")));
}

#[tokio::test]
async fn gigs_are_counted_once() {
    let world = World::new();
    let id = seller_id(&world).await;
    let told =
        |count: i64, gig: &str| json!({"type": "update-gig-count", "gigSellerId": id, "count": count, "gigId": gig});
    for (number, body) in
        [told(1, "g1"), told(1, "g1"), told(1, "g2"), told(-1, "g1"), told(-1, "g1")].iter().enumerate()
    {
        assert_eq!(world.tell(USER_SELLER, Some(&number.to_string()), body).await, Outcome::Done);
    }
    assert_eq!(world.seller("Marta").await["totalGigs"], json!(1));
    assert!(is_dead(&world.tell(USER_SELLER, Some("x"), &told(2, "g3")).await));
}

#[tokio::test]
async fn foreign_messages_count_once_per_message() {
    let world = World::new();
    let id = seller_id(&world).await;
    let placed = json!({"type": "create-order", "sellerId": id, "ongoingJobs": 1});
    // With an id of their own they are told apart by it; without one each is another order.
    for message in [Some("1"), Some("1"), Some("2"), None, None] {
        assert_eq!(world.tell(USER_SELLER, message, &placed).await, Outcome::Done);
    }
    assert_eq!(world.seller("Marta").await["ongoingJobs"], json!(4));
}

#[tokio::test]
async fn who_is_not_known_yet_is_waited_for_and_nonsense_is_dead() {
    let world = World::new();
    let unknown = json!({"type": "create-order", "sellerId": NOBODY, "ongoingJobs": 1, "orderId": "JO1"});
    assert!(is_retry(&world.tell(USER_SELLER, Some("1"), &unknown).await));
    assert!(is_retry(&world.tell(SELLER_REVIEW, Some("1"), &review(NOBODY, "JO1", 5)).await));
    let malformed = json!({"type": "cancel-order", "sellerId": "undefined"});
    assert!(is_dead(&world.tell(USER_SELLER, Some("2"), &malformed).await));
    let mut negative = approved(NOBODY);
    negative["totalEarnings"] = json!(1e30);
    assert!(is_dead(&world.tell(USER_SELLER, Some("3"), &negative).await));
    let later = json!({"type": "something-new", "sellerId": "x"});
    assert_eq!(world.tell(USER_SELLER, Some("4"), &later).await, Outcome::Done);
}

#[tokio::test]
async fn a_review_rates_the_seller_once_and_is_passed_on_to_the_gig() {
    let world = World::new();
    let id = seller_id(&world).await;
    let body = review(&id, "JO1", 5);
    for number in ["1", "1", "2"] {
        assert_eq!(world.tell(SELLER_REVIEW, Some(number), &body).await, Outcome::Done);
    }
    assert_eq!(world.tell(SELLER_REVIEW, Some("3"), &review(&id, "JO2", 4)).await, Outcome::Done);
    let seller = world.seller("Marta").await;
    assert_eq!((&seller["ratingsCount"], &seller["ratingSum"]), (&json!(2), &json!(9)));
    assert_eq!(seller["ratingCategories"]["five"], json!({"value": 5, "count": 1}));

    let events = world.store.events();
    let translate = world.service.translator().unwrap();
    let messages: Vec<_> = events.iter().flat_map(|entry| translate(entry).unwrap()).collect();
    let ratings: Vec<Value> =
        messages.iter().filter(|message| message.kind == "updateGig").map(|message| message.json().unwrap()).collect();
    assert_eq!(ratings.len(), 2);
    let passed_on: Value = serde_json::from_str(ratings[0]["gigReview"].as_str().unwrap()).unwrap();
    assert_eq!(passed_on, body);
}

#[tokio::test]
async fn reviews_of_buyers_and_impossible_ratings_change_nothing() {
    let world = World::new();
    let id = seller_id(&world).await;
    let mut of_buyer = review(&id, "JO1", 5);
    of_buyer["type"] = json!("seller-review");
    assert_eq!(world.tell(SELLER_REVIEW, Some("1"), &of_buyer).await, Outcome::Done);
    for rating in [0, 6, 99, -1] {
        assert!(is_dead(&world.tell(SELLER_REVIEW, Some("2"), &review(&id, "JO1", rating)).await));
    }
    assert!(is_dead(&world.tell(SELLER_REVIEW, Some("3"), &review("undefined", "JO1", 5)).await));
    assert_eq!(world.seller("Marta").await["ratingsCount"], json!(0));
}

#[tokio::test]
async fn the_reason_of_a_dead_review_quotes_nothing_of_it() {
    let secret = "408152";
    let outcome = World::new().tell(SELLER_REVIEW, Some("1"), &json!({"type": "buyer-review", "rating": secret})).await;
    let Outcome::Dead { reason } = &outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("column") && !reason.contains(secret), "{reason}");
}

#[tokio::test]
async fn whoever_makes_sample_gigs_gets_sellers() {
    let world = World::new();
    let id = seller_id(&world).await;
    let asked = json!({"type": "getSellers", "count": "8"});
    for _ in 0..2 {
        assert_eq!(world.tell(USER_GIG, Some("gig/1"), &asked).await, Outcome::Done);
    }
    let published = world.published.0.lock().await.clone();
    assert_eq!(published[0].id, published[1].id);
    assert_eq!(
        (published[0].exchange.as_str(), published[0].routing_key.as_str()),
        ("jobber-seed-gig", "receive-sellers")
    );
    let expected = json!({"type": "receiveSellers", "count": "8", "sellers": [{"_id": id, "username": "Marta",
        "email": "marta@example.org", "profilePicture": "https://img.example.org/s.png"}]});
    assert_eq!(published[0].json::<Value>().unwrap(), expected);

    assert!(is_dead(&world.tell(USER_GIG, Some("2"), &json!({"type": "getSellers", "count": "many"})).await));
    assert_eq!(world.tell(USER_GIG, Some("3"), &json!({"type": "else", "count": "8"})).await, Outcome::Done);
}

#[tokio::test]
async fn every_queue_has_its_consumer_and_takes_no_garbage() {
    let world = World::new();
    for queue in world.service.queues() {
        let handler = world.handler(queue);
        let mut garbage = delivery(queue, Some("1"), &json!({}));
        garbage.message.body = b"no json".to_vec();
        assert!(is_dead(&handler.handle(&garbage).await), "{}", queue.name);
    }
}
