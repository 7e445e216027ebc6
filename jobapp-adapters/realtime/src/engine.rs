//! One connection: what waits to be sent to it, and what carries it.

pub(crate) mod conn;
mod end;
pub(crate) mod frames;
pub(crate) mod outbox;
pub(crate) mod polling;
pub(crate) mod seats;
pub(crate) mod wire;

pub(crate) use end::End;
