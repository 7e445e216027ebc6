//! Orders that wait for what is not known yet.

use super::*;

const OFFER: &str = "66f0c0ffee00000000007001";
const OTHER_OFFER: &str = "66f0c0ffee00000000007002";

async fn waits(world: &World, number: &str, price: f64) -> Value {
    let intent = world.pay("Marta", price).await;
    let order = world.place("Marta", number, &intent, price).await.must_be(201)["order"].take();
    assert_eq!((&order["state"], &order["status"]), (&json!("AwaitingPayment"), &json!("in progress")));
    for date in ["placeOrder", "requirements", "orderStarted"] {
        assert!(order["events"][date].is_string(), "{date} is formatted by clients");
    }
    order
}

async fn state(world: &World, number: &str) -> String {
    world.get("Marta", &format!("/{number}")).await.must_be(200)["order"]["state"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_order_of_an_unknown_gig_starts_once_the_gig_is_known() {
    let world = World::empty();
    world.know("Marta", BUYER, None).await;
    waits(&world, "JO1", 40.0).await;
    assert!(world.told("create-order").is_empty() && world.told("orderPlaced").is_empty());
    world.know("Iria", "66f0c0ffee0000000000b009", Some(SELLER)).await;
    world.get("Iria", "/JO1").await.must_be(404);
    world.gig(40.0, 1).await;
    assert_eq!(state(&world, "JO1").await, "InProgress");
    assert_eq!((world.told("create-order").len(), world.told("orderPlaced").len()), (1, 1));
    let order = world.get("Iria", "/JO1").await.must_be(200)["order"].take();
    assert_eq!((&order["sellerUsername"], &order["gigMainTitle"]), (&json!("Iria"), &json!("I will draw a logo")));
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_a_moment_for_the_fact() {
    let world = World::empty();
    world.know("Marta", BUYER, None).await;
    let intent = world.pay("Marta", 40.0).await;
    let body = order("Marta", "JO1", &intent, 40.0);
    let (answer, ()) = tokio::join!(world.ask("Marta", "POST", "", &body, None), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.gig(40.0, 1).await;
    });
    assert_eq!(answer.must_be(201)["order"]["state"], "InProgress");
}

#[tokio::test(start_paused = true)]
async fn an_order_at_an_offers_price_starts_once_it_is_accepted() {
    let world = World::new().await;
    waits(&world, "JO1", 75.0).await;
    world.offer(OFFER, 75.0, 1, false, false).await;
    assert_eq!(state(&world, "JO1").await, "AwaitingPayment");
    world.offer(OFFER, 75.0, 2, true, false).await;
    assert_eq!(state(&world, "JO1").await, "InProgress");
    let order = world.get("Marta", "/JO1").await.must_be(200)["order"].take();
    assert_eq!(order["offer"]["deliveryInDays"], 7);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_offer_is_used_once() {
    let world = World::new().await;
    world.offer(OFFER, 75.0, 1, true, false).await;
    let first = world.pay("Marta", 75.0).await;
    let order = world.place("Marta", "JO1", &first, 75.0).await.must_be(201)["order"].take();
    assert_eq!(order["state"], "InProgress");
    let second = world.pay("Marta", 75.0).await;
    world
        .place("Marta", "JO2", &second, 75.0)
        .await
        .says(409, "The offer of this price is no longer open. Your payment will be refunded.");
    assert_eq!(world.refunds().await, 1);
    world.offer(OTHER_OFFER, 75.0, 1, true, false).await;
    let third = world.pay("Marta", 75.0).await;
    assert_eq!(world.place("Marta", "JO3", &third, 75.0).await.must_be(201)["order"]["state"], "InProgress");
}

#[tokio::test(start_paused = true)]
async fn two_waiting_orders_get_one_offer_between_them() {
    let mut world = World::new().await;
    world.deliveries = 2;
    waits(&world, "JO1", 75.0).await;
    waits(&world, "JO2", 75.0).await;
    world.offer(OFFER, 75.0, 1, true, false).await;
    let mut states = [state(&world, "JO1").await, state(&world, "JO2").await];
    states.sort();
    assert_eq!(states, ["Cancelled", "InProgress"]);
    assert_eq!(world.refunds().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_offer_refuses_the_order_and_refunds_it() {
    let mut world = World::new().await;
    world.deliveries = 2;
    waits(&world, "JO1", 75.0).await;
    world.offer(OFFER, 75.0, 1, false, true).await;
    assert_eq!(state(&world, "JO1").await, "Cancelled");
    assert_eq!(world.refunds().await, 1);
    assert_eq!(world.told("order-refunded").len(), 1);
    assert!(world.told("cancel-order").is_empty(), "it was never counted");
    let notes = world.get("Marta", "/notification/Marta").await.must_be(200)["notifications"].take();
    assert_eq!(notes[0]["senderUsername"], "JobApp");
}

#[tokio::test(start_paused = true)]
async fn a_price_the_gig_had_a_day_before_the_payment_is_good() {
    let world = World::new().await;
    world.later(100);
    let intent = world.pay("Marta", 40.0).await;
    world.gig(99.0, 2).await;
    world.later(48);
    assert_eq!(world.place("Marta", "JO1", &intent, 40.0).await.must_be(201)["order"]["state"], "InProgress");
    waits(&world, "JO2", 40.0).await;
}

#[tokio::test(start_paused = true)]
async fn an_old_telling_of_a_gig_or_an_offer_changes_nothing() {
    let world = World::new().await;
    world.gig(50.0, 5).await;
    world.gig(40.0, 1).await;
    world.offer(OFFER, 75.0, 2, true, false).await;
    world.offer(OFFER, 75.0, 1, false, false).await;
    let intent = world.pay("Marta", 75.0).await;
    assert_eq!(world.place("Marta", "JO1", &intent, 75.0).await.must_be(201)["order"]["state"], "InProgress");
}

#[tokio::test(start_paused = true)]
async fn the_buyer_may_stop_waiting() {
    let mut world = World::new().await;
    world.deliveries = 2;
    waits(&world, "JO1", 75.0).await;
    world.put("Marta", "/cancel/JO1", json!({})).await.says(200, "Order cancelled successfully.");
    assert_eq!((state(&world, "JO1").await.as_str(), world.refunds().await), ("Cancelled", 1));
    assert!(world.told("cancel-order").is_empty());
    assert!(world.told("order notification").is_empty());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_after_a_day() {
    let world = World::new().await;
    waits(&world, "JO1", 75.0).await;
    world.later(23);
    assert_eq!(world.service.sweep().await.unwrap().refused, 0);
    world.later(2);
    assert_eq!(world.service.sweep().await.unwrap().refused, 1);
    world.settle().await;
    assert_eq!((state(&world, "JO1").await.as_str(), world.refunds().await), ("Cancelled", 1));
}

#[tokio::test(start_paused = true)]
async fn waiting_orders_are_only_in_the_buyers_list() {
    let world = World::new().await;
    waits(&world, "JO1", 75.0).await;
    let bought = world.get("Marta", &format!("/buyer/{BUYER}")).await.must_be(200)["orders"].take();
    assert_eq!(bought.as_array().unwrap().len(), 1);
    assert_eq!(world.get("Iria", &format!("/seller/{SELLER}")).await.must_be(200)["orders"], json!([]));
}
