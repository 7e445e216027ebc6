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

const NO_GIG: &str = "There is no such gig. Your payment will be refunded.";
const WRONG_PRICE: &str = "The gig is not sold at this price. Your payment will be refunded.";

/// Places Marta's order and, half a second later, lets whoever was asked answer.
async fn answered(world: &World, price: f64, answer: impl AsyncFnOnce(&Value)) -> Answer {
    let intent = world.pay("Marta", price).await;
    let body = order("Marta", "JO1", &intent, price);
    let (placed, ()) = tokio::join!(world.ask("Marta", "POST", "", &body, None), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.settle().await;
        let asked = world.told("gig-asked").pop().expect("the gig is asked for");
        answer(&asked["orderId"]).await;
    });
    world.settle().await;
    placed
}

#[tokio::test(start_paused = true)]
async fn an_order_asks_about_what_is_not_known_and_about_nothing_else() {
    let world = World::new().await;
    world.started().await;
    assert!(world.told("gig-asked").is_empty() && world.told("offers-asked").is_empty());
    let waiting = waits(&world, "JO2", 75.0).await;
    let id = &waiting["_id"];
    assert_eq!(world.told("gig-asked"), [json!({"gigId": GIG, "orderId": id})]);
    let asked = json!({"orderId": id, "gigId": GIG, "sellerId": SELLER, "buyerUsername": "Marta", "price": 75.0});
    assert_eq!(world.told("offers-asked"), [asked]);
}

#[tokio::test(start_paused = true)]
async fn an_order_of_a_gig_that_does_not_exist_is_refused_and_refunded_at_once() {
    let world = World::empty();
    world.know("Marta", BUYER, None).await;
    let placed = answered(&world, 40.0, async |id| world.gig_answered(id, None, 0).await).await;
    placed.says(409, NO_GIG);
    assert_eq!((state(&world, "JO1").await.as_str(), world.refunds().await), ("Cancelled", 1));
}

#[tokio::test(start_paused = true)]
async fn an_order_of_a_gig_nobody_told_of_starts_once_it_is_asked_for() {
    let world = World::empty();
    world.know("Marta", BUYER, None).await;
    let placed = answered(&world, 40.0, async |id| world.gig_answered(id, Some(40.0), 9).await).await;
    assert_eq!(placed.must_be(201)["order"]["state"], "InProgress");
    let own = World::empty();
    own.know("Marta", BUYER, None).await;
    let mut body = order("Marta", "JO2", &own.pay("Marta", 40.0).await, 40.0);
    body["sellerId"] = json!("66f0c0ffee0000000000a002");
    let waiting = own.post("Marta", "", &body).await.must_be(201)["order"].take();
    own.gig_answered(&waiting["_id"], Some(40.0), 9).await;
    assert_eq!((state(&own, "JO2").await.as_str(), own.refunds().await), ("Cancelled", 1));
}

#[tokio::test(start_paused = true)]
async fn an_order_at_a_price_the_gig_never_had_is_refused_and_refunded_at_once() {
    let mut world = World::new().await;
    world.deliveries = 2;
    let placed = answered(&world, 39.0, async |id| {
        world.gig_answered(id, Some(40.0), 1).await;
        world.offers_answered(id, &[]).await;
    });
    placed.await.says(409, WRONG_PRICE);
    assert_eq!((state(&world, "JO1").await.as_str(), world.refunds().await), ("Cancelled", 1));
    assert_eq!(world.get("Iria", &format!("/seller/{SELLER}")).await.must_be(200)["orders"], json!([]));
    // The gig's own price is as good as before.
    let intent = world.pay("Marta", 40.0).await;
    assert_eq!(world.place("Marta", "JO2", &intent, 40.0).await.must_be(201)["order"]["state"], "InProgress");
}

#[tokio::test(start_paused = true)]
async fn late_answers_refuse_the_order_and_its_repetition() {
    let world = World::new().await;
    let waiting = waits(&world, "JO1", 39.0).await;
    world.later(1);
    world.offers_answered(&waiting["_id"], &[]).await;
    assert_eq!(state(&world, "JO1").await, "AwaitingPayment");
    world.gig_answered(&waiting["_id"], Some(40.0), 1).await;
    assert_eq!((state(&world, "JO1").await.as_str(), world.refunds().await), ("Cancelled", 1));
    let intent = waiting["paymentIntent"].as_str().unwrap();
    for number in ["JO1", "JO2"] {
        world.place("Marta", number, intent, 39.0).await.says(409, WRONG_PRICE);
    }
    assert_eq!((world.orders(), world.refunds().await), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_price_whose_change_is_on_its_way_is_waited_for() {
    let world = World::new().await;
    let waiting = waits(&world, "JO1", 50.0).await;
    // The gig cost 50.00 for a while: that telling is late.
    world.gig_answered(&waiting["_id"], Some(60.0), 3).await;
    world.offers_answered(&waiting["_id"], &[]).await;
    assert_eq!(state(&world, "JO1").await, "AwaitingPayment");
    world.gig(50.0, 2).await;
    assert_eq!(state(&world, "JO1").await, "InProgress");
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_is_told_in_an_answer_counts() {
    let world = World::new().await;
    let accepted = offer_document(OFFER, 75.0, true, false);
    let placed = answered(&world, 75.0, async |id| world.offers_answered(id, &[accepted]).await).await;
    let order = placed.must_be(201)["order"].take();
    assert_eq!((&order["state"], &order["offer"]["deliveryInDays"]), (&json!("InProgress"), &json!(7)));
    // One that is open may still be accepted.
    let waiting = waits(&world, "JO2", 76.0).await;
    world.offers_answered(&waiting["_id"], &[offer_document(OTHER_OFFER, 76.0, false, false)]).await;
    world.gig_answered(&waiting["_id"], Some(40.0), 1).await;
    assert_eq!(state(&world, "JO2").await, "AwaitingPayment");
    world.offer(OTHER_OFFER, 76.0, 2, true, false).await;
    assert_eq!(state(&world, "JO2").await, "InProgress");
}

#[tokio::test(start_paused = true)]
async fn a_refused_order_is_answered_alike_to_the_same_key() {
    let world = World::new().await;
    let body = order("Marta", "JO1", &world.pay("Marta", 39.0).await, 39.0);
    let first = world.ask("Marta", "POST", "", &body, Some("k")).await.must_be(201)["order"].take();
    world.settle().await;
    world.offers_answered(&first["_id"], &[]).await;
    world.gig_answered(&first["_id"], Some(40.0), 1).await;
    world.ask("Marta", "POST", "", &body, Some("k")).await.says(409, WRONG_PRICE);
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
