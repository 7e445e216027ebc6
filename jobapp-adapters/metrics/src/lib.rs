//! What happens, counted for Prometheus.
//!
//! [`Metrics`] is what a process counts: whoever counts something asks it for a family ([`Counters`], [`Gauges`], [`Histograms`]) and keeps
//! that. [`Metrics::page`] writes everything down in Prometheus' text format. What has to be asked first, such as how long a queue is, is a
//! [question](Metrics::asks) that the page asks before it is written.
//!
//! # Labels have few values
//! A series lives as long as its process, so a label must never hold what somebody sent. Here it cannot: a label is either a [`Label`], an
//! enum whose values are written down in the code, or a text of the code itself (`&'static str`) that a family is made with, or a
//! [`Route`], which comes from the router and never from a path.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), jobapp_metrics::PageError> {
//! jobapp_metrics::label! {
//!     /// How tea was.
//!     pub enum Tea: "tea" {
//!         /// It was.
//!         Good = "good",
//!         /// It was not.
//!         Cold = "cold",
//!     }
//! }
//!
//! let metrics = jobapp_metrics::Metrics::new();
//! let cups = metrics.counters::<Tea>("kitchen_cups_total", "Cups of tea.", &[("kitchen", "east")]);
//! cups.of(Tea::Good).inc();
//! assert!(metrics.page().await?.contains("kitchen_cups_total{kitchen=\"east\",tea=\"good\"} 1"));
//! # Ok(()) }
//! ```
//!
//! # Ports are watched from outside
//! The core counts nothing. [`Metrics`] wraps its ports: [`Outbox`](jobapp_kernel::Outbox), [`Publisher`](jobapp_kernel::Publisher),
//! [`Subscriber`](jobapp_kernel::Subscriber) and [`Mailer`](jobapp_notifications::Mailer). What the business does is counted where its
//! events leave the outbox.

mod business;
mod families;
mod http;
mod labels;
mod ports;
mod process;
mod registry;

pub use business::BusinessEvent;
pub use families::{Counter, Counters, Gauge, Gauges, Histogram, Histograms};
pub use http::{Measured, MeasuredFuture, Measuring, Method, Requests, Route, StatusClass, StatusLabel};
pub use labels::{Label, Labels};
pub use ports::{Delivered, Published, Sent};
pub use registry::{Metrics, PageError};

/// Bounds of durations in seconds, for what is waited for by people.
pub const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];
/// Bounds of durations in seconds, for what may wait for long, such as a message whose consumer is away.
pub const LONG_SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0];
