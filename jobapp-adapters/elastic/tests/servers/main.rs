//! Gig search on a real Elasticsearch keeps what every index promises, between processes, and through a network that fails.

mod logs;
mod outage;
mod place;
mod rebuilding;
mod suites;
mod tls;
mod versions;
