//! Money: whole cents. Decimals exist only on the wire.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};

use serde::{Deserialize, Serialize};

/// An amount of money in cents of the marketplace's one currency (US dollars). May be negative in a ledger.
///
/// Stored as an integer number of cents; [`Money::to_decimal`] is what goes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// An amount that is not a number of cents the marketplace can hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{0} is not an amount of money between -1,000,000,000,000 and 1,000,000,000,000")]
pub struct InvalidMoney(pub f64);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The largest amount accepted from outside, in cents: 10¹² units.
    const LIMIT: f64 = 1e14;

    /// This many cents.
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents)
    }

    /// Reads a wire amount, such as `19.99`; parts of a cent are rounded to the nearest cent.
    ///
    /// # Errors
    /// [`InvalidMoney`] for NaN, infinities and amounts beyond 10¹² units.
    pub fn from_decimal(amount: f64) -> Result<Self, InvalidMoney> {
        let cents = (amount * 100.0).round();
        if !cents.is_finite() || cents.abs() > Self::LIMIT {
            return Err(InvalidMoney(amount));
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked against the limit above")]
        Ok(Self(cents as i64))
    }

    /// The amount in cents.
    pub const fn cents(self) -> i64 {
        self.0
    }

    /// The amount as the wire's JSON number of whole units, such as `19.99`.
    pub fn to_decimal(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "amounts stay below 2^53 cents")]
        let cents = self.0 as f64;
        cents / 100.0
    }

    /// `permille` thousandths of the amount, rounded down to the cent: 5.5 % is `permille(55)`.
    pub const fn permille(self, permille: i64) -> Self {
        Self((self.0 * permille).div_euclid(1000))
    }

    /// Whether the amount is above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl fmt::Display for Money {
    /// The shortest plain number: `20`, `4.2`, `19.99`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_decimal().fmt(f)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn displays_the_shortest_number() {
        assert_eq!(Money::from_cents(2000).to_string(), "20");
        assert_eq!(Money::from_cents(420).to_string(), "4.2");
        assert_eq!(Money::from_cents(1999).to_string(), "19.99");
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for amount in [f64::NAN, f64::INFINITY, 1e30, -1e30] {
            assert!(Money::from_decimal(amount).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_cent_survives_the_wire(cents in -10_000_000_000_i64..10_000_000_000) {
            prop_assert_eq!(Money::from_decimal(Money::from_cents(cents).to_decimal()).unwrap().cents(), cents);
        }

        #[test]
        fn a_share_and_its_remainder_are_the_whole(cents in 0_i64..1_000_000_000, permille in 0_i64..=1000) {
            let whole = Money::from_cents(cents);
            let share = whole.permille(permille);
            prop_assert!(share <= whole && share >= Money::ZERO);
        }
    }
}
