//! The table of routes, where a request leads by it, and the document that is made of it.

pub(crate) mod document;
pub(crate) mod matching;
pub(crate) mod methods;
pub(crate) mod route;
pub mod routes;
