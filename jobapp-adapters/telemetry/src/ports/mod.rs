//! Ports of the core, with spans around what passes them: each is as it was otherwise.

mod mailer;
mod publisher;
mod repository;
mod subscriber;

pub use repository::traced;

use jobapp_kernel::ErrorKind;

/// What went wrong, in a word out of a few.
const fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unauthorized => "unauthorized",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Refused => "refused",
        ErrorKind::Taken => "taken",
        ErrorKind::Mismatch => "mismatch",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::Limited => "limited",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Internal => "internal",
    }
}
