//! Every port in memory keeps its promises.

mod bus;
mod categories;
mod mail;
mod search;
mod store;
