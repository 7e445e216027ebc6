//! A collector that is away, hangs or refuses: nobody waits, and what is lost is counted.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use jobapp_telemetry::{SpanKind, Telling, Traces, TracesConfig};

use crate::collector::{Collector, Mood};
use crate::{config, started};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Begins, with a count of what is lost.
fn counted(config: TracesConfig) -> (Traces, Telling, Arc<AtomicU64>) {
    let lost = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&lost);
    let also = move |count| {
        counting.fetch_add(count, Ordering::SeqCst);
    };
    let (traces, telling) = Traces::start(config, Arc::new(also)).unwrap();
    (traces, telling, lost)
}

fn made(traces: &Traces, count: usize) {
    for _ in 0..count {
        drop(traces.continued(SpanKind::Server, PARENT, || "tea".into()));
    }
}

/// Ends it, and tells how long that took.
async fn ended(telling: Telling) -> Duration {
    let began = Instant::now();
    tokio::task::spawn_blocking(move || drop(telling)).await.unwrap();
    began.elapsed()
}

/// How long the end may take, however busy the machine.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn one_that_is_away_loses_spans_and_holds_up_nobody() {
    // Nothing listens at a port that was just let go.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (traces, telling, lost) = counted(TracesConfig { last_patience: Duration::from_millis(100), ..config(&base) });
    made(&traces, 1000);
    assert!(ended(telling).await < SOON);
    assert_eq!(lost.load(Ordering::SeqCst), 1000);
}

#[tokio::test]
async fn one_that_hangs_loses_spans_and_holds_up_nobody() {
    let collector = Collector::always(Mood::Hangs).await;
    let patience = Duration::from_secs(3600);
    let last_patience = Duration::from_millis(100);
    let (traces, telling, lost) =
        counted(TracesConfig { patience, last_patience, space: 64, ..config(&collector.base()) });
    made(&traces, 1000);
    // What has no place is known to be lost at once.
    assert!(lost.load(Ordering::SeqCst) > 0);
    assert!(ended(telling).await < SOON);
    assert_eq!(lost.load(Ordering::SeqCst), 1000);
}

#[tokio::test]
async fn one_that_is_silent_for_too_long_loses_what_it_was_sent_and_no_more() {
    let collector = Collector::at_first(&[Mood::Hangs]).await;
    let patience = Duration::from_millis(200);
    let (traces, telling, lost) = counted(TracesConfig { patience, ..config(&collector.base()) });
    made(&traces, 1);
    while lost.load(Ordering::SeqCst) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let patient = TracesConfig { ..config(&collector.base()) };
    drop((traces, ended(telling).await));
    let (traces, telling, lost) = counted(patient);
    made(&traces, 1);
    ended(telling).await;
    assert_eq!((collector.spans().len(), lost.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn one_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let busy = Mood::Answers(StatusCode::SERVICE_UNAVAILABLE);
    let collector = Collector::at_first(&[busy, busy]).await;
    let (traces, telling, lost) = counted(config(&collector.base()));
    made(&traces, 3);
    collector.until("the spans", |spans| (spans.len() == 3).then_some(())).await;
    ended(telling).await;
    assert_eq!(lost.load(Ordering::SeqCst), 0);

    let collector = Collector::always(Mood::Answers(StatusCode::BAD_REQUEST)).await;
    let (traces, telling, lost) = counted(TracesConfig { wait: Duration::from_secs(600), ..config(&collector.base()) });
    made(&traces, 3);
    ended(telling).await;
    assert_eq!((lost.load(Ordering::SeqCst), collector.headers().len()), (3, 1));
}

#[tokio::test]
async fn what_a_collector_rejects_is_counted() {
    let collector = Collector::at_first(&[Mood::Rejects(2)]).await;
    let (traces, telling, lost) = counted(TracesConfig { wait: Duration::from_secs(600), ..config(&collector.base()) });
    made(&traces, 5);
    ended(telling).await;
    assert_eq!(lost.load(Ordering::SeqCst), 2);
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<parking_lot::Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn losses_are_told_once_and_at_the_end() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        let config = TracesConfig {
            space: 1,
            wait: Duration::from_secs(600),
            last_patience: Duration::ZERO,
            ..config("http://[::1]:9")
        };
        let (traces, telling) = started(config);
        made(&traces, 500);
        drop(telling);
    });
    let text = String::from_utf8(log.0.lock().clone()).unwrap();
    assert_eq!(text.matches("spans of traces are lost").count(), 1, "{text}");
    assert_eq!(text.matches("OTEL_BSP_MAX_QUEUE_SIZE").count(), 1, "{text}");
    assert!(text.contains("spans of traces were lost") || text.contains("did not end in time"), "{text}");
}
