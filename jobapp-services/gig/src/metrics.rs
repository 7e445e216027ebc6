//! What Prometheus reads. Names and labels are the wire's; labels have few values, whoever calls.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::core::Collector;
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};

use crate::GigService;

/// A category nobody offers must not become a label of its own: gigs may name any text as theirs.
const CATEGORIES: [&str; 8] = [
    "Graphics & Design",
    "Digital Marketing",
    "Writing & Translation",
    "Video & Animation",
    "Music & Audio",
    "Programming & Tech",
    "Data",
    "Business",
];

/// The metrics of one service.
pub(crate) struct Metrics {
    registry: Registry,
    created: IntCounterVec,
    updated: IntCounterVec,
    deleted: IntCounter,
    views: IntCounter,
    searches: IntCounterVec,
    requests: IntCounterVec,
    durations: HistogramVec,
}

/// What was searched for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Searched {
    Text,
    OfSeller,
    PausedOfSeller,
    TopRated,
    Similar,
}

impl Searched {
    const fn label(self) -> &'static str {
        match self {
            Self::Text => "search",
            Self::OfSeller => "seller_gigs",
            Self::PausedOfSeller => "seller_inactive_gigs",
            Self::TopRated => "top_by_category",
            Self::Similar => "more_like_this",
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        register(&registry, prometheus::process_collector::ProcessCollector::new(process_id(), "gig_service"));
        let request_labels = ["method", "route", "status_code"];
        Self {
            created: counters(&registry, "gigs_created_total", "Gigs created.", &["categories"]),
            updated: counters(&registry, "gigs_updated_total", "Gigs updated.", &["type"]),
            deleted: counter(&registry, "gigs_deleted_total", "Gigs deleted."),
            views: counter(&registry, "gig_views_total", "Gigs shown by id."),
            searches: counters(&registry, "search_requests_total", "Searches answered.", &["type"]),
            requests: counters(&registry, "http_requests_total", "Requests answered.", &request_labels),
            durations: registered(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new("gig_service_http_request_duration_seconds", "How long answers took.")
                        .buckets(vec![0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]),
                    &request_labels,
                )
                .expect("the name, the labels and the buckets are constants that Prometheus accepts"),
            ),
            registry,
        }
    }

    pub(crate) fn gig_created(&self, category: &str) {
        let known = CATEGORIES.into_iter().find(|known| known.eq_ignore_ascii_case(category));
        self.created.with_label_values(&[known.unwrap_or("other")]).inc();
    }

    pub(crate) fn gig_updated(&self) {
        self.updated.with_label_values(&["full"]).inc();
    }

    pub(crate) fn gig_activated(&self) {
        self.updated.with_label_values(&["active"]).inc();
    }

    pub(crate) fn gig_deleted(&self) {
        self.deleted.inc();
    }

    pub(crate) fn gig_viewed(&self) {
        self.views.inc();
    }

    pub(crate) fn searched(&self, what: Searched) {
        self.searches.with_label_values(&[what.label()]).inc();
    }

    /// The page Prometheus reads.
    pub(crate) fn page(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut page = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut page)?;
        Ok(page)
    }
}

#[cfg(target_os = "linux")]
fn process_id() -> i32 {
    // The kernel's ids fit; 0 would mean a process that is not there, whose numbers are left out.
    i32::try_from(std::process::id()).unwrap_or_default()
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    let counter = IntCounter::new(format!("gig_service_{name}"), help);
    registered(registry, counter.expect("the name is a constant that Prometheus accepts"))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let counters = IntCounterVec::new(Opts::new(format!("gig_service_{name}"), help), labels);
    registered(registry, counters.expect("the name and the labels are constants that Prometheus accepts"))
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    register(registry, collector.clone());
    collector
}

fn register(registry: &Registry, collector: impl Collector + 'static) {
    registry.register(Box::new(collector)).expect("each name is registered once in a registry of its own");
}

/// Middleware: counts answers and how long they took.
pub(crate) async fn observe(State(service): State<GigService>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        known @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.replace('{', ":").replace('}', ""));
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    let labels = [method.as_str(), route.as_str(), status.as_str()];
    service.metrics.requests.with_label_values(&labels).inc();
    service.metrics.durations.with_label_values(&labels).observe(began.elapsed().as_secs_f64());
    response
}
