//! What the service listens to, one file per queue.

pub(crate) mod seller_review;
pub(crate) mod user_buyer;
pub(crate) mod user_gig;
pub(crate) mod user_profile;
pub(crate) mod user_seller;

use jobapp_kernel::{Cause, Delivery, Outcome};
use jobapp_users::UsersError;

/// What a message's effect is remembered by: `kind` and what it belongs to when the message says so, else the message's id.
/// `None` for a foreign message that says neither: two of them may be equal and still be two.
fn cause(kind: &str, belongs_to: Option<&str>, delivery: &Delivery) -> Option<Cause> {
    let effect = match belongs_to.filter(|text| !text.is_empty()) {
        Some(text) => format!("{kind} {text}"),
        None => delivery.message.id.as_ref()?.to_string(),
    };
    Some(Cause::message(delivery.queue, effect))
}

/// Who is not known yet may be in a moment: another queue brings him. After the last attempt the message is dead.
fn outcome(result: Result<(), UsersError>, delivery: &Delivery) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(error @ (UsersError::UnknownBuyer(_) | UsersError::UnknownUser(_) | UsersError::UnknownSeller(_))) => {
            Outcome::failed(delivery.attempt, error.to_string())
        }
        Err(error) => Outcome::of(&error),
    }
}
