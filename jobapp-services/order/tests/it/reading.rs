//! Who may read what.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_order_is_read_by_its_participants() {
    let world = World::new().await;
    world.started().await;
    for who in ["Marta", "Iria"] {
        let body = world.get(who, "/JO1").await.must_be(200);
        assert_eq!((&body["message"], &body["order"]["orderId"]), (&json!("Order by order id"), &json!("JO1")));
    }
    world.get("Otto", "/JO1").await.says(404, "Order not found.");
    for unknown in ["/JO2", "/undefined", "/J%20O", "/%ff", "/..%2Fseller", "/seller"] {
        world.get("Marta", unknown).await.must_be(404);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_are_ones_own() {
    let world = World::new().await;
    world.started().await;
    let sold = world.get("Iria", &format!("/seller/{SELLER}")).await.must_be(200);
    assert_eq!((&sold["message"], &sold["orders"][0]["orderId"]), (&json!("Seller orders"), &json!("JO1")));
    let bought = world.get("Marta", &format!("/buyer/{BUYER}")).await.must_be(200);
    assert_eq!((&bought["message"], &bought["orders"][0]["orderId"]), (&json!("Buyer orders"), &json!("JO1")));
    world.get("Otto", &format!("/seller/{SELLER}")).await.must_be(403);
    world.get("Otto", &format!("/buyer/{BUYER}")).await.must_be(403);
    for nobody in ["/seller/undefined", "/buyer/undefined", "/buyer/", "/seller/", "/buyer/66f0c0ffee0000000000b0ff"] {
        world.get("Marta", nobody).await.must_be(404);
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_profile_that_may_be_on_its_way_is_waited_for() {
    let world = World::new().await;
    let asked = async |id: &str| {
        let start = tokio::time::Instant::now();
        world.get("Marta", &format!("/buyer/{id}")).await.must_be(404);
        start.elapsed()
    };
    // Made two years ago, far in the future, and half a minute ago.
    assert_eq!(asked("66f0c0ffee0000000000b0ff").await, Duration::ZERO);
    assert_eq!(asked("ff00c0ffee0000000000b0ff").await, Duration::ZERO);
    assert_eq!(asked("6b056002ee0000000000b0ff").await, OrderConfig::default().fact_wait);
}

#[tokio::test(start_paused = true)]
async fn open_orders_come_first_and_then_the_newest() {
    let world = World::new().await;
    for number in ["JO1", "JO2", "JO3"] {
        let intent = world.pay("Marta", 40.0).await;
        world.place("Marta", number, &intent, 40.0).await.must_be(201);
        world.later(1);
    }
    world.put("Iria", "/cancel/JO3", json!({})).await.must_be(200);
    for path in [format!("/seller/{SELLER}"), format!("/buyer/{BUYER}")] {
        let who = if path.starts_with("/seller") { "Iria" } else { "Marta" };
        let orders = world.get(who, &path).await.must_be(200)["orders"].take();
        let numbers: Vec<_> = orders.as_array().unwrap().iter().map(|order| order["orderId"].clone()).collect();
        assert_eq!(numbers, ["JO2", "JO1", "JO3"]);
    }
}

#[tokio::test(start_paused = true)]
async fn notifications_are_ones_own_newest_first_and_can_be_read() {
    let mut world = World::new().await;
    world.deliveries = 3;
    world.started().await;
    world.later(1);
    world.put("Iria", "/extension/JO1", extension(2)).await.must_be(200);
    world.later(1);
    world.put("Iria", "/deliver-order/JO1", json!({})).await.must_be(200);
    let body = world.get("Marta", "/notification/marta").await.must_be(200);
    assert_eq!(body["message"], "Notifications");
    let notes = body["notifications"].as_array().unwrap();
    let texts: Vec<_> = notes.iter().map(|note| note["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["delivered your order.", "requested for an order delivery date extension."]);
    let note = &notes[0];
    for (field, expected) in [
        ("userTo", "Marta"),
        ("senderUsername", "Iria"),
        ("senderPicture", "Iria.png"),
        ("receiverUsername", "Marta"),
        ("receiverPicture", "Marta.png"),
        ("orderId", "JO1"),
        ("createdAt", "2026-11-24T12:00:00.000Z"),
    ] {
        assert_eq!(note[field], expected, "{field}");
    }
    assert_eq!(note["isRead"], false);
    world.get("Otto", "/notification/Marta").await.must_be(403);
    let named = json!({"notificationId": note["_id"]});
    world.put("Iria", "/notification/mark-as-read", named.clone()).await.says(404, "Notification not found.");
    let before = world.told("order notification").len();
    for _ in 0..2 {
        let read = world.put("Marta", "/notification/mark-as-read", named.clone()).await.must_be(200);
        assert_eq!(read["message"], "Notification updated successfully.");
        assert_eq!((&read["notification"]["isRead"], &read["notification"]["_id"]), (&json!(true), &note["_id"]));
    }
    let told = world.told("order notification");
    assert_eq!(told.len(), before + 1);
    assert_eq!(told.last().unwrap()["arguments"][1]["isRead"], true);
    for (body, status) in [
        (json!({}), 400),
        (json!({"notificationId": {"$ne": null}}), 400),
        (json!({"notificationId": "undefined"}), 404),
        (json!({"notificationId": "66f0c0ffee0000000000ffff"}), 404),
    ] {
        world.put("Marta", "/notification/mark-as-read", body).await.must_be(status);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_past_the_gateway_and_health_is_for_all() {
    let world = World::new().await;
    let ask = |path: &str, token: Option<String>| {
        let mut request = Request::builder().uri(path.to_owned());
        if let Some(token) = token {
            request = request.header("gatewaytoken", token);
        }
        world.service.router().oneshot(request.body(Body::empty()).unwrap())
    };
    let refused = answer(ask("/api/v1/order/JO1", None).await.unwrap()).await.must_be(401);
    assert_eq!(refused["message"], "Invalid request");
    let gig = GatewayTokens::new(keys("gateway")).issue("gig").unwrap();
    answer(ask("/api/v1/order/JO1", Some(gig)).await.unwrap()).await.must_be(401);
    let order = GatewayTokens::new(keys("gateway")).issue("order").unwrap();
    answer(ask("/api/v1/order/JO1", Some(order)).await.unwrap()).await.must_be(401);
    let health = answer(ask("/order-health", None).await.unwrap()).await.must_be(200);
    assert_eq!(health, json!("Order service is healthy and OK."));
}

#[test]
fn the_api_document_has_every_route() {
    let document = serde_json::to_value(World::empty().service.openapi().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(methods, 13);
}
