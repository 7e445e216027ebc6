//! What a seller's orders and gigs add up to.

use jobapp_kernel::{Money, Timestamp};
use serde::{Deserialize, Serialize};

/// Something about a seller that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// An order was placed.
    OrderPlaced,
    /// An order was approved.
    OrderApproved {
        /// The seller's share of its price.
        earnings: Money,
        /// When.
        at: Timestamp,
    },
    /// An order was cancelled.
    OrderCancelled,
    /// A gig was made.
    GigCreated,
    /// A gig was deleted.
    GigDeleted,
}

/// Something that cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTally {
    /// An approved order takes nothing from the seller.
    #[error("an approved order cannot earn {0}")]
    Earnings(Money),
}

/// Counters of a seller. Additions commute, so a cancellation may be counted before the order it belongs to: for that
/// moment a counter is below zero inside, and zero outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    ongoing: i64,
    completed: i64,
    cancelled: i64,
    earnings: Money,
    gigs: i64,
    recent_delivery: Option<Timestamp>,
}

impl Work {
    /// Counters that were kept elsewhere before.
    pub const fn restored(
        ongoing: i64,
        completed: i64,
        cancelled: i64,
        earnings: Money,
        gigs: i64,
        recent_delivery: Option<Timestamp>,
    ) -> Self {
        Self { ongoing, completed, cancelled, earnings, gigs, recent_delivery }
    }

    /// The counters with one thing more.
    ///
    /// # Errors
    /// [`InvalidTally`] for negative earnings.
    pub fn counted(mut self, tally: Tally) -> Result<Self, InvalidTally> {
        match tally {
            Tally::OrderPlaced => self.ongoing += 1,
            Tally::OrderApproved { earnings, .. } if earnings < Money::ZERO => {
                return Err(InvalidTally::Earnings(earnings));
            }
            Tally::OrderApproved { earnings, at } => {
                self.ongoing -= 1;
                self.completed += 1;
                self.earnings = Money::from_cents(self.earnings.cents().saturating_add(earnings.cents()));
                self.recent_delivery = self.recent_delivery.max(Some(at));
            }
            Tally::OrderCancelled => {
                self.ongoing -= 1;
                self.cancelled += 1;
            }
            Tally::GigCreated => self.gigs += 1,
            Tally::GigDeleted => self.gigs -= 1,
        }
        Ok(self)
    }

    /// Orders that are being worked on.
    pub fn ongoing(&self) -> i64 {
        self.ongoing.max(0)
    }

    /// Orders that were approved.
    pub const fn completed(&self) -> i64 {
        self.completed
    }

    /// Orders that were cancelled.
    pub const fn cancelled(&self) -> i64 {
        self.cancelled
    }

    /// The seller's shares of all approved orders.
    pub const fn earnings(&self) -> Money {
        self.earnings
    }

    /// Gigs there are.
    pub fn gigs(&self) -> i64 {
        self.gigs.max(0)
    }

    /// When an order was last approved.
    pub const fn recent_delivery(&self) -> Option<Timestamp> {
        self.recent_delivery
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_tally() -> impl Strategy<Value = Tally> {
        prop_oneof![
            Just(Tally::OrderPlaced),
            (0_i64..1_000_000, 0_i64..4_000_000_000).prop_map(|(cents, at)| Tally::OrderApproved {
                earnings: Money::from_cents(cents),
                at: Timestamp::from_millis(at).unwrap(),
            }),
            Just(Tally::OrderCancelled),
            Just(Tally::GigCreated),
            Just(Tally::GigDeleted),
        ]
    }

    fn count_all(tallies: &[Tally]) -> Work {
        tallies.iter().fold(Work::default(), |work, tally| work.counted(*tally).unwrap())
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            (arrived, shuffled) in prop::collection::vec(any_tally(), 0..20)
                .prop_flat_map(|tallies| (Just(tallies.clone()), Just(tallies).prop_shuffle()))
        ) {
            prop_assert_eq!(count_all(&arrived), count_all(&shuffled));
        }

        #[test]
        fn no_counter_is_shown_below_zero(tallies in prop::collection::vec(any_tally(), 0..20)) {
            let work = count_all(&tallies);
            prop_assert!(work.ongoing() >= 0 && work.completed() >= 0 && work.cancelled() >= 0 && work.gigs() >= 0);
        }
    }

    #[test]
    fn cancelling_before_placing_is_the_same_as_after() {
        let work = count_all(&[Tally::OrderCancelled]);
        assert_eq!((work.ongoing(), work.cancelled()), (0, 1));
        let work = work.counted(Tally::OrderPlaced).unwrap();
        assert_eq!((work.ongoing(), work.cancelled()), (0, 1));
        let work = work.counted(Tally::OrderPlaced).unwrap();
        assert_eq!(work.ongoing(), 1);
    }

    #[test]
    fn negative_earnings_are_refused() {
        let tally = Tally::OrderApproved { earnings: Money::from_cents(-1), at: Timestamp::EPOCH };
        assert_eq!(Work::default().counted(tally), Err(InvalidTally::Earnings(Money::from_cents(-1))));
    }
}
