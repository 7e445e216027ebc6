//! `user-profile-queue`: our own news of sellers, to mark their buyers.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Outcome, Subscription};
use jobapp_runtime::json_handler;
use jobapp_users::Users;
use jobapp_wire::messages::ProfileChanged;
use jobapp_wire::queues::USER_PROFILE;

use super::outcome;

pub(crate) fn consumer(users: Users) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |profile: ProfileChanged, delivery: Delivery| {
        let users = users.clone();
        async move {
            match profile {
                ProfileChanged::Seller { username, .. } => outcome(users.mark_as_seller(&username).await, &delivery),
                ProfileChanged::Buyer { .. } => Outcome::Done,
            }
        }
    });
    (Subscription::to(USER_PROFILE).commuting(), handler)
}
