//! What the service hears.

pub(crate) mod order_activity;
pub(crate) mod order_gig;
pub(crate) mod order_offer;
pub(crate) mod order_payment;
pub(crate) mod order_refund;
pub(crate) mod order_review;
pub(crate) mod order_told;

use jobapp_kernel::{Delivery, Outcome};
use jobapp_orders::OrdersError;
use jobapp_runtime::outcome_of;

/// Nobody knows whether a telling without a version is news.
const NO_VERSION: &str = "it has no x-version, so nobody knows whether it is news";

fn outcome(result: Result<(), OrdersError>, delivery: &Delivery) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(error) => outcome_of(&error, delivery.attempt),
    }
}
