//! Cancelling: by whom, when, and the money goes back once.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_seller_cancels_and_the_buyer_gets_the_money_back_once() {
    let mut world = World::new().await;
    world.deliveries = 3;
    let order = world.started().await;
    let body = json!({"paymentIntentId": order["paymentIntent"],
        "orderData": {"sellerId": SELLER, "buyerId": BUYER, "purchasedGigs": GIG}});
    for _ in 0..3 {
        world.put("Iria", "/cancel/JO1", body.clone()).await.says(200, "Order cancelled successfully.");
    }
    let order = world.get("Marta", "/JO1").await.must_be(200)["order"].take();
    assert_eq!((&order["status"], &order["cancelled"]), (&json!("Cancelled"), &json!(true)));
    assert!(order["approvedAt"].is_string());
    assert_eq!(world.refunds().await, 1);
    assert_eq!((world.told("order-cancelled").len(), world.told("order-refunded").len()), (1, 1));
    let told = world.told("cancel-order");
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], json!({"type": "cancel-order", "sellerId": SELLER, "orderId": "JO1"}));
    assert_eq!(told[1], json!({"type": "cancel-order", "buyerId": BUYER, "purchasedGigs": GIG, "orderId": "JO1"}));
    let notes = world.get("Marta", "/notification/Marta").await.must_be(200)["notifications"].take();
    assert_eq!(notes.as_array().unwrap().len(), 1);
    assert_eq!(
        (&notes[0]["message"], &notes[0]["senderUsername"]),
        (&json!("cancelled your order delivery."), &json!("Iria"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_refund_waits_for_the_provider_and_happens_once() {
    let world = World::new().await;
    world.started().await;
    world.payments.set_away(true);
    world.ask("Iria", "PUT", "/cancel/JO1", &json!({"paymentIntent": "x"}), None).await.must_be(200);
    let troubles = world.settle().await;
    assert!(matches!(troubles[..], [Outcome::Retry { .. }]), "{troubles:?}");
    assert_eq!(world.get("Marta", "/JO1").await.must_be(200)["order"]["status"], "Cancelled");
    world.payments.set_away(false);
    // The message comes again, twice, and so does the sweep.
    let refund = world.published.lock().unwrap().iter().find(|message| message.kind == "refund-owed").unwrap().clone();
    for _ in 0..2 {
        assert!(world.hear(&refund).await.is_empty());
        world.settle().await;
    }
    world.later(1);
    world.service.sweep().await.unwrap();
    world.settle().await;
    assert_eq!((world.refunds().await, world.told("order-refunded").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_refund_is_found_by_the_sweep() {
    let world = World::new().await;
    world.started().await;
    world.payments.set_away(true);
    world.put("Iria", "/cancel/JO1", json!({})).await.must_be(200);
    world.payments.set_away(false);
    world.later(1);
    let swept = world.service.sweep().await.unwrap();
    assert_eq!((swept.retried, swept.failed), (2, 0));
    world.settle().await;
    assert_eq!((world.refunds().await, world.told("order-refunded").len()), (1, 1));
    world.later(1);
    assert_eq!(world.service.sweep().await.unwrap(), jobapp_orders::Swept::default());
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_cannot_be_cancelled_and_a_buyer_cannot_cancel_work() {
    let world = World::new().await;
    world.started().await;
    world.put("Marta", "/cancel/JO1", json!({})).await.says(409, "This order is in progress: it cannot be cancelled.");
    world.put("Otto", "/cancel/JO1", json!({})).await.must_be(404);
    world.put("Iria", "/deliver-order/JO1", json!({})).await.must_be(200);
    world.put("Iria", "/cancel/JO1", json!({})).await.says(409, "This order is delivered: it cannot be cancelled.");
    assert_eq!(world.refunds().await, 0);
}
