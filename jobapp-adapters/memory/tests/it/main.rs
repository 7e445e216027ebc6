//! Every port in memory keeps its promises.

mod analytics;
mod bus;
mod cache;
mod categories;
mod fanout;
mod limits;
mod mail;
mod presence;
mod search;
mod store;
