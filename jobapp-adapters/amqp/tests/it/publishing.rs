//! What the broker says of one message is never taken for another's.

use std::sync::atomic::{AtomicBool, Ordering};

use jobapp_contracts::bus::in_time;
use jobapp_kernel::{Message, PublishError, Publisher, error_text};
use parking_lot::Mutex;

use crate::broker::{Broker, Say, message};

fn is_unroutable(answer: &Result<(), PublishError>) -> bool {
    matches!(answer, Err(PublishError::Unroutable { .. }))
}

fn is_unknown(answer: &Result<(), PublishError>) -> bool {
    matches!(answer, Err(PublishError::Unavailable(_)))
}

/// One confirmation for several messages: the client walks them in any order, and gives the first of them what came back.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_came_back_is_known_by_itself() {
    let batch: Vec<Message> = (0..8).map(|number| message(&number.to_string())).collect();
    for unroutable in 0..8 {
        let broker = Broker::start(
            move |published| {
                let mut says = Vec::new();
                if published.text() == unroutable.to_string() {
                    says.push(Say::Return(published.clone()));
                }
                if published.tag.is_multiple_of(8) {
                    says.push(Say::Ack { tag: published.tag, multiple: true });
                }
                says
            },
            |_| Vec::new(),
        )
        .await;
        let bus = broker.bus().await;
        for _ in 0..3 {
            let answers = in_time("the answers", bus.publish(&batch)).await;
            for (number, answer) in answers.iter().enumerate() {
                assert_eq!(is_unroutable(answer), number == unroutable, "{number} of {answers:?}");
                assert_eq!(answer.is_ok(), number != unroutable, "{number} of {answers:?}");
            }
        }
    }
}

/// Foreign producers send no ids.
#[tokio::test(flavor = "multi_thread")]
async fn messages_without_ids_are_known_by_what_they_say() {
    let broker = Broker::start(
        |published| {
            let returned = (published.text() == "unroutable").then(|| Say::Return(published.clone()));
            let acked = published.tag.is_multiple_of(4).then_some(Say::Ack { tag: published.tag, multiple: true });
            returned.into_iter().chain(acked).collect()
        },
        |_| Vec::new(),
    )
    .await;
    let bus = broker.bus().await;
    let batch = ["0", "unroutable", "2", "unroutable"].map(|body| Message { id: None, ..message(body) });
    let answers = in_time("the answers", bus.publish(&batch)).await;
    assert_eq!(answers.iter().map(is_unroutable).collect::<Vec<_>>(), [false, true, false, true], "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_at_the_same_time_each_get_their_own_answer() {
    let broker = Broker::start(
        |published| match published.text().starts_with("bad") {
            true => vec![Say::Nack { tag: published.tag }],
            false => vec![Say::Ack { tag: published.tag, multiple: false }],
        },
        |_| Vec::new(),
    )
    .await;
    let bus = broker.bus().await;
    let callers = (0..8).map(|caller| {
        let bus = bus.clone();
        tokio::spawn(async move {
            for call in 0..250 {
                let is_bad = (caller + call) % 2 == 0;
                let body = format!("{} {caller} {call}", if is_bad { "bad" } else { "good" });
                let answer = bus.publish_one(&message(&body)).await;
                assert_eq!(is_unknown(&answer), is_bad, "{body}: {answer:?}");
            }
        })
    });
    for caller in in_time("all callers", futures::future::join_all(callers)).await {
        caller.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_never_confirmed_holds_up_no_other_and_is_confirmed_for_no_other() {
    let kept: std::sync::Arc<Mutex<Vec<u64>>> = std::sync::Arc::default();
    let of_broker = kept.clone();
    let broker = Broker::start(
        move |published| {
            if published.text() == "lost" {
                of_broker.lock().push(published.tag);
                return Vec::new();
            }
            vec![Say::Ack { tag: published.tag, multiple: false }]
        },
        |_| Vec::new(),
    )
    .await;
    let bus = broker.bus().await;
    let answers = in_time("the answers", bus.publish(&["0", "lost", "2"].map(message))).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{answers:?}");
    assert!(is_unknown(&answers[1]));
    assert_eq!(*kept.lock(), [2]);
    // The next ones have a channel of their own, where the numbers begin anew.
    let answers = in_time("the answers", bus.publish(&["3", "4"].map(message))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(broker.connections(), 2, "the connection is fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_belongs_to_nobody_is_believed_for_nobody() {
    let broker = Broker::start(
        |published| {
            let mut other = published.clone();
            other.routing_key = "another".to_owned();
            vec![Say::Return(other), Say::Ack { tag: published.tag, multiple: false }]
        },
        |_| Vec::new(),
    )
    .await;
    let bus = broker.bus().await;
    let answer = in_time("the answer", bus.publish_one(&message("0"))).await;
    assert!(is_unknown(&answer), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_the_broker_closes_is_made_anew() {
    let closes = AtomicBool::new(true);
    let broker = Broker::start(
        move |published| match closes.swap(false, Ordering::SeqCst) {
            true => vec![Say::CloseChannel(406, "PRECONDITION_FAILED - as it likes")],
            false => vec![Say::Ack { tag: published.tag, multiple: false }],
        },
        |_| Vec::new(),
    )
    .await;
    let bus = broker.bus().await;
    let answer = in_time("the answer", bus.publish_one(&message("0"))).await.unwrap_err();
    assert!(error_text(&answer).contains("as it likes"), "{}", error_text(&answer));
    in_time("the answer", bus.publish_one(&message("1"))).await.unwrap();
    assert_eq!(broker.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_with_an_alarm_is_told_of_and_holds_nobody_up() {
    let broker = Broker::confirming().await;
    let bus = broker.bus().await;
    in_time("the answer", bus.publish_one(&message("0"))).await.unwrap();
    broker.say_to_all(Say::Block).await;
    in_time("the alarm to be seen", until(|| bus.trouble().is_some_and(|why| why.contains("low on memory")))).await;
    // Each connection hears of it by itself, and the one that consumes may be first.
    let refused = async {
        loop {
            let begun = std::time::Instant::now();
            let answer = bus.publish_one(&message("1")).await;
            if answer.is_err() {
                return (answer, begun.elapsed());
            }
        }
    };
    let (answer, took) = in_time("the answer", refused).await;
    assert!(is_unknown(&answer), "{answer:?}");
    assert!(took < std::time::Duration::from_secs(2), "it is known at once");
    broker.say_to_all(Say::Unblock).await;
    in_time("the alarm to be over", until(|| bus.trouble().is_none())).await;
    in_time("the answer", bus.publish_one(&message("2"))).await.unwrap();
    assert_eq!(broker.connections(), 2, "nobody was disconnected");
}

async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
