//! Who is in which room, what each room hears, and in which order.

pub(crate) mod hub;
pub(crate) mod rounds;
