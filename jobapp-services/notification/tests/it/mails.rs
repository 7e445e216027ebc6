//! Messages in, mails out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jobapp_kernel::{Message, MessageId, Publisher as _, Queue, Subscriber, Timestamp};
use jobapp_mail::{Brand, FileSentRecords, FolderMailer, Templates};
use jobapp_memory::{MemoryBus, MemoryMailer, MemorySentRecords};
use jobapp_notification_service::NotificationService;
use jobapp_notifications::Template;
use jobapp_platform::Service as _;
use jobapp_runtime::{SystemClock, spawn_consumers};
use jobapp_wire::queues;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// A running service; it stops with the test's runtime.
struct Running {
    bus: MemoryBus,
    mailer: Arc<MemoryMailer>,
}

async fn consume(service: &NotificationService) -> MemoryBus {
    let bus = MemoryBus::new().with_longest_retry(Duration::from_millis(1));
    let subscriber: Arc<dyn Subscriber> = Arc::new(bus.clone());
    subscriber.declare(&service.queues()).await.unwrap();
    spawn_consumers(&subscriber, service.consumers(), &CancellationToken::new(), &TaskTracker::new()).await.unwrap();
    bus
}

async fn start() -> Running {
    let mailer = Arc::new(MemoryMailer::default());
    let service = NotificationService::new(mailer.clone(), Arc::new(MemorySentRecords::default()));
    Running { bus: consume(&service).await, mailer }
}

fn message(id: Option<&str>, queue: Queue, body: &Value) -> Message {
    Message {
        id: id.map(|id| MessageId(id.to_owned())),
        kind: "mail".into(),
        exchange: queue.exchange.name.into(),
        routing_key: queue.routing_key.into(),
        timestamp: Timestamp::EPOCH,
        headers: BTreeMap::new(),
        body: body.to_string().into_bytes(),
    }
}

fn a_verify_mail() -> Value {
    json!({ "template": "verifyEmail", "receiverEmail": "marta@example.org",
        "verifyLink": "https://app.example.org/confirm_email?v_token=0a1b" })
}

fn an_order_placed() -> Value {
    json!({ "template": "orderPlaced", "receiverEmail": "iria@example.org", "buyerEmail": "marta@example.org",
        "orderId": "JO52310984761", "orderDue": "2026-12-01T09:00:00.000Z", "amount": "40",
        "buyerUsername": "Marta", "sellerUsername": "Iria", "title": "Logo sketch", "description": "Three drafts",
        "serviceFee": "4.2", "total": "44.2", "orderUrl": "https://app.example.org/orders/JO52310984761/activities" })
}

async fn eventually(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("the condition comes true");
}

fn dead(bus: &MemoryBus, queue: Queue) -> u64 {
    bus.depths()[queue.name].dead
}

#[tokio::test]
async fn a_message_becomes_a_mail() {
    let Running { bus, mailer } = start().await;
    bus.publish_one(&message(Some("a"), queues::AUTH_EMAIL, &a_verify_mail())).await.unwrap();
    eventually(|| bus.is_idle()).await;
    let sent = mailer.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].mail.to, "marta@example.org");
}

#[tokio::test]
async fn a_placed_order_mails_both_sides_once_however_often_it_is_published() {
    let Running { bus, mailer } = start().await;
    for _ in 0..2 {
        bus.publish_one(&message(Some("a"), queues::ORDER_EMAIL, &an_order_placed())).await.unwrap();
        eventually(|| bus.is_idle()).await;
    }
    let sent: Vec<_> = mailer.sent().into_iter().map(|sent| (sent.mail.template, sent.mail.to)).collect();
    let expected = [
        (Template::OrderPlaced, "iria@example.org".to_owned()),
        (Template::OrderReceipt, "marta@example.org".to_owned()),
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn mails_wait_until_the_mailer_is_back() {
    let Running { bus, mailer } = start().await;
    mailer.go_away();
    bus.publish_one(&message(Some("a"), queues::AUTH_EMAIL, &a_verify_mail())).await.unwrap();
    eventually(|| mailer.attempts() > 1).await;
    assert!(mailer.sent().is_empty());
    mailer.come_back();
    eventually(|| bus.is_idle()).await;
    assert_eq!(mailer.sent().len(), 1);
    assert_eq!(dead(&bus, queues::AUTH_EMAIL), 0);
}

#[tokio::test]
async fn a_message_nobody_can_be_mailed_is_dead_and_says_why() {
    let Running { bus, mailer } = start().await;
    let mut without_receiver = an_order_placed();
    without_receiver.as_object_mut().unwrap().remove("receiverEmail");
    without_receiver.as_object_mut().unwrap().remove("buyerEmail");
    let mut unknown = a_verify_mail();
    unknown["template"] = json!("newsletter");
    let answers = bus
        .publish(&[
            message(Some("a"), queues::ORDER_EMAIL, &without_receiver),
            message(Some("b"), queues::AUTH_EMAIL, &unknown),
            message(Some("c"), queues::AUTH_EMAIL, &json!("no object")),
        ])
        .await;
    assert!(answers.iter().all(Result::is_ok));
    eventually(|| bus.is_idle()).await;
    assert_eq!(dead(&bus, queues::ORDER_EMAIL), 1);
    assert_eq!(dead(&bus, queues::AUTH_EMAIL), 2);
    assert!(mailer.sent().is_empty());
}

#[tokio::test]
async fn equal_messages_of_a_producer_without_ids_are_two_mails() {
    let Running { bus, mailer } = start().await;
    for _ in 0..2 {
        bus.publish_one(&message(None, queues::AUTH_EMAIL, &a_verify_mail())).await.unwrap();
    }
    eventually(|| bus.is_idle()).await;
    assert_eq!(mailer.sent().len(), 2);
    // What is remembered of them holds no link.
    assert!(mailer.sent().iter().all(|sent| !sent.id.message.contains("v_token")));
}

#[tokio::test]
async fn a_code_arrives_in_the_mailbox_of_the_one_binary() {
    let folder = tempfile::tempdir().unwrap();
    let brand = Brand { name: "JobApp".into(), link: "https://app.example.org".into() };
    let sender = "JobApp <no-reply@jobapp.example>".parse().unwrap();
    let mailer = FolderMailer::open(folder.path().join("mails"), Arc::new(Templates::new(brand)), sender).unwrap();
    let records = FileSentRecords::open(folder.path().join("sent"), Arc::new(SystemClock)).unwrap();
    let mailbox = mailer.mailbox();
    let bus = consume(&NotificationService::new(Arc::new(mailer), Arc::new(records))).await;

    let body =
        json!({ "template": "otpEmail", "receiverEmail": "marta@example.org", "username": "Marta", "otp": "408152" });
    bus.publish_one(&message(Some("a"), queues::AUTH_EMAIL, &body)).await.unwrap();
    eventually(|| bus.is_idle()).await;
    let mails = mailbox.list(Some("marta@example.org"), None, 10).await.unwrap().mails;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].code.as_deref(), Some("408152"));
}

#[tokio::test]
async fn it_says_that_it_is_healthy() {
    let service = NotificationService::new(Arc::new(MemoryMailer::default()), Arc::new(MemorySentRecords::default()));
    let request = Request::get("/notification-health").body(Body::empty()).unwrap();
    let response = service.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "Notification service is healthy and OK.");
}
