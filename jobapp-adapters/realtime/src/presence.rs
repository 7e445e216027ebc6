//! Who is here, and who is online at all gateways together.

pub(crate) mod keeper;
pub(crate) mod roll;
