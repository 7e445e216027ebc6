//! What many processes share keeps its promises on a real Redis, and through a network that fails.

mod gateways;
mod outage;
mod place;
mod streams;
mod suites;
mod tls;
