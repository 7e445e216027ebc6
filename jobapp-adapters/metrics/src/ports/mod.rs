//! Ports of the core, watched from outside: each is as it was, and counts.

mod mailer;
mod outbox;
mod publisher;
mod subscriber;

pub use mailer::Sent;
pub use publisher::Published;
pub use subscriber::Delivered;

use jobapp_kernel::Timestamp;

/// How long ago something was, in seconds. What is to come by another clock was a moment ago.
fn seconds_since(then: Timestamp, now: Timestamp) -> f64 {
    (now.as_millis() - then.as_millis()).max(0) as f64 / 1000.0
}
