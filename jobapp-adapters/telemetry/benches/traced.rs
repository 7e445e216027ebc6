//! What traces cost: a request with a call, a service and three calls of a database, as most writes have it, and one that the gateway answers
//! itself. In processor time of the whole process, the thread that tells them included.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method};
use jobapp_telemetry::{Call, Sampling, Serving, SpanKind, Traces, TracesConfig, child};
use tower::{Layer, ServiceExt};

const ROUNDS: u64 = 200_000;

/// A collector that reads and says that it took everything.
fn collector() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(taken(stream))));
    Ok(format!("http://{address}/v1/traces"))
}

fn taken(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut have = Vec::new();
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        have.extend_from_slice(&buffer[..count]);
        while let Some(head) = have.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&have[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            let whole = head + 4 + length.unwrap_or(0_usize);
            if have.len() < whole {
                break;
            }
            have.drain(..whole);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        }
    }
}

/// The processor time of this process so far, in nanoseconds.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let ticks = |field: Option<&str>| field.and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(fields.next()) + ticks(fields.next())) * 10_000_000
}

async fn database() {
    let span = child(SpanKind::Client, || "find order".into());
    if let Some(span) = &span {
        span.says("db.system.name", "sqlite");
        span.says("db.operation.name", "find");
        span.says("db.collection.name", "order");
        span.within(std::future::ready(())).await;
    }
}

async fn write(traces: &Traces) {
    let inner = tower::service_fn(|_: Request| async {
        let call = Call::to("order", &Method::POST);
        let mut headers = HeaderMap::new();
        call.carried_in(&mut headers);
        let service = tower::service_fn(|_: Request| async {
            for _ in 0..3 {
                database().await;
            }
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        let answer = call.made(Serving::from_within("order").layer(service).oneshot(Request::default())).await;
        if let Ok(answer) = &answer {
            call.answered(answer.status());
        }
        answer
    });
    drop(traces.serving("gateway").layer(inner).oneshot(Request::default()).await);
}

async fn read(traces: &Traces) {
    let inner = tower::service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    drop(traces.serving("gateway").layer(inner).oneshot(Request::default()).await);
}

async fn measured(what: &str, traces: &Traces) {
    let cost = async |work: &dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        let before = processor_time();
        for round in 0..ROUNDS {
            work().await;
            // As fast as spans can be told, and no faster: what is lost costs less.
            if round % 256 == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        (processor_time() - before) / ROUNDS
    };
    let (one, other) = (traces.clone(), traces.clone());
    let reads = cost(&|| {
        let traces = one.clone();
        Box::pin(async move { read(&traces).await })
    })
    .await;
    let writes = cost(&|| {
        let traces = other.clone();
        Box::pin(async move { write(&traces).await })
    })
    .await;
    println!("{what:<24} a read {reads:>6} ns   a write {writes:>6} ns");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    measured("off", &Traces::off()).await;
    for (what, ratio) in [("on, none is told", 0.0), ("on, one in ten", 0.1), ("on, all", 1.0)] {
        let lost = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&lost);
        let sampling = Sampling { ratio, heeds_parents: true };
        let usual = TracesConfig::to(collector()?.parse()?, "bench");
        let config = TracesConfig { sampling, space: 1 << 16, ..usual };
        let also = move |count| {
            counting.fetch_add(count, Ordering::Relaxed);
        };
        let (traces, telling) = Traces::start(config, Arc::new(also))?;
        measured(what, &traces).await;
        tokio::task::spawn_blocking(move || drop(telling)).await?;
        let lost = lost.load(Ordering::Relaxed);
        if lost > 0 {
            println!("  {lost} spans were lost");
        }
    }
    Ok(())
}
