//! Many calls about one order at once.

use futures::future::join_all;

use super::*;

const FILE: &str = "data:application/zip;base64,UEsDBAoAAAAAAA==";

impl World {
    /// The same call, many times at once.
    async fn many(&self, count: usize, who: &str, method: &str, path: &str, body: &Value) -> Vec<Answer> {
        let answers = join_all((0..count).map(|_| self.ask(who, method, path, body, None))).await;
        self.settle().await;
        answers
    }
}

#[track_caller]
fn all_are(answers: Vec<Answer>, status: u16) -> Vec<Value> {
    answers.into_iter().map(|answer| answer.must_be(status)).collect()
}

#[tokio::test(start_paused = true)]
async fn extensions_deliveries_and_approvals_at_once_are_all_answered() {
    let world = World::new().await;
    world.started().await;
    all_are(world.many(20, "Iria", "PUT", "/extension/JO1", &extension(2)).await, 200);
    let delivery = json!({"message": "done", "file": FILE, "fileType": "zip", "fileName": "logo.zip"});
    let delivered = all_are(world.many(20, "Iria", "PUT", "/deliver-order/JO1", &delivery).await, 200);
    let most = delivered.iter().map(|answer| answer["order"]["deliveredWork"].as_array().unwrap().len()).max();
    assert_eq!((most, world.media.len()), (Some(20), 20), "none is lost");
    all_are(world.many(20, "Marta", "PUT", "/approve-order/JO1", &json!({})).await, 200);
    assert_eq!(world.told("orderDelivered").len(), 20);
}

#[tokio::test(start_paused = true)]
async fn of_many_answers_to_an_extension_one_counts() {
    let world = World::new().await;
    world.started().await;
    world.put("Iria", "/extension/JO1", extension(2)).await.must_be(200);
    let answers = world.many(20, "Marta", "PUT", "/gig/approve/JO1", &extension(2)).await;
    for Answer(status, body) in answers {
        assert!(matches!(status.as_u16(), 200 | 409), "{body}");
        let text = body["message"].as_str().unwrap();
        assert!(
            !text.contains("meanwhile") && !text.contains(body["order"]["_id"].as_str().unwrap_or("66f0")),
            "{body}"
        );
    }
    let order = world.get("Marta", "/JO1").await.must_be(200);
    assert_eq!(order["order"]["offer"]["newDeliveryDate"], "2026-11-29T10:00:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn cancelling_many_times_at_once_pays_back_once() {
    let world = World::new().await;
    world.started().await;
    let body = json!({"paymentIntentId": "", "orderData": {}});
    for Answer(status, body) in world.many(20, "Iria", "PUT", "/cancel/JO1", &body).await {
        assert!(matches!(status.as_u16(), 200 | 409), "{body}");
        assert!(!body["message"].as_str().unwrap().contains("meanwhile"), "{body}");
    }
    world.settle().await;
    assert_eq!(world.refunds().await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_placed_many_times_at_once_is_placed_once() {
    let world = World::new().await;
    let intent = world.pay("Marta", 40.0).await;
    let body = order("Marta", "JO1", &intent, 40.0);
    let placed = all_are(world.many(50, "Marta", "POST", "", &body).await, 201);
    assert!(placed.iter().all(|answer| answer["order"]["_id"] == placed[0]["order"]["_id"]), "{placed:?}");
    assert_eq!(world.orders(), 1);
}

#[tokio::test(start_paused = true)]
async fn orders_of_a_buyer_at_once_each_get_a_payment_of_their_own() {
    let world = World::new().await;
    let mut bodies = Vec::new();
    for number in 0..12 {
        let intent = world.pay("Marta", 40.0).await;
        bodies.push(order("Marta", &format!("JO{number}"), &intent, 40.0));
    }
    let answers = join_all(bodies.iter().map(|body| world.ask("Marta", "POST", "", body, None))).await;
    all_are(answers, 201);
    assert_eq!(world.orders(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_is_read_many_times_at_once_is_read() {
    let world = World::new().await;
    world.started().await;
    let notes = world.get("Iria", "/notification/Iria").await.must_be(200);
    let body = json!({"notificationId": notes["notifications"][0]["_id"]});
    all_are(world.many(20, "Iria", "PUT", "/notification/mark-as-read", &body).await, 200);
}

#[tokio::test(start_paused = true)]
async fn notices_of_a_payment_at_once_are_all_taken() {
    let world = World::new().await;
    let intent = world.plan("Marta", 40.0).await;
    let confirm = || world.payments.confirm(&intent);
    let again = || world.payments.notify_again(&intent);
    let (confirmed, _) = tokio::join!(join_all((0..10).map(|_| confirm())), join_all((0..20).map(|_| again())));
    assert!(confirmed.into_iter().all(|intent| intent.is_ok()));
    let taken = join_all((0..20).map(|_| world.orders.payment_changed(&intent))).await;
    assert!(taken.into_iter().all(|ours| ours.unwrap()));
    world.settle().await;
    world.place("Marta", "JO1", &intent, 40.0).await.must_be(201);
}
