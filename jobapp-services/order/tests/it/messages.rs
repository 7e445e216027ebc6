//! What others hear.

use super::*;

const URL: &str = "http://localhost:3000/orders/JO1/activities";

#[tokio::test(start_paused = true)]
async fn a_started_order_is_counted_mailed_and_told() {
    let world = World::new().await;
    world.started().await;
    let counted = json!({"type": "create-order", "sellerId": SELLER, "ongoingJobs": 1, "orderId": "JO1"});
    assert_eq!(world.told("create-order"), [counted]);
    let mail = json!({"template": "orderPlaced", "receiverEmail": "iria@example.org", "buyerEmail": "marta@example.org",
        "orderId": "JO1", "invoiceId": "JI83920110457", "amount": "40", "serviceFee": "4.2", "total": "44.2",
        "orderDue": "Fri Nov 27 2026 10:00:00 GMT+0000 (Coordinated Universal Time)", "title": "Logo",
        "description": "Three drafts", "requirements": "Blue tones", "buyerUsername": "Marta", "sellerUsername": "Iria",
        "orderUrl": URL});
    assert_eq!(world.told("orderPlaced"), [mail]);
    let steps: Vec<Value> = ["order-placed", "order-started"].iter().flat_map(|step| world.told(step)).collect();
    assert_eq!(steps.len(), 2);
    assert_eq!((&steps[1]["type"], &steps[1]["actor"]), (&json!("order-started"), &json!("Marta")));
    assert_eq!(steps[1]["order"]["status"], "in progress");
    let realtime = world.told("order notification");
    assert_eq!(realtime.len(), 1);
    assert_eq!(realtime[0]["event"], "order notification");
    assert_eq!(realtime[0]["receivers"], json!(["Marta", "Iria"]));
    assert_eq!(realtime[0]["arguments"][0]["orderId"], "JO1");
    assert_eq!(realtime[0]["arguments"][1]["userTo"], "Iria");
}

#[tokio::test(start_paused = true)]
async fn extension_mails_quote_the_request_and_go_to_the_other_side() {
    let world = World::new().await;
    world.started().await;
    world.put("Iria", "/extension/JO1", extension(2)).await.must_be(200);
    let mail = json!({"template": "orderExtension", "receiverEmail": "marta@example.org", "buyerUsername": "Marta",
        "sellerUsername": "Iria", "originalDate": "2026-11-27T10:00:00.000Z", "reason": "illness", "orderUrl": URL,
        "newDate": "Mon Nov 29 2026 11:00:00 GMT+0100 (Central European Standard Time)"});
    assert_eq!(world.told("orderExtension"), [mail]);
    world.put("Marta", "/gig/approve/JO1", extension(2)).await.must_be(200);
    let answer = world.told("orderExtensionApproval").pop().unwrap();
    assert_eq!((&answer["receiverEmail"], &answer["type"]), (&json!("iria@example.org"), &json!("accepted")));
    for field in ["subject", "header", "message", "buyerUsername", "sellerUsername"] {
        assert!(!answer[field].as_str().unwrap().is_empty(), "{field}");
    }
    world.put("Iria", "/deliver-order/JO1", json!({})).await.must_be(200);
    let mail = json!({"template": "orderDelivered", "receiverEmail": "marta@example.org", "orderId": "JO1",
        "buyerUsername": "Marta", "sellerUsername": "Iria", "title": "Logo", "description": "Three drafts",
        "orderUrl": URL});
    assert_eq!(world.told("orderDelivered"), [mail]);
}

#[tokio::test(start_paused = true)]
async fn every_message_has_a_queue_that_is_declared() {
    let mut world = World::new().await;
    world.deliveries = 2;
    world.started().await;
    world.put("Iria", "/cancel/JO1", json!({})).await.must_be(200);
    let own = world.service.queues();
    let consumed: Vec<_> = world.service.consumers().iter().map(|(subscription, _)| subscription.queue).collect();
    assert_eq!(own.len(), consumed.len());
    assert!(own.iter().all(|queue| consumed.contains(queue)));
    for message in world.published.lock().unwrap().iter() {
        assert!(!message.exchange.is_empty() && message.id.is_some());
    }
}

#[test]
fn events_of_other_aggregates_are_not_understood() {
    let entry = jobapp_kernel::OutboxEntry {
        id: MessageId("gig/1/1/0".into()),
        aggregate: "gig".into(),
        aggregate_id: "1".into(),
        version: 1,
        event: json!({}),
        headers: std::collections::BTreeMap::new(),
        recorded_at: Timestamp::EPOCH,
    };
    let translate = World::empty().service.translator().unwrap();
    assert!(translate(&entry).is_err());
    let order = jobapp_kernel::OutboxEntry { aggregate: "order".into(), event: json!({"type": "order-sold"}), ..entry };
    assert!(translate(&order).is_err());
}
