//! More time for an order: what is asked for, and whether it is any.

use std::time::Duration;

use jobapp_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A request for more time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The date as it was, in the client's text.
    pub original_date: String,
    /// The date asked for, in the client's text.
    pub new_date: String,
    /// The date asked for.
    pub new_due: Timestamp,
    /// The new number of days of work.
    pub days: i64,
    /// Why.
    pub reason: String,
}

/// Why a request for more time asks for none that could be given. The texts are for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExtension {
    /// The date asked for is not after the one that counts.
    #[error("The new delivery date must be after the current one.")]
    NotLater,
    /// The date asked for has passed.
    #[error("The new delivery date must be in the future.")]
    Past,
    /// Nobody plans that far.
    #[error("The new delivery date must be within {} days.", Extension::MOST_DAYS)]
    TooFar,
}

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Extension {
    /// The most days by which a date moves.
    pub const MOST_DAYS: u32 = 3650;
    /// The same as a time: nobody plans further.
    pub(crate) const MOST: Duration = DAY.saturating_mul(Self::MOST_DAYS);

    /// Whether it gives more time to an order that is `due`.
    pub(crate) fn check(&self, due: Timestamp, now: Timestamp) -> Result<(), InvalidExtension> {
        if self.new_due <= due {
            return Err(InvalidExtension::NotLater);
        }
        if self.new_due <= now {
            return Err(InvalidExtension::Past);
        }
        if self.new_due > due.max(now).plus(Self::MOST) {
            return Err(InvalidExtension::TooFar);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_time_ends_after_the_date_that_counts_and_after_now_and_not_too_far_ahead() {
        let day = |number: i64| Timestamp::from_millis(number * 86_400_000).unwrap();
        let asked = |number| Extension {
            original_date: String::new(),
            new_date: String::new(),
            new_due: day(number),
            days: 1,
            reason: "illness".into(),
        };
        for (due, now, new, expected) in [
            (10, 5, 11, Ok(())),
            (10, 5, 10, Err(InvalidExtension::NotLater)),
            (10, 5, 7, Err(InvalidExtension::NotLater)),
            (10, 5, -365, Err(InvalidExtension::NotLater)),
            (10, 20, 15, Err(InvalidExtension::Past)),
            (10, 20, 20, Err(InvalidExtension::Past)),
            (10, 20, 21, Ok(())),
            (10, 5, 3660, Ok(())),
            (10, 5, 3661, Err(InvalidExtension::TooFar)),
            (10, 20, 3670, Ok(())),
            (10, 20, 3671, Err(InvalidExtension::TooFar)),
        ] {
            assert_eq!(asked(new).check(day(due), day(now)), expected, "due on {due}, on {now} until {new}");
        }
    }
}
