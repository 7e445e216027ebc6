//! Who hears what.

use jobapp_kernel::{Delivery, Message, MessageId, Outcome, Timestamp};
use jobapp_realtime::Realtime;
use jobapp_wire::messages::Realtime as Event;
use jobapp_wire::queues::GATEWAY_REALTIME;
use serde_json::json;

use crate::agent::{Agent, Client, Opening};
use crate::world::{Gateway, Shared, config, message};

#[tokio::test]
async fn both_users_hear_once_on_every_connection_and_nobody_else_does() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let url = gateway.url();
    let mut hears: Vec<Client> = Vec::new();
    for tab in ["tab 1", "tab 2", "tab 3"] {
        hears.push(agent.joined(tab, &url, Opening::as_user("Anna")).await);
    }
    hears.push(agent.joined("polling", &url, Opening::as_user("Bert").polling()).await);
    let mut upgrading = agent.joined("upgrading", &url, Opening::as_user("Bert").upgrading()).await;
    upgrading.upgraded().await;
    hears.push(upgrading);
    let mut outsider = agent.joined("outsider", &url, Opening::as_user("Cora")).await;
    let mut anonymous = agent.joined("anonymous", &url, Opening::default()).await;

    gateway.message("m1", "Anna", "Bert").await;
    gateway.message("m2", "Anna", "Bert").await;

    for client in &mut hears {
        assert_eq!(client.news().await, [json!("message received"), message("m1", "Anna", "Bert")], "{}", client.id);
        assert_eq!(client.news().await, [json!("message received"), message("m2", "Anna", "Bert")], "{}", client.id);
        assert_eq!(client.ask().await.1.len(), 0, "{} heard something twice", client.id);
    }
    let heard = outsider.ask().await.1;
    assert!(heard.is_empty(), "{heard:?}");
    let heard = anonymous.until_pinged_twice().await;
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test]
async fn an_order_notification_has_two_arguments_in_order() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    let event = Event {
        event: "order notification".into(),
        arguments: vec![json!({"orderId": "JO1"}), json!({"userTo": "Anna"})],
        receivers: vec!["Anna".into(), "Anna".into()],
    };
    gateway.realtime.deliver("n1", &event).await.unwrap();
    assert_eq!(anna.news().await, [json!("order notification"), json!({"orderId": "JO1"}), json!({"userTo": "Anna"})]);
    assert!(anna.ask().await.1.is_empty(), "a receiver named twice hears once");
}

#[tokio::test]
async fn an_event_without_content_is_not_sent() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    let event = Event { event: "message updated".into(), arguments: vec![json!(null)], receivers: vec!["Anna".into()] };
    gateway.realtime.deliver("u1", &event).await.unwrap();
    assert!(anna.ask().await.1.is_empty());
}

#[tokio::test]
async fn an_event_reaches_users_at_every_gateway() {
    let shared = Shared::default();
    let (one, two) = (Gateway::start(&shared, config("one")).await, Gateway::start(&shared, config("two")).await);
    let agent = Agent::start().await;
    let mut anna = agent.joined("anna", &one.url(), Opening::as_user("Anna")).await;
    let mut bert = agent.joined("bert", &two.url(), Opening::as_user("Bert")).await;
    one.message("m1", "Anna", "Bert").await;
    for client in [&mut anna, &mut bert] {
        assert_eq!(client.news().await[1]["_id"], "m1");
        assert!(client.ask().await.1.is_empty());
    }
}

fn delivery(body: &str) -> Delivery {
    let message = Message {
        id: Some(MessageId("e1#0".into())),
        kind: "message received".into(),
        exchange: GATEWAY_REALTIME.exchange.name.into(),
        routing_key: String::new(),
        timestamp: Timestamp::from_millis(0).unwrap(),
        headers: Default::default(),
        body: body.into(),
    };
    Delivery { message, queue: GATEWAY_REALTIME.name, attempt: 0, redelivered: false }
}

#[tokio::test]
async fn a_message_delivered_again_is_not_heard_again() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut anna = agent.joined("anna", &gateway.url(), Opening::as_user("Anna")).await;
    let (subscription, handler) = gateway.realtime.consumer();
    assert_eq!(Realtime::queues(), [subscription.queue]);
    let body = json!({"event": "message received", "arguments": [{"_id": "m1"}], "receivers": ["Anna"]}).to_string();
    for _ in 0..3 {
        assert_eq!(handler.handle(&delivery(&body)).await, Outcome::Done);
    }
    assert_eq!(anna.news().await[1]["_id"], "m1");
    assert!(anna.ask().await.1.is_empty());
    for private in ["nonsense", r#"{"event": "e", "receivers": "nonsense"}"#] {
        let outcome = handler.handle(&delivery(private)).await;
        let Outcome::Dead { reason } = &outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("column") && !reason.contains("nonsense"), "{reason}");
    }
}

#[tokio::test]
async fn large_events_arrive_whole() {
    let (gateway, agent) = (Gateway::alone().await, Agent::start().await);
    let mut clients = vec![
        agent.joined("websocket", &gateway.url(), Opening::as_user("Anna")).await,
        agent.joined("polling", &gateway.url(), Opening::as_user("Anna").polling()).await,
    ];
    let bodies: Vec<_> = [124, 126, 65_000, 66_000, 900_000].map(|length| "ä".repeat(length / 2)).into();
    for (number, body) in bodies.iter().enumerate() {
        let arguments = vec![json!({"_id": number, "body": body})];
        let event = Event { event: "message received".into(), arguments, receivers: vec!["Anna".into()] };
        gateway.realtime.deliver(&format!("m{number}"), &event).await.unwrap();
    }
    for client in &mut clients {
        for body in &bodies {
            assert!(client.news().await[1]["body"] == **body, "{}", client.id);
        }
    }
}
