//! What a collector is told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle};
use jobapp_kernel::{
    Change, Clock, Delivery, Exchange, ExchangeKind, Handler, Message, MessageId, Outcome, Queue, Subscription,
    Timestamp,
};
use jobapp_memory::{MemoryBus, MemoryMailer, MemoryStore};
use jobapp_notifications::{Mail, MailId, Template};
use jobapp_telemetry::{Call, Sampling, Serving, Telling, Traces, TracesConfig, child, trace_id, traceparent};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tower::{Layer, ServiceExt};

use crate::collector::{Collector, Told};
use crate::{Now, config, started};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Ends what is told, without keeping the runtime from what is still to be sent.
async fn ended(telling: Telling) {
    tokio::task::spawn_blocking(move || drop(telling)).await.unwrap();
}

fn asked(path: &str, parent: Option<&str>) -> Request {
    let request = Request::get(path).header("x-request-id", "request-1");
    let request = parent.into_iter().fold(request, |request, parent| request.header("traceparent", parent));
    request.body(Body::empty()).unwrap()
}

/// What a service answers that tells the `traceparent` it goes on with.
async fn answered(traces: &Traces, request: Request) -> String {
    let routes = axum::Router::new()
        .route("/cups/{cup}", get(async || traceparent().unwrap_or_default()))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .layer(traces.serving("kitchen"));
    let answer = routes.oneshot(request).await.unwrap();
    String::from_utf8(axum::body::to_bytes(answer.into_body(), 1024).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_request_goes_on_with_the_trace_it_came_with_and_is_told_by_its_route() {
    let collector = Collector::start().await;
    let secret = [(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer hush"))];
    let about = vec![("deployment.environment.name".to_owned(), "test".to_owned())];
    let (traces, telling) = started(TracesConfig { headers: secret.to_vec(), about, ..config(&collector.base()) });
    let within = answered(&traces, asked("/cups/secret?token=secret", Some(PARENT))).await;
    let mut odd = asked("/broken", None);
    odd.headers_mut().insert("x-request-id", HeaderValue::from_static("marta@example.org"));
    answered(&traces, odd).await;
    ended(telling).await;
    let spans = collector.spans();
    let [cup, broken] = spans.as_slice() else { panic!("{spans:#?}") };
    assert_eq!((cup.name.as_str(), cup.kind), ("GET /cups/{cup}", SpanKind::Server));
    assert_eq!((cup.trace.as_str(), cup.parent.as_str()), (TRACE, "b7ad6b7169203331"));
    assert_eq!(within, format!("00-{TRACE}-{}-01", cup.id));
    let attributes = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/cups/{cup}"),
        ("jobapp.request_id", "request-1"),
        ("jobapp.service", "kitchen"),
    ];
    let attributes: BTreeMap<_, _> = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(cup.attributes, attributes);
    assert!(broken.is_error && broken.parent.is_empty() && broken.trace != TRACE, "{broken:?}");
    assert_eq!((&*broken.attributes["error.type"], broken.attributes.get("jobapp.request_id")), ("500", None));
    assert_eq!(collector.headers()[0]["authorization"], "Bearer hush");
    let resource = collector.resource();
    assert_eq!((&*resource["service.name"], &*resource["deployment.environment.name"]), ("kitchen", "test"));
}

#[tokio::test]
async fn a_malformed_traceparent_is_ignored() {
    let collector = Collector::start().await;
    let (traces, telling) = started(config(&collector.base()));
    for malformed in
        ["", "00-1-2-01", &PARENT.to_uppercase(), "00-00000000000000000000000000000000-b7ad6b7169203331-01"]
    {
        let within = answered(&traces, asked("/cups/1", Some(malformed))).await;
        assert!(within.starts_with("00-") && !within.contains(TRACE), "{malformed}: {within}");
    }
    ended(telling).await;
    assert!(collector.spans().iter().all(|span| span.parent.is_empty()));
    assert_eq!(collector.spans().len(), 4);
}

#[tokio::test]
async fn a_ratio_is_heeded_and_the_decision_of_a_parent_before_it() {
    for (ratio, heeds_parents, parent, count) in [
        (1.0, true, None, 8),
        (0.0, true, None, 0),
        (0.0, true, Some(PARENT), 8),
        (1.0, true, Some(UNSAMPLED), 0),
        (0.0, false, Some(PARENT), 0),
        (1.0, false, Some(UNSAMPLED), 8),
    ] {
        let collector = Collector::start().await;
        let sampling = Sampling { ratio, heeds_parents };
        let (traces, telling) = started(TracesConfig { sampling, ..config(&collector.base()) });
        for _ in 0..8 {
            let within = answered(&traces, asked("/cups/1", parent)).await;
            // The decision goes on, too.
            assert!(within.ends_with(if count == 0 { "-00" } else { "-01" }), "{within}");
        }
        ended(telling).await;
        assert_eq!(collector.spans().len(), count, "{ratio} {heeds_parents} {parent:?}");
    }
}

#[tokio::test]
async fn what_probes_and_waiting_sockets_ask_is_not_told() {
    let collector = Collector::start().await;
    let (traces, telling) = started(config(&collector.base()));
    for path in ["/livez", "/readyz", "/gateway-health", "/socket.io/?EIO=4"] {
        assert_eq!(answered(&traces, asked(path, Some(PARENT))).await, "");
    }
    ended(telling).await;
    assert!(collector.spans().is_empty());
}

#[tokio::test]
async fn where_there_are_no_traces_nothing_is_made_or_wrapped() {
    let traces = Traces::off();
    assert_eq!(answered(&traces, asked("/cups/1", Some(PARENT))).await, "");
    let bus = Arc::new(MemoryBus::new());
    let publisher: Arc<dyn jobapp_kernel::Publisher> = bus.clone();
    assert!(Arc::ptr_eq(&traces.publisher("kitchen", "memory", publisher.clone()), &publisher));
    let mailer: Arc<dyn jobapp_notifications::Mailer> = Arc::new(MemoryMailer::default());
    assert!(Arc::ptr_eq(&traces.mailer(mailer.clone()), &mailer));
    assert!(child(jobapp_telemetry::SpanKind::Client, || unreachable!()).is_none());
    assert!((traceparent(), trace_id(), jobapp_telemetry::headers().len()) == (None, None, 0));
    let mut headers =
        HeaderMap::from_iter([(HeaderName::from_static("traceparent"), HeaderValue::from_static(PARENT))]);
    Call::to("order", &Method::GET).carried_in(&mut headers);
    assert_eq!(headers["traceparent"], PARENT, "what somebody else carries is passed on");
}

/// Serves one request within a trace, and does this in it.
async fn within<F: Future<Output = ()> + Send + 'static>(
    traces: &Traces,
    work: impl FnOnce() -> F + Clone + Send + 'static,
) {
    let inner = tower::service_fn(move |_: Request| {
        let work = work.clone();
        async move {
            work().await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    drop(traces.serving("kitchen").layer(inner).oneshot(asked("/", Some(PARENT))).await);
}

fn named<'t>(spans: &'t [Told], name: &str) -> &'t Told {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

#[tokio::test]
async fn a_call_a_service_and_its_database_are_one_trace_and_so_is_the_event() {
    let collector = Collector::start().await;
    let (traces, telling) = started(config(&collector.base()));
    let store = MemoryStore::with(Arc::new(Now), Some(Arc::new(jobapp_telemetry::headers)));
    let kettles = jobapp_telemetry::traced("memory", store.repository::<Kettle>());
    within(&traces, move || async move {
        let call = Call::to("stove", &Method::PUT);
        let mut headers = HeaderMap::new();
        call.carried_in(&mut headers);
        let called = tower::service_fn(move |_: Request| {
            let kettles = Arc::clone(&kettles);
            async move {
                let boiled = Change::insert(a_kettle(7), vec![KettleEvent::Boiled { times: 1 }]);
                assert!(kettles.save(boiled.clone()).await.is_ok());
                assert!(kettles.save(boiled).await.is_err());
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        });
        let answer = call.made(Serving::from_within("stove").layer(called).oneshot(asked("/", None))).await;
        call.answered(answer.unwrap().status());
    })
    .await;
    ended(telling).await;
    let spans = collector.spans();
    let (call, service) = (
        named(&spans, "PUT stove"),
        spans.iter().find(|span| span.attributes.get("jobapp.service").is_some_and(|name| name == "stove")).unwrap(),
    );
    let saves: Vec<&Told> = spans.iter().filter(|span| span.name == "save kettle").collect();
    assert_eq!((call.kind, &service.parent), (SpanKind::Client, &call.id));
    assert_eq!((saves.len(), &saves[0].parent, saves[0].kind), (2, &service.id, SpanKind::Client));
    assert_eq!((saves[0].is_error, saves[1].is_error), (false, true));
    assert_eq!((&*saves[1].attributes["error.type"], &*saves[1].attributes["db.system.name"]), ("taken", "memory"));
    assert!(spans.iter().all(|span| span.trace == TRACE) && spans.len() == 5, "{spans:#?}");
    let events = store.outbox().lease("test", Duration::from_secs(60), 9).await.unwrap();
    assert_eq!(events[0].headers["traceparent"], format!("00-{TRACE}-{}-01", saves[0].id));
}

const QUEUE: Queue =
    Queue { name: "hot", exchange: Exchange { name: "kettles", kind: ExchangeKind::Direct }, routing_key: "boiled" };

fn message(id: u32, timestamp: Timestamp, parent: Option<&str>) -> Message {
    Message {
        id: Some(MessageId(format!("kettle/{id}"))),
        kind: "boiled".to_owned(),
        exchange: QUEUE.exchange.name.to_owned(),
        routing_key: QUEUE.routing_key.to_owned(),
        timestamp,
        headers: parent.into_iter().map(|parent| ("traceparent".to_owned(), parent.to_owned())).collect(),
        body: b"{\"code\":\"408152\"}".to_vec(),
    }
}

/// Does not want a message the first time, and notes where it is.
struct Reluctant(Arc<parking_lot::Mutex<Vec<Option<String>>>>);

#[async_trait]
impl Handler for Reluctant {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        self.0.lock().push(traceparent());
        if delivery.attempt == 0 {
            return Outcome::Retry { after: Duration::ZERO, counts: true, reason: "not yet".to_owned() };
        }
        Outcome::Done
    }
}

#[tokio::test]
async fn a_message_is_part_of_its_trace_the_first_time_and_names_it_later() {
    let collector = Collector::start().await;
    let (traces, telling) = started(config(&collector.base()));
    let bus = Arc::new(MemoryBus::new());
    let subscriber = traces.subscriber("kitchen", "memory", bus.clone(), Arc::new(Now));
    let publisher = traces.publisher("stove", "memory", bus);
    subscriber.declare(&[QUEUE]).await.unwrap();
    let now = Now.now();
    let old = Timestamp::from_millis(now.as_millis() - 3_600_000).unwrap();
    let messages = [message(1, now, Some(PARENT)), message(2, now, Some(UNSAMPLED)), message(3, old, Some(PARENT))];
    assert!(publisher.publish(&messages).await.iter().all(Result::is_ok));
    assert!(
        publisher
            .publish_one(&Message {
                exchange: "kettles".into(),
                routing_key: "spilled".into(),
                ..message(4, now, Some(PARENT))
            })
            .await
            .is_err()
    );
    let heard = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let handler = Arc::new(Reluctant(Arc::clone(&heard)));
    let consuming = tokio::spawn(async move {
        let stop = Box::pin(async move { stopped.await.unwrap_or_default() });
        subscriber.consume(Subscription::to(QUEUE), handler, stop).await
    });
    while heard.lock().len() < 6 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(stop);
    consuming.await.unwrap().unwrap();
    ended(telling).await;
    let spans = collector.spans();
    let of = |id: &str, name: &str| -> Vec<&Told> {
        let is_it = |span: &&Told| span.name == name && span.attributes["messaging.message.id"] == id;
        spans.iter().filter(is_it).collect()
    };
    let sent = of("kettle/1", "send kettles");
    assert_eq!((sent[0].kind, &*sent[0].parent, &*sent[0].trace), (SpanKind::Producer, "b7ad6b7169203331", TRACE));
    assert_eq!(sent[0].attributes["messaging.system"], "memory");
    let handled = of("kettle/1", "process hot");
    let [first, second] = handled.as_slice() else { panic!("{spans:#?}") };
    assert_eq!((first.kind, &first.parent, &*first.trace), (SpanKind::Consumer, &sent[0].id, TRACE));
    assert!(first.is_error && first.attributes["error.type"] == "refused", "{first:?}");
    assert!(second.parent.is_empty() && second.trace != TRACE && !second.is_error, "{second:?}");
    assert_eq!((&first.links, &second.links), (&vec![sent[0].id.clone()], &vec![sent[0].id.clone()]));
    assert!(of("kettle/2", "process hot").is_empty() && of("kettle/2", "send kettles").is_empty(), "{spans:#?}");
    let late = of("kettle/3", "process hot");
    assert!(late[0].trace != TRACE && late[0].links.len() == 1, "{late:?}");
    assert_eq!(of("kettle/4", "send kettles")[0].attributes["error.type"], "unroutable");
    let told = format!("{spans:?}");
    assert!(!told.contains("408152") && !told.contains("not yet"), "{told}");
    assert_eq!(heard.lock()[0], Some(format!("00-{TRACE}-{}-01", first.id)), "a handler sees where it is");
}

#[tokio::test]
async fn a_mail_is_told_without_whom_it_goes_to_or_what_it_says() {
    let collector = Collector::start().await;
    let (traces, telling) = started(config(&collector.base()));
    let mailer = traces.mailer(Arc::new(MemoryMailer::default()));
    within(&traces, move || async move {
        let id = MailId { message: "account/7#0".to_owned(), template: Template::OtpEmail, at: Timestamp::EPOCH };
        let variables = BTreeMap::from([("otp", "408152".to_owned())]);
        let mail = Mail { to: "marta@example.org".to_owned(), template: Template::OtpEmail, variables };
        mailer.send(&id, &mail).await.unwrap();
    })
    .await;
    ended(telling).await;
    let spans = collector.spans();
    let mail = named(&spans, "mail otpEmail");
    assert_eq!(
        (mail.kind, &mail.parent),
        (SpanKind::Client, &spans.iter().find(|span| span.kind == SpanKind::Server).unwrap().id)
    );
    let told = format!("{spans:?}");
    assert!(!told.contains("408152") && !told.contains("example.org"), "{told}");
}
