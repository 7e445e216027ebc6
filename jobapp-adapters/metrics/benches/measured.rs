//! What one measurement costs: a request of the gateway's, which has many routes, and a count.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use http::StatusCode;
use jobapp_metrics::{BusinessEvent, Counters, Method, Metrics, Requests, Route};

const ROUNDS: u32 = 2_000_000;
const ROUTES: [&str; 8] = [
    "/auth/currentuser",
    "/gig/:gigId",
    "/gig/search/:from/:size/:type",
    "/seller/id/:sellerId",
    "/order/buyer/:buyerId",
    "/message/conversations/:username",
    "/review/gig/:gigId",
    "/buyer/username",
];

fn timed(what: &str, work: impl Fn(u32)) {
    let began = Instant::now();
    (0..ROUNDS).for_each(&work);
    println!("{what:<24} {:>6.1} ns", began.elapsed().as_nanos() as f64 / f64::from(ROUNDS));
}

fn main() {
    let metrics = Metrics::new();
    let requests = Requests::of(&metrics, "gateway");
    timed("a request", |round| {
        let method = Method::from(black_box(&http::Method::GET));
        let route = Route::named(ROUTES[round as usize % ROUTES.len()]);
        requests.answered(method, route, StatusCode::OK, Duration::from_micros(u64::from(round % 50_000)));
    });
    let events: Counters<BusinessEvent> = metrics.counters("bench_events_total", "Events.", &[]);
    timed("a count", |_| events.of(black_box(BusinessEvent::OrderPlaced)).inc());
    timed("the time", |_| {
        black_box(Instant::now());
    });
}
