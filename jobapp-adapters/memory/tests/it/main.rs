//! Every port in memory keeps its promises.

mod bus;
mod categories;
mod search;
mod store;
