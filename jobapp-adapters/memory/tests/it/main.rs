//! Every port in memory keeps its promises.

mod bus;
mod search;
mod store;
