//! How clients connect: over websockets, over polling, and from one to the other.

mod change;
mod polling;
mod query;
mod refused;
pub(crate) mod requests;
mod upgrade;
mod websocket;
