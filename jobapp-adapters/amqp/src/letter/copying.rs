//! Copies of a message that moves: to wait, to die, to begin anew.
//!
//! They keep every property and header of the original, also those the port does not know. Left out is what would do harm: the broker's
//! notes (a copy that keeps them may be dropped for going in circles), an expiry (it would shorten a wait and lose a dead letter), headers that
//! send further copies, and the name of the foreign user, which the broker compares with ours.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::message::Delivery as FromBroker;
use lapin::types::FieldTable;

use super::envelope::Letter;
use super::marks::{Death, Marks, OURS, is_for_further_copies, is_mark};
use super::writing::PERSISTENT;
use crate::AmqpError;
use crate::names::{self, Delay};

/// A copy that comes back after this time, with these marks.
pub(crate) fn parked(queue: &str, from: &FromBroker, after: Duration, marks: Marks) -> Result<Letter, AmqpError> {
    let (delay, wait) = Delay::of(after);
    copy(&delay.queue(queue), from, &Marks { wait, ..marks })
}

/// A copy for the dead letters.
pub(crate) fn buried(queue: &str, from: &FromBroker, death: Death, marks: Marks) -> Result<Letter, AmqpError> {
    copy(&names::dead(queue), from, &Marks { wait: Duration::ZERO, death: Some(death), ..marks })
}

/// A copy that begins anew; `origin` is where it was published first.
pub(crate) fn replayed(queue: &str, from: &FromBroker, origin: (String, String)) -> Result<Letter, AmqpError> {
    copy(queue, from, &Marks { origin: Some(origin), ..Marks::default() })
}

fn copy(to: &str, from: &FromBroker, marks: &Marks) -> Result<Letter, AmqpError> {
    let mut headers = FieldTable::default();
    if let Some(original) = from.properties.headers() {
        for (name, value) in original.inner() {
            let left_out = is_mark(name.as_str()) || is_for_further_copies(name.as_str());
            if !left_out {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
    debug_assert!(headers.inner().keys().all(|name| !name.as_str().starts_with(OURS)));
    marks.write(&mut headers);
    let properties = without_expiry_and_user(&from.properties).with_delivery_mode(PERSISTENT).with_headers(headers);
    Letter::to_queue(to, properties, from.data.clone())
}

/// The client's properties can be set and not unset.
fn without_expiry_and_user(from: &BasicProperties) -> BasicProperties {
    let mut copy = BasicProperties::default();
    macro_rules! keep {
        ($($read:ident => $write:ident),*) => {
            $(if let Some(value) = from.$read().clone() {
                copy = copy.$write(value);
            })*
        };
    }
    keep!(
        content_type => with_content_type, content_encoding => with_content_encoding, priority => with_priority,
        correlation_id => with_correlation_id, reply_to => with_reply_to, message_id => with_message_id,
        timestamp => with_timestamp, kind => with_type, app_id => with_app_id, cluster_id => with_cluster_id
    );
    copy
}
