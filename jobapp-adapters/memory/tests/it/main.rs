//! Every port in memory keeps its promises.

mod analytics;
mod bus;
mod categories;
mod mail;
mod search;
mod store;
