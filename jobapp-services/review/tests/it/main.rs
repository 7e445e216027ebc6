//! The review service on stores in memory, through its router and consumers.

mod analytics;
mod app;
mod reviews;
