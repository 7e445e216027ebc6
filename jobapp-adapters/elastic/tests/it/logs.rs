//! Log lines arrive once and whole, or are counted; and nobody waits for that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobapp_elastic::{ElasticConfig, LogCounts, LogLimits, LogLines, LogShipper};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::scripted::{Asked, GONE, SILENCE, Scripted};

const BULK: &str = "POST /_bulk";
const LOOK: &str = "GET /_index_template/jobapp-logs";
const PUT: &str = "PUT /_index_template/jobapp-logs";
const AWAY: (u16, Value) = (GONE, Value::Null);
/// How long anything may take to come about.
const WHILE: Duration = Duration::from_secs(60);

/// What a server keeps: documents by their ids.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, (String, Value)>>>);

impl Kept {
    /// Does what a bulk asks for, but for the lines that these statuses are said of: they are answered with them.
    fn take(&self, asked: &Asked, statuses: &[u16]) -> (u16, Value) {
        let lines: Vec<Value> = asked.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut kept = self.0.lock();
        let items = lines.chunks(2).enumerate().map(|(place, pair)| {
            let id = pair[0]["create"]["_id"].as_str().unwrap().to_owned();
            let status = match statuses.get(place).copied().filter(|status| *status >= 300) {
                Some(status) => status,
                None if kept.contains_key(&id) => 409,
                None => 201,
            };
            if status == 201 {
                kept.insert(id, (pair[0]["create"]["_index"].as_str().unwrap().to_owned(), pair[1].clone()));
            }
            let error = json!({"type": "document_parsing_exception", "reason": "it is none"});
            json!({"create": if status < 300 { json!({"status": status}) } else { json!({"status": status, "error": error}) }})
        });
        (200, json!({"items": items.collect::<Vec<_>>()}))
    }

    /// The messages, in order.
    fn messages(&self) -> Vec<String> {
        let text = |(_, line): &(String, Value)| line["message"].as_str().unwrap().to_owned();
        let mut messages: Vec<String> = self.0.lock().values().map(text).collect();
        messages.sort();
        messages
    }
}

/// A server that keeps lines, but for those bulks that something else becomes of: by how many there were before.
async fn keeping(
    kept: &Kept,
    otherwise: impl Fn(&Asked, usize) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> Scripted {
    let kept = kept.clone();
    let answer = move |asked: &Asked, before: usize| match asked.what.as_str() {
        // Whoever is away is so for everything.
        what if what != BULK && otherwise(asked, before) == Some(AWAY) => AWAY,
        "GET /" => (200, json!({})),
        LOOK => (404, json!({})),
        PUT => (200, json!({"acknowledged": true})),
        BULK => otherwise(asked, before).unwrap_or_else(|| kept.take(asked, &[])),
        _ => panic!("{asked:?}"),
    };
    Scripted::answering(answer).await
}

/// Small and impatient.
fn limits() -> LogLimits {
    LogLimits {
        gather: Duration::from_millis(1),
        pause: (Duration::from_millis(1), Duration::from_millis(20)),
        ..LogLimits::default()
    }
}

fn ship_to(host: &str, limits: LogLimits) -> LogShipper {
    let config = ElasticConfig::from_url(&format!("http://elastic:hush@{host}")).unwrap();
    LogShipper::start(&config, "here/1", limits).unwrap()
}

fn line(message: &str) -> String {
    format!("{{\"timestamp\":\"2026-12-01T10:00:00.000000Z\",\"level\":\"INFO\",\"message\":\"{message}\"}}\n")
}

/// The messages of as many lines, in order.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number:05}")).collect()
}

fn take(lines: &LogLines, messages: &[String]) {
    messages.iter().for_each(|message| lines.take(line(message).as_bytes()));
}

async fn until(lines: &LogLines, what: &str, is_so: impl Fn(LogCounts) -> bool) {
    let waiting = async {
        while !is_so(lines.counts()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(WHILE, waiting).await.is_ok(), "waited in vain until {what}: {lines:?}");
}

async fn until_shipped(lines: &LogLines, count: usize) {
    until(lines, "all is shipped", |counts| counts.shipped == count as u64 && counts.waiting == 0).await;
}

/// What this process logs: on a console, and to a shipper where there is one. Whoever looks at it does so alone.
#[derive(Default)]
struct Console {
    text: Mutex<String>,
    beside: Mutex<Option<LogLines>>,
}

static CONSOLE: Console = Console { text: Mutex::new(String::new()), beside: Mutex::new(None) };
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl Write for &Console {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.text.lock().push_str(std::str::from_utf8(line).unwrap());
        let beside = self.beside.lock().clone();
        if let Some(lines) = beside {
            lines.take(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes where the one console is.
struct ThatConsole;

impl MakeWriter<'_> for ThatConsole {
    type Writer = &'static Console;

    fn make_writer(&self) -> &'static Console {
        &CONSOLE
    }
}

/// Looks at the console, alone, for as long as the first value lives: whatever a shipper says is there, so that all tests of shippers do.
async fn console() -> (tokio::sync::MutexGuard<'static, ()>, &'static Console) {
    let alone = ALONE.lock().await;
    let everything = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(tracing::Level::TRACE);
    // The first who looks sets it up.
    drop(everything.with_writer(ThatConsole).try_init());
    CONSOLE.text.lock().clear();
    *CONSOLE.beside.lock() = None;
    (alone, &CONSOLE)
}

impl Console {
    fn said(&self, what: &str) -> Vec<String> {
        self.text.lock().lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_arrive_once_and_whole_in_the_index_of_their_day() {
    let (_alone, _console) = console().await;
    let kept = Kept::default();
    let server = keeping(&kept, |_, _| None).await;
    let shipper = ship_to(&server.host, LogLimits { lines_at_once: 100, ..limits() });
    let lines = shipper.lines();
    take(&lines, &numbered(1234));
    lines.take(
        b"{\"timestamp\":\"2027-01-31T23:59:59.999999Z\",\"message\":\"the last\",\"span\":{\"name\":\"\\\"\"}}\n",
    );
    until_shipped(&lines, 1235).await;
    let mut expected = numbered(1234);
    expected.push("the last".to_owned());
    assert_eq!(kept.messages(), expected);
    let all: Vec<(String, Value)> = kept.0.lock().values().cloned().collect();
    let (index, last) = all.iter().find(|(_, line)| line["message"] == "the last").unwrap();
    let expected = json!({
        "instance": "here/1", "timestamp": "2027-01-31T23:59:59.999999Z", "message": "the last", "span": {"name": "\""},
    });
    assert_eq!((index.as_str(), last), ("jobapp-logs-2027.01.31", &expected));
    assert!(all.iter().filter(|(index, _)| index == "jobapp-logs-2026.12.01").count() == 1234);
    assert!(server.asked(BULK).iter().all(|asked| asked.body.lines().count() <= 200), "batches are bounded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_is_there_before_the_first_line_and_says_every_field() {
    let (_alone, _console) = console().await;
    let kept = Kept::default();
    let server = keeping(&kept, |_, _| None).await;
    let shipper = ship_to(&server.host, limits());
    take(&shipper.lines(), &numbered(1));
    until_shipped(&shipper.lines(), 1).await;
    let put = server.asked(PUT);
    let template: Value = serde_json::from_str(&put[0].body).unwrap();
    assert_eq!((put.len(), &template["index_patterns"]), (1, &json!(["jobapp-logs-*.*.*"])));
    let mappings = &template["template"]["mappings"];
    assert_eq!((&mappings["dynamic"], &mappings["properties"]["timestamp"]["type"]), (&json!(false), &json!("date")));
    for field in ["service", "level", "message", "request_id", "trace_id", "target", "instance"] {
        assert!(mappings["properties"][field]["type"].is_string(), "{field}");
    }
    for field in fields_of_saved_searches() {
        let mut at = &mappings["properties"];
        let mut parts = field.split('.').peekable();
        while let Some(part) = parts.next() {
            at = if parts.peek().is_some() { &at[part]["properties"] } else { &at[part]["type"] };
        }
        assert!(at.is_string(), "a saved search asks for {field}, which nobody can look for");
    }
    assert!(put[0].head.iter().any(|line| line.to_lowercase().starts_with("authorization: basic ")));
}

/// Every field that Kibana is asked for by what lies beside the dashboards.
fn fields_of_saved_searches() -> BTreeSet<String> {
    fn look(value: &Value, fields: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| match (name.as_str(), value) {
                ("columns", Value::Array(columns)) => {
                    fields.extend(columns.iter().map(|column| column.as_str().unwrap().to_owned()));
                }
                ("field" | "timeFieldName", Value::String(field)) => drop(fields.insert(field.clone())),
                ("query", Value::String(query)) => {
                    let parts =
                        query.split(" and ").flat_map(|part| part.split(" or ")).filter(|part| !part.is_empty());
                    fields.extend(parts.map(|part| part.split([':', ' ', '>']).next().unwrap().to_owned()));
                }
                // Some of it is JSON in JSON.
                (_, Value::String(text)) => {
                    if let Ok(inner) = serde_json::from_str::<Value>(text) {
                        look(&inner, fields);
                    }
                }
                _ => look(value, fields),
            }),
            Value::Array(values) => values.iter().for_each(|value| look(value, fields)),
            _ => {}
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/deployments/observability/kibana/jobapp.ndjson");
    let mut fields = BTreeSet::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        look(&serde_json::from_str(line).unwrap(), &mut fields);
    }
    assert!(fields.contains("timestamp") && fields.contains("span.name") && fields.contains("status"), "{fields:?}");
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_newer_or_an_operators_is_left_alone() {
    let (_alone, _console) = console().await;
    let kept = Kept::default();
    for (look, put, tries) in [
        ((200, json!({"index_templates": [{"index_template": {"version": 7}}]})), 200, 0),
        ((200, json!({"index_templates": [{"index_template": {}}]})), 200, 1),
        ((404, json!({})), 403, 1),
    ] {
        let keeping = kept.clone();
        let server = Scripted::answering(move |asked, _| match asked.what.as_str() {
            LOOK => look.clone(),
            PUT => (put, json!({"error": {"type": "security_exception", "reason": "no"}})),
            _ => keeping.take(asked, &[]),
        })
        .await;
        let shipper = ship_to(&server.host, limits());
        take(&shipper.lines(), &numbered(1));
        until_shipped(&shipper.lines(), 1).await;
        assert_eq!(server.asked(PUT).len(), tries);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_what_is_refused_is_counted_and_told_and_what_had_no_time_is_sent_again() {
    let (_alone, console) = console().await;
    let kept = Kept::default();
    let partly = kept.clone();
    let server = keeping(&kept, move |asked, before| match before {
        0 => Some((429, json!({"error": "too much"}))),
        1 => Some(partly.take(asked, &[201, 400, 429, 503, 201])),
        2 => Some(partly.take(asked, &[503])),
        _ => None,
    })
    .await;
    let shipper = ship_to(&server.host, LogLimits { gather: WHILE, lines_at_once: 5, ..limits() });
    let lines = shipper.lines();
    take(&lines, &numbered(5));
    until(&lines, "all is answered for", |counts| counts.waiting == 0).await;
    let sent: Vec<usize> = server.asked(BULK).iter().map(|asked| asked.body.lines().count() / 2).collect();
    assert_eq!(sent, [5, 5, 2, 1], "those that were taken or refused are not sent again");
    let expected: Vec<String> = [0, 2, 3, 4].map(|number| format!("line {number:05}")).to_vec();
    assert_eq!(kept.messages(), expected);
    assert_eq!(lines.counts(), LogCounts { shipped: 4, lost_refused: 1, ..LogCounts::default() });
    assert_eq!(console.said("Elasticsearch refuses log lines").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_whose_answer_was_lost_are_there_once() {
    let (_alone, _console) = console().await;
    let kept = Kept::default();
    let unheard = kept.clone();
    let server = keeping(&kept, move |asked, before| {
        (before == 0).then(|| {
            unheard.take(asked, &[]);
            (SILENCE, Value::Null)
        })
    })
    .await;
    let limits = LogLimits { patience: Duration::from_millis(300), ..limits() };
    let shipper = ship_to(&server.host, limits);
    let lines = shipper.lines();
    take(&lines, &numbered(10));
    until_shipped(&lines, 10).await;
    assert_eq!(kept.messages(), numbered(10));
    assert!(server.asked(BULK).len() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_holds_nobody_up_and_what_cannot_wait_is_counted() {
    let (_alone, console) = console().await;
    let server = Scripted::answering(|_, _| (SILENCE, Value::Null)).await;
    let limits = LogLimits { lines_waiting: 500, patience: WHILE * 10, last: Duration::from_millis(50), ..limits() };
    let shipper = ship_to(&server.host, limits);
    let lines = shipper.lines();
    // That this ends is what is shown: nothing is ever answered.
    take(&lines, &numbered(10_000));
    let counts = lines.counts();
    assert_eq!(counts.shipped + counts.waiting + counts.lost(), 10_000, "{counts:?}");
    assert!(counts.waiting <= 1500 && counts.lost_full >= 8500, "{counts:?}");
    until(&lines, "it was asked", |_| !server.asked(LOOK).is_empty()).await;
    // Its end is within its bound, and counts the rest.
    drop(shipper);
    let counts = lines.counts();
    assert_eq!((counts.waiting, counts.lost()), (0, 10_000), "{counts:?}");
    // Once while they wait, and what was not told then at the end.
    let told = console.said("since too many wait").len();
    assert!((1..=2).contains(&told), "told {told} times");
    let told = console.said("log lines were not shipped before the end");
    assert!(told.len() == 1 && told[0].contains(&format!("\"lost\":{}", counts.lost_stopped)), "{told:?}");
    assert!(console.said("hush").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_while_the_server_was_away_is_shipped_and_the_gap_is_told() {
    let (_alone, console) = console().await;
    let kept = Kept::default();
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let server = keeping(&kept, move |_, _| away.load(Ordering::SeqCst).then_some(AWAY)).await;
    let shipper = ship_to(&server.host, LogLimits { lines_waiting: 100, lines_at_once: 10, ..limits() });
    let lines = shipper.lines();
    *console.beside.lock() = Some(lines.clone());
    take(&lines, &numbered(50));
    until(&lines, "they are shipped", |counts| counts.shipped >= 50 && counts.waiting == 0).await;
    let looks = server.asked(PUT).len();
    is_away.store(true, Ordering::SeqCst);
    take(&lines, &numbered(5000)[50..]);
    until(&lines, "lines wait", |_| console.said("log lines wait to be shipped").len() == 1).await;
    is_away.store(false, Ordering::SeqCst);
    until(&lines, "the rest is shipped", |counts| counts.shipped + counts.lost_full >= 5000 && counts.waiting == 0)
        .await;
    let messages = kept.messages();
    assert_eq!(&messages[..50], &numbered(50)[..]);
    assert!(messages.contains(&"line 04999".to_owned()), "the newest is there");
    assert!(server.asked(PUT).len() > looks, "who comes back may have forgotten the template");
    assert!(console.said("log lines wait to be shipped").len() == 1 && console.said("shipped again").len() == 1);
    // Told where it is missing, too; and nothing else of what the shipper said.
    let is_told = |kept: &Kept| kept.messages().iter().any(|message| message.contains("since too many wait"));
    until(&lines, "the gap is told", |_| is_told(&kept)).await;
    assert!(
        kept.0.lock().values().all(|(_, line)| line["message"] != "log lines wait to be shipped; the console has them")
    );
    *console.beside.lock() = None;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_by_shipping_is_not_shipped() {
    let (_alone, console) = console().await;
    let kept = Kept::default();
    let server = keeping(&kept, |_, _| None).await;
    let shipper = ship_to(&server.host.replace("127.0.0.1", "localhost"), limits());
    let lines = shipper.lines();
    *console.beside.lock() = Some(lines.clone());
    let began = console.text.lock().len();
    tracing::info!(target: "here", "the only one");
    until(&lines, "it is shipped", |_| kept.messages().contains(&"the only one".to_owned())).await;
    drop(shipper);
    *console.beside.lock() = None;
    // The console has what the client of HTTP told of it at the same time.
    let text = console.text.lock()[began..].to_owned();
    assert!(text.contains("\"target\":\"hyper"), "{text}");
    let targets: Vec<Value> = kept.0.lock().values().map(|(_, line)| line["target"].clone()).collect();
    assert!(targets.iter().all(|target| !target.as_str().unwrap().starts_with("hyper")), "{targets:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_at_the_end_is_shipped() {
    let (_alone, _console) = console().await;
    let kept = Kept::default();
    let server = keeping(&kept, |_, before| (before == 0).then(|| (503, json!({})))).await;
    let shipper = ship_to(&server.host, LogLimits { gather: WHILE * 10, last: WHILE, ..limits() });
    let lines = shipper.lines();
    take(&lines, &numbered(2500));
    drop(shipper);
    assert_eq!(kept.messages(), numbered(2500));
    assert_eq!(lines.counts(), LogCounts { shipped: 2500, ..LogCounts::default() });
    take(&lines, &numbered(1));
    assert_eq!(lines.counts().lost_stopped, 1, "what comes afterwards is counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_for_a_proxy_goes_in_parts() {
    let (_alone, _console) = console().await;
    let kept = Kept::default();
    let too_large = |asked: &Asked, _: usize| {
        let is = asked.body.lines().count() / 2 > 3 || asked.body.contains("line 00007");
        is.then(|| (413, json!({})))
    };
    let server = keeping(&kept, too_large).await;
    let shipper = ship_to(&server.host, limits());
    let lines = shipper.lines();
    take(&lines, &numbered(40));
    until(&lines, "all is answered for", |counts| counts.waiting == 0).await;
    assert_eq!(lines.counts(), LogCounts { shipped: 39, lost_refused: 1, ..LogCounts::default() });
    assert_eq!(kept.messages().len(), 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_waits_and_is_told_so_without_the_password() {
    let (_alone, console) = console().await;
    let denied = || (401, json!({"error": {"type": "security_exception", "reason": "unable to authenticate"}}));
    let server = Scripted::answering(move |_, _| denied()).await;
    let config = ElasticConfig::from_url(&format!("http://elastic:hush@{}?logs=shop", server.host)).unwrap();
    let limits = LogLimits { last: Duration::ZERO, ..limits() };
    let shipper = LogShipper::start(&config, "here/1", limits).unwrap();
    let lines = shipper.lines();
    take(&lines, &numbered(3));
    until(&lines, "it was tried", |_| server.asked("GET /_index_template/shop").len() > 2).await;
    assert_eq!(lines.counts().waiting, 3);
    let told = console.said("log lines wait to be shipped");
    assert!(told.len() == 1 && told[0].contains("401"), "{told:?}");
    let shown = format!("{shipper:?} {lines:?} {config:?}");
    drop(shipper);
    let basic = "ZWxhc3RpYzpodXNo";
    for text in [shown, console.text.lock().clone()] {
        assert!(!text.contains("hush") && !text.contains(basic), "{text}");
    }
}
