//! From work to reviews.

use super::*;

const FILE: &str = "data:application/zip;base64,UEsDBAoAAAAAAA==";

fn review(kind: &str, reviewer: &str, rating: i64) -> Value {
    json!({"type": kind, "gigId": GIG, "reviewerId": reviewer, "sellerId": SELLER, "orderId": "JO1",
        "review": "Quick and tidy.", "rating": rating,
        "createdAt": "Tue Nov 24 2026 10:20:00 GMT+0000 (Coordinated Universal Time)"})
}

async fn completed(world: &World) {
    world.started().await;
    world.put("Iria", "/deliver-order/JO1", json!({"message": "done"})).await.must_be(200);
    world.put("Marta", "/approve-order/JO1", json!({})).await.must_be(200);
}

#[tokio::test(start_paused = true)]
async fn work_is_delivered_with_its_file_and_again() {
    let world = World::new().await;
    world.started().await;
    let body = json!({"message": "first", "file": FILE, "fileType": "zip", "fileSize": 1234, "fileName": "logo.zip"});
    let answer = world.put("Iria", "/deliver-order/JO1", body).await.must_be(200);
    assert_eq!(answer["message"], "Order delivered successfully.");
    let order = &answer["order"];
    assert_eq!((&order["status"], &order["delivered"]), (&json!("Delivered"), &json!(true)));
    assert_eq!(order["events"]["orderDelivered"], "2026-11-24T10:00:00.000Z");
    let work = &order["deliveredWork"][0];
    assert_eq!(world.media.get(work["file"].as_str().unwrap()).unwrap(), b"PK\x03\x04\n\0\0\0\0\0");
    assert_eq!((&work["fileSize"], &work["fileName"]), (&json!("1234"), &json!("logo.zip")));
    let again = world.put("Iria", "/deliver-order/JO1", json!({"message": "second"})).await.must_be(200);
    assert_eq!(again["order"]["deliveredWork"].as_array().unwrap().len(), 2);
    assert!(again["order"]["deliveredWork"][1].get("file").is_none());
    assert_eq!((world.told("orderDelivered").len(), world.told("order-delivered").len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_delivered_file_has_an_address_for_the_two_and_is_told_to_services_without_one() {
    let world = World::new().await;
    world.started().await;
    let body = json!({"file": FILE, "fileType": "z\u{202E}ip", "fileSize": "1\u{200B} KB", "fileName": "../logo\u{202E}piz.exe"});
    let delivered = world.put("Iria", "/deliver-order/JO1", body).await.must_be(200);
    let shown = world.get("Marta", "/JO1").await.must_be(200);
    let listed = world.get("Marta", &format!("/buyer/{BUYER}")).await.must_be(200);
    let approved = world.put("Marta", "/approve-order/JO1", json!({})).await.must_be(200);
    let live = world.told("order notification");
    let orders = [
        &delivered["order"],
        &shown["order"],
        &listed["orders"][0],
        &approved["order"],
        &live[live.len() - 1]["arguments"][0],
    ];
    for order in orders {
        let work = &order["deliveredWork"][0];
        assert!(world.media.get(work["file"].as_str().unwrap()).is_some(), "{work}");
        assert_eq!(
            (&work["fileName"], &work["fileType"], &work["fileSize"]),
            (&json!("logopiz.exe"), &json!("zip"), &json!("1 KB"))
        );
    }
    for told in world.told("order-delivered") {
        let file = told["order"]["deliveredWork"][0]["file"].as_str().unwrap();
        assert!(!file.contains("://") && world.media.get(file).is_none(), "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_too_many_is_400_and_keeps_no_file() {
    let world = World::new().await;
    world.started().await;
    for _ in 0..50 {
        world.put("Iria", "/deliver-order/JO1", json!({"message": "again"})).await.must_be(200);
    }
    let text = "This order cannot be delivered more than 50 times.";
    world.put("Iria", "/deliver-order/JO1", json!({"file": FILE})).await.says(400, text);
    assert_eq!((world.told("orderDelivered").len(), world.media.len()), (50, 0));
    world.put("Marta", "/approve-order/JO1", json!({})).await.must_be(200);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_with_an_idempotency_key_is_one_delivery_and_one_file() {
    let world = World::new().await;
    world.started().await;
    let body = json!({"message": "first", "file": FILE});
    for _ in 0..2 {
        let answer = world.ask("Iria", "PUT", "/deliver-order/JO1", &body, Some("k")).await.must_be(200);
        assert_eq!(answer["order"]["deliveredWork"].as_array().unwrap().len(), 1);
    }
    assert_eq!(world.media.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_file_is_kept_once_and_only_with_its_delivery() {
    let world = World::new().await;
    world.started().await;
    let file = format!("data:application/zip;base64,UEsDBAoA{}", "QUJD".repeat(50_000));
    let body = json!({"message": "first", "file": file, "fileName": "logo.zip"});
    world.ask("Marta", "PUT", "/deliver-order/JO1", &body, None).await.must_be(403);
    world.ask("Otto", "PUT", "/deliver-order/JO1", &body, None).await.must_be(404);
    let wrong = json!({"message": 1, "file": file});
    world.put("Iria", "/deliver-order/JO1", wrong).await.says(400, "\"message\" must be a string");
    world.put("Iria", "/deliver-order/JO1", json!({"file": format!("{file}!")})).await.must_be(400);
    assert!(world.media.is_empty());
    for _ in 0..2 {
        let answer = world.ask("Iria", "PUT", "/deliver-order/JO1", &body, Some("k")).await.must_be(200);
        let work = &answer["order"]["deliveredWork"];
        assert_eq!(work.as_array().unwrap().len(), 1);
        let url = work[0]["file"].as_str().unwrap();
        assert!(url.ends_with(".zip"), "{url}");
        assert_eq!(world.media.get(url).unwrap(), [&b"PK\x03\x04\n\0"[..], &b"ABC".repeat(50_000)].concat());
    }
    assert_eq!(world.media.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_stored_deliver_nothing() {
    let world = World::new().await;
    world.started().await;
    let error = world.put("Iria", "/deliver-order/JO1", json!({"file": "no data url"})).await.must_be(400);
    assert_eq!(error["message"], "File upload error. Try again");
    assert_eq!(error["comingFrom"], "Update deliverOrder() method");
    world.put("Iria", "/deliver-order/JO1", json!({"file": 7})).await.says(400, "\"file\" must be a string");
    world.media.set_away(true);
    world.put("Iria", "/deliver-order/JO1", json!({"file": FILE})).await.must_be(503);
    assert_eq!(world.get("Iria", "/JO1").await.must_be(200)["order"]["deliveredWork"], json!([]));
    // Nothing is kept for who may not deliver.
    world.media.set_away(false);
    world
        .put("Marta", "/deliver-order/JO1", json!({"file": FILE}))
        .await
        .says(403, "The buyer cannot deliver this order.");
    world.put("Otto", "/deliver-order/JO1", json!({"file": FILE})).await.says(404, "Order not found.");
    assert!(world.media.is_empty());
}

#[tokio::test(start_paused = true)]
async fn approving_pays_the_sellers_share_once_whatever_the_body_says() {
    let mut world = World::new().await;
    world.deliveries = 2;
    world.started().await;
    let body = json!({"sellerId": SELLER, "buyerId": BUYER, "ongoingJobs": -1, "completedJobs": 99,
        "totalEarnings": 1_000_000, "purchasedGigs": "other"});
    world
        .put("Marta", "/approve-order/JO1", body.clone())
        .await
        .says(409, "This order is in progress: it cannot be approved.");
    world.put("Iria", "/deliver-order/JO1", json!({"message": "done"})).await.must_be(200);
    world.put("Iria", "/approve-order/JO1", body.clone()).await.says(403, "The seller cannot approve this order.");
    world.later(1);
    for _ in 0..2 {
        let answer = world.put("Marta", "/approve-order/JO1", body.clone()).await.must_be(200);
        assert_eq!(answer["message"], "Order approved successfully.");
        assert_eq!((&answer["order"]["status"], &answer["order"]["approved"]), (&json!("Completed"), &json!(true)));
        assert_eq!(answer["order"]["approvedAt"], "2026-11-24T11:00:00.000Z");
    }
    let told = world.told("approve-order");
    assert_eq!(told.len(), 1);
    let expected = json!({"type": "approve-order", "sellerId": SELLER, "buyerId": BUYER, "ongoingJobs": -1,
        "completedJobs": 1, "totalEarnings": 32.0, "orderId": "JO1",
        "recentDelivery": "Tue Nov 24 2026 11:00:00 GMT+0000 (Coordinated Universal Time)"});
    assert_eq!(told[0], expected);
    let bought = json!({"type": "purchased-gigs", "buyerId": BUYER, "purchasedGigs": GIG, "orderId": "JO1"});
    assert_eq!(world.told("purchased-gigs"), [bought]);
    world
        .put("Iria", "/deliver-order/JO1", json!({}))
        .await
        .says(409, "This order is completed: it cannot be delivered.");
}

#[tokio::test(start_paused = true)]
async fn more_time_is_asked_for_and_granted_only_if_it_is_any() {
    let world = World::new().await;
    world.started().await;
    let asked = |new_date: &str, days: i64| json!({"originalDate": "2026-11-27T10:00:00.000Z", "newDate": new_date, "days": days, "reason": "illness"});
    for (body, text) in [
        (asked("1969-12-31T00:00:00.000Z", 2), "The new delivery date must be after the current one."),
        (asked("2026-11-27T10:00:00.000Z", 2), "The new delivery date must be after the current one."),
        (asked("2026-11-24T09:00:00.000Z", 2), "The new delivery date must be after the current one."),
        (asked("2099-12-31T00:00:00.000Z", 2), "The new delivery date must be within 3650 days."),
        (asked("2026-11-29T10:00:00.000Z", 0), "\"days\" must be greater than 0"),
        (asked("2026-11-29T10:00:00.000Z", -2), "\"days\" must be greater than 0"),
    ] {
        world.put("Iria", "/extension/JO1", body).await.says(400, text);
    }
    world.put("Iria", "/extension/JO1", extension(2)).await.must_be(200);
    world.later(24 * 6);
    let late = "The new delivery date must be in the future.";
    world.put("Marta", "/gig/approve/JO1", extension(2)).await.says(400, late);
    world.put("Iria", "/extension/JO1", asked("2026-11-30T09:00:00.000Z", 3)).await.says(400, late);
    let rejected = world.put("Marta", "/gig/reject/JO1", extension(2)).await.must_be(200);
    assert_eq!(rejected["order"]["offer"]["newDeliveryDate"], "2026-11-27T10:00:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn an_extension_is_asked_for_and_granted_as_it_was_asked() {
    let world = World::new().await;
    world.started().await;
    world.put("Marta", "/extension/JO1", extension(2)).await.must_be(403);
    let asked = world.put("Iria", "/extension/JO1", extension(2)).await.must_be(200);
    assert_eq!(asked["message"], "Order delivery request");
    let request = json!({"originalDate": "2026-11-27T10:00:00.000Z", "days": 2, "reason": "illness",
        "newDate": "Mon Nov 29 2026 11:00:00 GMT+0100 (Central European Standard Time)"});
    assert_eq!(asked["order"]["requestExtension"], request);
    assert_eq!(
        (&asked["order"]["status"], &asked["order"]["state"]),
        (&json!("in progress"), &json!("ExtensionRequested"))
    );
    // The body of the answer cannot change what was asked for.
    let mut answer = extension(3);
    answer["deliveryDateUpdate"] = json!("2026-11-24T10:00:00Z");
    world.put("Iria", "/gig/approve/JO1", answer.clone()).await.must_be(403);
    for _ in 0..2 {
        let granted = world.put("Marta", "/gig/approve/JO1", answer.clone()).await.must_be(200);
        assert_eq!(granted["message"], "Order delivery date extension");
        let offer = &granted["order"]["offer"];
        assert_eq!((&offer["deliveryInDays"], &offer["reason"]), (&json!(2), &json!("illness")));
        assert_eq!(offer["newDeliveryDate"], "2026-11-29T10:00:00.000Z");
        assert_eq!(offer["oldDeliveryDate"], "2026-11-27T10:00:00.000Z");
        assert_eq!(granted["order"]["requestExtension"]["days"], 0);
        assert_eq!(granted["order"]["events"]["deliveryDateUpdate"], "2026-11-24T10:00:00.000Z");
    }
    assert_eq!((world.told("extension-approved").len(), world.told("orderExtensionApproval").len()), (1, 1));
    world.put("Marta", "/gig/reject/JO1", answer).await.must_be(409);
}

#[tokio::test(start_paused = true)]
async fn any_other_answer_rejects_an_extension() {
    for answer in ["reject", "rejected", "no"] {
        let world = World::new().await;
        world.started().await;
        world.put("Iria", "/extension/JO1", extension(2)).await.must_be(200);
        let rejected = world.put("Marta", &format!("/gig/{answer}/JO1"), extension(2)).await.must_be(200);
        assert_eq!(rejected["order"]["requestExtension"]["reason"], "");
        assert_eq!(rejected["order"]["offer"]["newDeliveryDate"], "2026-11-27T10:00:00.000Z");
        assert_eq!(world.told("orderExtensionApproval")[0]["type"], "rejected");
    }
}

#[tokio::test(start_paused = true)]
async fn broken_extensions_are_refused_in_the_wires_words() {
    let world = World::new().await;
    world.started().await;
    for (path, from) in
        [("/extension/JO1", "Update requestExtension() method"), ("/gig/approve/JO1", "Update deliveryDate() method")]
    {
        for (field, value, text) in [
            ("newDate", json!("Invalid Date"), "\"newDate\" must be a valid date"),
            ("days", json!(null), "\"days\" must be a number"),
            ("reason", json!(""), "\"reason\" is not allowed to be empty"),
            ("extra", json!(1), "\"extra\" is not allowed"),
        ] {
            let mut body = extension(2);
            body[field] = value;
            let error = world.put("Iria", path, body).await.must_be(400);
            assert_eq!((&error["message"], &error["comingFrom"]), (&json!(text), &json!(from)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_review_once_and_both_hear_of_it() {
    let mut world = World::new().await;
    world.deliveries = 2;
    completed(&world).await;
    world.tell("order-review-queue", 1, review("buyer-review", BUYER, 5)).await;
    world.tell("order-review-queue", 2, review("buyer-review", BUYER, 1)).await;
    world.tell("order-review-queue", 3, review("seller-review", SELLER, 4)).await;
    let order = world.get("Marta", "/JO1").await.must_be(200)["order"].take();
    let expected = json!({"rating": 5, "review": "Quick and tidy.", "created": "2026-11-24T10:20:00.000Z"});
    assert_eq!(order["buyerReview"], expected);
    assert_eq!((&order["sellerReview"]["rating"], &order["events"]["sellerReview"]), (&json!(4), &expected["created"]));
    let notes = world.get("Iria", "/notification/Iria").await.must_be(200)["notifications"].take();
    assert!(notes.as_array().unwrap().iter().any(|note| note["message"] == "left you a 5 star review"));
    let notes = world.get("Marta", "/notification/Marta").await.must_be(200)["notifications"].take();
    assert!(notes.as_array().unwrap().iter().any(|note| note["message"] == "left you a 4 star review"));
    let last = world.told("order notification").pop().unwrap();
    assert_eq!(last["receivers"], json!(["Marta", "Iria"]));
    assert_eq!(last["arguments"][0]["sellerReview"]["rating"], 4);
}

#[tokio::test(start_paused = true)]
async fn reviews_of_unknown_orders_are_tried_again_and_broken_ones_are_dead() {
    let world = World::new().await;
    let early = world.deliver("order-review-queue", 1, review("buyer-review", BUYER, 5), 0).await;
    assert!(matches!(early, Outcome::Retry { .. }), "{early:?}");
    completed(&world).await;
    let foreign = world.deliver("order-review-queue", 1, review("buyer-review", OTHER_BUYER, 5), 0).await;
    assert!(matches!(foreign, Outcome::Retry { .. }), "{foreign:?}");
    for dead in [review("buyer-review", BUYER, 99), json!({"type": "buyer-review"})] {
        let outcome = world.deliver("order-review-queue", 1, dead, 0).await;
        assert!(matches!(outcome, Outcome::Dead { .. }), "{outcome:?}");
    }
    assert_eq!(world.get("Marta", "/JO1").await.must_be(200)["order"]["buyerReview"]["rating"], 0);
}

#[tokio::test(start_paused = true)]
async fn every_step_is_stored_with_its_event() {
    let world = World::new().await;
    let intent = world.pay("Marta", 40.0).await;
    world.ask("Marta", "POST", "", &order("Marta", "JO1", &intent, 40.0), None).await.must_be(201);
    assert_eq!(names(&world.store.events()), ["order-placed", "order-started"]);
}
