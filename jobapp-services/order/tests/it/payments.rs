//! Payments: on their way, twice, late, lost, without an order.

use jobapp_kernel::RepositoryError;
use jobapp_orders::{Payment, PaymentProvider, PaymentStatus};

use super::*;

async fn payment(world: &World, intent: &str) -> Payment {
    let found = world.store.repository::<Payment>().find_by(Payment::INTENT, intent.into()).await;
    found.unwrap().unwrap().value
}

#[tokio::test(start_paused = true)]
async fn an_order_on_a_processing_payment_starts_when_the_notice_says_paid() {
    let world = World::new().await;
    let intent = world.plan("Marta", 40.0).await;
    world.payments.process(&intent).await.unwrap();
    let order = world.place("Marta", "JO1", &intent, 40.0).await.must_be(201)["order"].take();
    assert_eq!(order["state"], "AwaitingPayment");
    // The double click does not care.
    assert_eq!(world.place("Marta", "JO2", &intent, 40.0).await.must_be(201)["order"]["_id"], order["_id"]);
    world.payments.confirm(&intent).await.unwrap();
    world.payments.notify_again(&intent).await;
    world.settle().await;
    world.payments.notify_again(&intent).await;
    world.settle().await;
    assert_eq!(world.get("Marta", "/JO2").await.must_be(200)["order"]["state"], "InProgress");
    assert_eq!(world.told("create-order").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_payment_failed_for_good_is_cancelled_without_a_refund() {
    let world = World::new().await;
    let intent = world.plan("Marta", 40.0).await;
    world.payments.process(&intent).await.unwrap();
    world.place("Marta", "JO1", &intent, 40.0).await.must_be(201);
    world.payments.decline(&intent).await.unwrap();
    world.settle().await;
    assert_eq!(world.get("Marta", "/JO1").await.must_be(200)["order"]["state"], "AwaitingPayment");
    world.payments.cancel(&intent).await.unwrap();
    world.settle().await;
    assert_eq!(world.get("Marta", "/JO1").await.must_be(200)["order"]["state"], "Cancelled");
    assert_eq!(world.refunds().await, 0);
    assert!(payment(&world, &intent).await.refund().unwrap().settled_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_order_that_was_cancelled_is_refunded_when_the_money_arrives() {
    let world = World::new().await;
    let intent = world.plan("Marta", 40.0).await;
    world.payments.process(&intent).await.unwrap();
    world.place("Marta", "JO1", &intent, 40.0).await.must_be(201);
    world.put("Marta", "/cancel/JO1", json!({})).await.must_be(200);
    assert_eq!(world.refunds().await, 0);
    world.payments.confirm(&intent).await.unwrap();
    world.settle().await;
    assert_eq!(world.refunds().await, 1);
    assert_eq!(world.told("order-refunded").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_any_notice_the_sweep_finds_out() {
    let mut world = World::new().await;
    let intent = world.plan("Marta", 40.0).await;
    world.payments.process(&intent).await.unwrap();
    world.place("Marta", "JO1", &intent, 40.0).await.must_be(201);
    // A provider that has lost its way to us: the same payments, no webhook.
    let silent = FakePayments::new(world.store.repository(), Arc::clone(&world.clock) as Arc<dyn Clock>);
    silent.confirm(&intent).await.unwrap();
    world.settle().await;
    assert_eq!(world.get("Marta", "/JO1").await.must_be(200)["order"]["state"], "AwaitingPayment");
    assert_eq!(world.service.sweep().await.unwrap().started, 1);
    world.deliveries = 2;
    world.settle().await;
    assert_eq!(world.told("create-order").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_payment_without_an_order_goes_back_after_a_day() {
    let world = World::new().await;
    let lonely = world.pay("Marta", 40.0).await;
    let unpaid = world.plan("Marta", 40.0).await;
    world.later(23);
    world.service.sweep().await.unwrap();
    world.settle().await;
    assert_eq!(world.refunds().await, 0);
    world.later(2);
    for _ in 0..3 {
        world.service.sweep().await.unwrap();
        world.settle().await;
        world.later(1);
    }
    assert_eq!(world.refunds().await, 1);
    assert!(payment(&world, &lonely).await.refund().is_some());
    assert_eq!(payment(&world, &unpaid).await.status(), PaymentStatus::Cancelled);
    world.place("Marta", "JO1", &lonely, 40.0).await.says(409, "The payment for this order was refunded.");
}

#[tokio::test(start_paused = true)]
async fn a_payment_with_an_order_stays() {
    let world = World::new().await;
    let order = world.started().await;
    world.later(100);
    let swept = world.service.sweep().await.unwrap();
    assert_eq!((swept.unclaimed, swept.failed), (0, 0));
    let intent = order["paymentIntent"].as_str().unwrap();
    assert!(payment(&world, intent).await.claimed_by().unwrap().confirmed);
    assert_eq!(world.service.sweep().await.unwrap(), jobapp_orders::Swept::default());
    assert_eq!(world.refunds().await, 0);
}

#[tokio::test(start_paused = true)]
async fn while_the_provider_is_away_only_paying_fails() {
    let world = World::new().await;
    world.started().await;
    let intent = world.pay("Otto", 40.0).await;
    let unknown = world.plan("Marta", 40.0).await;
    world.payments.set_away(true);
    world.post("Marta", "/create-payment-intent", &json!({"price": 40})).await.must_be(503);
    world.place("Marta", "JO2", &unknown, 40.0).await.must_be(503);
    // What is known to be paid needs no question.
    world.place("Otto", "JO3", &intent, 40.0).await.must_be(201);
    world.get("Marta", "/JO1").await.must_be(200);
    world.put("Iria", "/deliver-order/JO1", json!({"message": "done"})).await.must_be(200);
}

#[tokio::test(start_paused = true)]
async fn notices_that_are_not_signed_are_refused() {
    let world = World::new().await;
    let intent = world.plan("Marta", 40.0).await;
    let payload = json!({"id": "evt_1", "type": "payment_intent.succeeded", "intent": intent}).to_string();
    for signature in ["", "t=0,v1=00", "nonsense"] {
        assert!(world.service.receive(payload.as_bytes(), signature).await.is_err());
    }
    assert_eq!(payment(&world, &intent).await.status(), PaymentStatus::Open);
}

#[tokio::test(start_paused = true)]
async fn one_intent_is_one_payment() {
    let world = World::new().await;
    let intent = world.plan("Marta", 40.0).await;
    let second = Payment::new(
        jobapp_kernel::ObjectId::from_bytes([9; 12]).into(),
        intent,
        "Otto".into(),
        jobapp_kernel::Money::from_cents(1),
        world.now(),
    );
    let saved = world.store.repository::<Payment>().save(jobapp_kernel::Change::insert(second, Vec::new())).await;
    assert!(matches!(saved, Err(RepositoryError::Taken { key: "intent", .. })));
}

#[tokio::test(start_paused = true)]
async fn payments_the_provider_has_lost_keep_no_other_from_going_back() {
    let world = World::new().await;
    let payments = world.store.repository::<Payment>();
    for number in 0..250_u32 {
        let mut id = [0xAA; 12];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let id = jobapp_orders::PaymentId(jobapp_kernel::ObjectId::from_bytes(id));
        let price = jobapp_kernel::Money::from_cents(1);
        let lost = Payment::new(id, format!("pi_lost_{number}"), "Otto".to_owned(), price, world.now());
        let change = jobapp_kernel::Change::insert(lost, Vec::new());
        assert!(payments.save(change).await.unwrap().version().is_some());
    }
    let processing = world.plan("Otto", 50.0).await;
    world.payments.process(&processing).await.unwrap();
    world.later(1);
    let lonely = world.pay("Marta", 40.0).await;
    world.later(25);
    let swept = world.service.sweep().await.unwrap();
    assert_eq!((swept.expired, swept.unclaimed, swept.failed), (250, 1, 0));
    world.settle().await;
    assert!(payment(&world, &lonely).await.refund().unwrap().settled_at.is_some());
    assert_eq!(payment(&world, "pi_lost_0").await.status(), PaymentStatus::Cancelled);
    assert_eq!(payment(&world, &processing).await.status(), PaymentStatus::Processing);
    assert_eq!(world.service.sweep().await.unwrap(), jobapp_orders::Swept::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_orders_racing_for_one_offer_the_loser_is_refunded_at_once() {
    for _ in 0..20 {
        let world = Arc::new(World::new().await);
        world.offer("66f0c0ffee00000000007001", 75.0, 1, true, false).await;
        let (first, second) = (world.pay("Marta", 75.0).await, world.pay("Marta", 75.0).await);
        let mut tasks = Vec::new();
        for (number, intent) in [("JO1", first), ("JO2", second)] {
            let (world, body) = (Arc::clone(&world), order("Marta", number, &intent, 75.0));
            tasks.push(tokio::spawn(async move { world.ask("Marta", "POST", "", &body, None).await }));
        }
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap().0.as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        world.settle().await;
        assert_eq!((world.orders(), world.refunds().await), (1, 1));
    }
}
