//! Requests below the base path: who asks, who answers, what goes on to a service and what comes back.

mod body_limit;
mod drain;
mod exchange;
mod needs;
mod own;
mod request_body;
mod shaping;
mod whole_pages;

pub(crate) use body_limit::BodyLimits;
pub(crate) use exchange::answer;
pub(crate) use needs::Needs;
