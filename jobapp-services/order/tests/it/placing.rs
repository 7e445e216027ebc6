//! Placing orders: paid, once, at the right price, for oneself.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_paid_order_starts_with_our_facts_and_our_amounts() {
    let world = World::new().await;
    let intent = world.pay("Marta", 40.0).await;
    let body = world.place("Marta", "JO52310984761", &intent, 40.0).await.must_be(201);
    assert_eq!(body["message"], "Order created successfully.");
    let order = &body["order"];
    for (field, expected) in [
        ("orderId", json!("JO52310984761")),
        ("status", json!("in progress")),
        ("state", json!("InProgress")),
        ("price", json!(40.0)),
        ("serviceFee", json!(4.2)),
        ("quantity", json!(1)),
        ("sellerUsername", json!("Iria")),
        ("sellerEmail", json!("iria@example.org")),
        ("gigMainTitle", json!("I will draw a logo")),
        ("gigCoverImage", json!("cover.png")),
        ("buyerUsername", json!("Marta")),
        ("buyerEmail", json!("marta@example.org")),
        ("buyerImage", json!("Marta.png")),
        ("requirements", json!("Blue tones")),
        ("paymentIntent", json!(intent)),
        ("approved", json!(false)),
        ("delivered", json!(false)),
        ("cancelled", json!(false)),
        ("deliveredWork", json!([])),
        ("dateOrdered", json!("2026-11-24T10:00:00.000Z")),
        ("approvedAt", json!("2026-11-24T10:00:00.000Z")),
        ("requestExtension", json!({"originalDate": "", "newDate": "", "days": 0, "reason": ""})),
        ("buyerReview", json!({"rating": 0, "review": ""})),
        ("sellerReview", json!({"rating": 0, "review": ""})),
    ] {
        assert_eq!(order[field], expected, "{field}");
    }
    assert_eq!(order["offer"]["oldDeliveryDate"], "2026-11-27T10:00:00.000Z");
    assert_eq!(order["offer"]["newDeliveryDate"], "2026-11-27T10:00:00.000Z");
    assert_eq!((&order["offer"]["accepted"], &order["offer"]["reason"]), (&json!(true), &json!("")));
    for date in ["placeOrder", "requirements", "orderStarted"] {
        assert_eq!(order["events"][date], "2026-11-24T10:00:00.000Z");
    }
    assert!(order.get("invoiceId").is_none() && order["events"].get("orderDelivered").is_none());
    assert_eq!(world.get("Marta", "/JO52310984761").await.must_be(200)["order"], *order);
}

#[tokio::test(start_paused = true)]
async fn a_slow_double_click_is_one_order_by_two_numbers() {
    let mut world = World::new().await;
    world.deliveries = 2;
    let intent = world.pay("Marta", 40.0).await;
    let first = world.place("Marta", "JO1", &intent, 40.0).await.must_be(201)["order"].take();
    let second = world.place("Marta", "JO2", &intent, 40.0).await.must_be(201)["order"].take();
    assert_eq!(first, second);
    for number in ["JO1", "JO2"] {
        assert_eq!(world.get("Marta", &format!("/{number}")).await.must_be(200)["order"]["orderId"], "JO1");
    }
    assert_eq!(world.orders(), 1);
    assert_eq!(world.told("create-order").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_number_again_is_the_same_order() {
    let world = World::new().await;
    let intent = world.pay("Marta", 40.0).await;
    let first = world.place("Marta", "JO1", &intent, 40.0).await.must_be(201);
    assert_eq!(world.place("Marta", "JO1", "null", 40.0).await.must_be(201), first);
    let other = world.pay("Otto", 40.0).await;
    world.place("Otto", "JO1", &other, 40.0).await.says(409, "The order number is in use.");
    world.place("Otto", "JO2", &other, 40.0).await.must_be(201);
}

const PAID_AGAIN: &str = "You placed this order before, with another payment. Your payment will be refunded.";
const IN_USE: &str = "The order number is in use.";

#[tokio::test(start_paused = true)]
async fn a_second_payment_for_the_same_number_goes_back_at_once() {
    let world = World::new().await;
    world.gig(75.0, 2).await;
    world.gig(40.0, 3).await;
    let (first, second) = (world.pay("Marta", 40.0).await, world.pay("Marta", 40.0).await);
    let order = world.place("Marta", "JO1", &first, 40.0).await.must_be(201)["order"].take();
    world.place("Marta", "JO1", &second, 40.0).await.says(409, PAID_AGAIN);
    assert_eq!(world.refunds().await, 1);
    assert!(world.is_refunded(&second).await);
    // What went back pays for nothing, and the order is as it was.
    world.place("Marta", "JO2", &second, 40.0).await.says(409, "The payment for this order was refunded.");
    world.place("Marta", "JO1", &second, 40.0).await.says(409, IN_USE);
    assert_eq!(world.place("Marta", "JO1", &first, 40.0).await.must_be(201)["order"], order);
    // So it is for a further number the order goes by.
    world.place("Marta", "JO3", &first, 40.0).await.must_be(201);
    let again = world.pay("Marta", 40.0).await;
    world.place("Marta", "JO3", &again, 40.0).await.says(409, PAID_AGAIN);
    assert!(world.is_refunded(&again).await);
    // Something else under the same number is another order, which needs a number of its own.
    let other = world.pay("Marta", 75.0).await;
    world.place("Marta", "JO1", &other, 75.0).await.says(409, IN_USE);
    assert_eq!(world.place("Marta", "JO4", &other, 75.0).await.must_be(201)["order"]["state"], "InProgress");
    assert_eq!((world.orders(), world.refunds().await), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_not_made_or_pays_another_order_stays_when_the_number_is_in_use() {
    let world = World::new().await;
    let (first, second, open) =
        (world.pay("Marta", 40.0).await, world.pay("Marta", 40.0).await, world.plan("Marta", 40.0).await);
    world.place("Marta", "JO1", &first, 40.0).await.must_be(201);
    world.place("Marta", "JO2", &second, 40.0).await.must_be(201);
    world.place("Marta", "JO1", &second, 40.0).await.says(409, IN_USE);
    world.place("Marta", "JO1", &open, 40.0).await.says(409, IN_USE);
    world.payments.confirm(&open).await.unwrap();
    world.place("Marta", "JO3", &open, 40.0).await.must_be(201);
    assert_eq!((world.orders(), world.refunds().await), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_a_cancelled_order_buys_nothing_and_keeps_no_payment() {
    let world = World::new().await;
    let first = world.started().await["paymentIntent"].clone();
    world.put("Iria", "/cancel/JO1", json!({})).await.must_be(200);
    assert_eq!(world.refunds().await, 1);
    let second = world.pay("Marta", 40.0).await;
    world.place("Marta", "JO1", &second, 40.0).await.says(409, PAID_AGAIN);
    assert!(world.is_refunded(&second).await);
    // Without a payment of its own it is no new order either, and no repetition of the old one.
    let third = world.pay("Marta", 40.0).await;
    world.place("Marta", "JO1", "null", 40.0).await.says(409, IN_USE);
    assert!(!world.is_refunded(&third).await);
    world.place("Marta", "JO2", "null", 40.0).await.must_be(201);
    let repeated = world.place("Marta", "JO1", first.as_str().unwrap(), 40.0).await.must_be(201);
    assert_eq!(repeated["order"]["state"], "Cancelled");
    assert_eq!((world.orders(), world.refunds().await), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_cancelled_is_not_what_a_buyer_without_a_payment_asks_for_now() {
    let world = World::new().await;
    world.pay("Marta", 40.0).await;
    world.place("Marta", "JO1", "null", 40.0).await.must_be(201);
    world.place("Marta", "JO2", "null", 40.0).await.must_be(201);
    world.put("Iria", "/cancel/JO1", json!({})).await.must_be(200);
    world.place("Marta", "JO3", "null", 40.0).await.says(409, "The payment for this order was not made.");
    world.get("Marta", "/JO3").await.must_be(404);
}

#[tokio::test(start_paused = true)]
async fn of_two_payments_racing_for_one_number_one_goes_back() {
    for _ in 0..20 {
        let world = World::new().await;
        let (first, second) = (world.pay("Marta", 40.0).await, world.pay("Marta", 40.0).await);
        let (a, b) = (order("Marta", "JO1", &first, 40.0), order("Marta", "JO1", &second, 40.0));
        let (one, other) =
            tokio::join!(world.ask("Marta", "POST", "", &a, None), world.ask("Marta", "POST", "", &b, None));
        let mut statuses = [one.0.as_u16(), other.0.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        world.settle().await;
        assert_eq!((world.orders(), world.refunds().await), (1, 1));
        let order = world.get("Marta", "/JO1").await.must_be(200)["order"].take();
        assert_eq!(order["state"], "InProgress");
        let paid_with = order["paymentIntent"].as_str().unwrap();
        assert!(!world.is_refunded(paid_with).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_intent_pays_nothing_else() {
    let world = World::new().await;
    world.started().await;
    let intent = world.get("Marta", "/JO1").await.must_be(200)["order"]["paymentIntent"].take();
    world.gig(30.0, 2).await;
    let used = "The payment was used for another order.";
    world.place("Marta", "JO2", intent.as_str().unwrap(), 30.0).await.says(409, used);
    let mut other_gig = order("Marta", "JO3", intent.as_str().unwrap(), 40.0);
    other_gig["gigId"] = json!("66f0c0ffee00000000009002");
    world.post("Marta", "", &other_gig).await.says(409, used);
    assert_eq!(world.orders(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_orders_racing_for_one_intent_become_one() {
    for _ in 0..20 {
        let world = World::new().await;
        let intent = world.pay("Marta", 40.0).await;
        let (a, b) = (order("Marta", "JO1", &intent, 40.0), order("Marta", "JO2", &intent, 40.0));
        let (first, second) =
            tokio::join!(world.ask("Marta", "POST", "", &a, None), world.ask("Marta", "POST", "", &b, None));
        assert_eq!(first.must_be(201)["order"]["_id"], second.must_be(201)["order"]["_id"]);
        world.settle().await;
        assert_eq!(world.orders(), 1);
        assert_eq!(world.told("create-order").len(), 1);
        world.get("Marta", "/JO1").await.must_be(200);
        world.get("Marta", "/JO2").await.must_be(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_orders_racing_for_one_intent_on_threads_become_one() {
    let world = Arc::new(World::new().await);
    let intent = world.pay("Marta", 40.0).await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let (world, body) = (Arc::clone(&world), order("Marta", &format!("JO{number}"), &intent, 40.0));
        tasks.push(tokio::spawn(async move { world.ask("Marta", "POST", "", &body, None).await }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap().must_be(201)["order"]["_id"].take());
    }
    ids.dedup();
    assert_eq!((ids.len(), world.orders()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_is_answered_as_the_first_time() {
    let world = World::new().await;
    let intent = world.pay("Marta", 40.0).await;
    let body = order("Marta", "JO1", &intent, 40.0);
    let first = world.ask("Marta", "POST", "", &body, Some("k1")).await.must_be(201);
    assert_eq!(world.ask("Marta", "POST", "", &body, Some("k1")).await.must_be(201), first);
    let other = order("Marta", "JO2", &intent, 40.0);
    world.ask("Marta", "POST", "", &other, Some("k1")).await.must_be(422);
    let plan = json!({"price": 5});
    let first = world.ask("Marta", "POST", "/create-payment-intent", &plan, Some("k2")).await.must_be(201);
    assert_eq!(world.ask("Marta", "POST", "/create-payment-intent", &plan, Some("k2")).await.must_be(201), first);
    world.ask("Marta", "POST", "/create-payment-intent", &json!({"price": 6}), Some("k2")).await.must_be(422);
}

#[tokio::test(start_paused = true)]
async fn the_longest_idempotency_key_of_the_longest_name_plans_a_payment() {
    let world = World::new().await;
    let (name, key, plan) = ("日本語日本語日本語日本語", "k".repeat(128), json!({"price": 5}));
    let first = world.ask(name, "POST", "/create-payment-intent", &plan, Some(&key)).await.must_be(201);
    assert_eq!(world.ask(name, "POST", "/create-payment-intent", &plan, Some(&key)).await.must_be(201), first);
}

#[tokio::test(start_paused = true)]
async fn in_two_tabs_another_paid_intent_of_the_same_amount_is_taken() {
    let world = World::new().await;
    let paid = world.pay("Marta", 40.0).await;
    let unpaid = world.plan("Marta", 40.0).await;
    let order = world.place("Marta", "JO1", &unpaid, 40.0).await.must_be(201)["order"].take();
    assert_eq!(order["paymentIntent"], json!(paid));
    // The double click names the same intent again.
    assert_eq!(world.place("Marta", "JO2", &unpaid, 40.0).await.must_be(201)["order"]["_id"], order["_id"]);
    // So does a text that is no intent at all.
    let second = world.pay("Marta", 40.0).await;
    let other = world.place("Marta", "JO3", "null", 40.0).await.must_be(201)["order"].take();
    assert_eq!(other["paymentIntent"], json!(second));
    assert_eq!(world.place("Marta", "JO4", "null", 40.0).await.must_be(201)["order"]["_id"], other["_id"]);
    assert_eq!(world.orders(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_not_paid_is_refused() {
    let world = World::new().await;
    let unpaid = world.plan("Marta", 40.0).await;
    let not_made = "The payment for this order was not made.";
    world.place("Marta", "JO1", &unpaid, 40.0).await.says(409, not_made);
    world.place("Marta", "JO1", "null", 40.0).await.says(409, not_made);
    world.place("Marta", "JO1", "pi_unknown", 40.0).await.says(409, not_made);
    let less = world.pay("Marta", 30.0).await;
    world
        .place("Marta", "JO1", &less, 40.0)
        .await
        .says(409, "The payment of 33.65 does not match the order's total of 44.2.");
    let foreign = world.pay("Otto", 40.0).await;
    world.place("Marta", "JO1", &foreign, 40.0).await.says(409, not_made);
    assert_eq!(world.orders(), 0);
    world.place("Otto", "JO9", &foreign, 40.0).await.must_be(201);
}

#[tokio::test(start_paused = true)]
async fn the_buyer_is_the_caller() {
    let world = World::new().await;
    let intent = world.pay("Marta", 40.0).await;
    let body = order("Otto", "JO1", &intent, 40.0);
    world.post("Marta", "", &body).await.says(403, "You can only order for yourself.");
    let mut body = order("Marta", "JO1", &intent, 40.0);
    body["buyerUsername"] = json!("Otto");
    world.post("Marta", "", &body).await.must_be(403);
    body["buyerUsername"] = json!("marta");
    world.post("Marta", "", &body).await.must_be(201);
}

#[tokio::test(start_paused = true)]
async fn ones_own_gig_and_anothers_gig_are_contradictions_that_are_refunded() {
    let world = World::new().await;
    let own = world.pay("Iria", 40.0).await;
    let mut body = order("Iria", "JO1", &own, 40.0);
    body["buyerId"] = json!("66f0c0ffee0000000000b009");
    world.post("Iria", "", &body).await.says(409, "You cannot order your own gig. Your payment will be refunded.");
    assert_eq!(world.refunds().await, 1);
    let intent = world.pay("Marta", 40.0).await;
    let mut body = order("Marta", "JO2", &intent, 40.0);
    body["sellerId"] = json!("66f0c0ffee0000000000a002");
    world.post("Marta", "", &body).await.must_be(409);
    assert_eq!(world.refunds().await, 2);
    // A refunded payment pays nothing.
    world.place("Marta", "JO3", &intent, 40.0).await.says(409, "The payment for this order was refunded.");
    assert_eq!((world.orders(), world.refunds().await), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn broken_bodies_are_refused_in_the_wires_words() {
    let world = World::new().await;
    let intent = world.pay("Marta", 40.0).await;
    let good = order("Marta", "JO1", &intent, 40.0);
    for (field, value, text) in [
        ("orderId", json!("JO 1"), "\"orderId\" must be 1 to 64 letters, digits, - or _"),
        ("gigId", json!("undefined"), "\"gigId\" must be a valid id"),
        ("sellerId", json!("x"), "\"sellerId\" must be a valid id"),
        ("price", json!(null), "\"price\" must be a number"),
        ("price", json!(947_868), "\"price\" must be less than or equal to 947867.29"),
        ("price", json!(1e9), "\"price\" must be less than or equal to 947867.29"),
        ("quantity", json!(2), "\"quantity\" must be [1]"),
        ("dateOrdered", json!("Invalid Date"), "\"dateOrdered\" must be a valid date"),
        ("approved", json!(true), "\"approved\" is not allowed"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = world.post("Marta", "", &body).await.must_be(400);
        assert_eq!((&answer["message"], &answer["comingFrom"]), (&json!(text), &json!("Create order() method")));
    }
    world.post("Marta", "", &json!({})).await.says(400, "\"offer\" is required");
    world.post("Marta", "/create-payment-intent", &json!({})).await.says(400, "\"price\" is required");
    world
        .post("Marta", "/create-payment-intent", &json!({"price": "NaN"}))
        .await
        .says(400, "\"price\" must be a number");
    for price in [json!(947_868), json!(2e6), json!(1e300)] {
        let text = "\"price\" must be less than or equal to 947867.29";
        world.post("Marta", "/create-payment-intent", &json!({ "price": price })).await.says(400, text);
    }
    world.plan("Marta", 947_867.29).await;
    assert_eq!(world.orders(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_price_may_be_a_decimal_or_a_text() {
    let world = World::new().await;
    world.gig(19.99, 2).await;
    let body = world.post("Marta", "/create-payment-intent", &json!({"price": "19.99"})).await.must_be(201);
    let intent = body["paymentIntentId"].as_str().unwrap();
    assert!(body["clientSecret"].as_str().unwrap().starts_with(&format!("{intent}_secret_")));
    assert_eq!(body["message"], "Order intent created successfully.");
    world.payments.confirm(intent).await.unwrap();
    let order = world.place("Marta", "JO1", intent, 19.99).await.must_be(201)["order"].take();
    assert_eq!((&order["price"], &order["serviceFee"]), (&json!(19.99), &json!(3.09)));
}
