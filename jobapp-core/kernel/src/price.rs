//! What things cost.

use crate::Money;

/// What something costs: above zero, and so little that one payment can carry it with the service fee on top.
///
/// Whatever is to be bought one day has a price of this kind from the moment somebody asks for it: gigs, offers, payments
/// and orders.
///
/// ```
/// use jobapp_kernel::{InvalidPrice, Money, Price};
///
/// assert!(Price::try_from(Money::from_cents(1)).is_ok());
/// assert_eq!(Price::try_from(Money::ZERO), Err(InvalidPrice::NotPositive));
/// let more = Price::HIGHEST.money() + Money::from_cents(1);
/// assert_eq!(Price::try_from(more).unwrap_err().to_string(), "a price is at most 947867.29");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(Money);

/// Why an amount is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrice {
    /// Nothing, or less.
    #[error("a price is above zero")]
    NotPositive,
    /// No payment could carry it.
    #[error("a price is at most {}", Price::HIGHEST.money())]
    TooHigh,
}

impl Price {
    /// The highest price. With the service fee it is the most that a payment provider takes at once: 999,999.99.
    pub const HIGHEST: Self = Self(Money::from_cents(94_786_729));

    /// The amount.
    pub const fn money(self) -> Money {
        self.0
    }
}

impl TryFrom<Money> for Price {
    type Error = InvalidPrice;

    fn try_from(amount: Money) -> Result<Self, InvalidPrice> {
        if !amount.is_positive() {
            return Err(InvalidPrice::NotPositive);
        }
        if amount > Self::HIGHEST.money() {
            return Err(InvalidPrice::TooHigh);
        }
        Ok(Self(amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_positive_and_payable() {
        for (cents, expected) in [
            (i64::MIN, Err(InvalidPrice::NotPositive)),
            (-1, Err(InvalidPrice::NotPositive)),
            (0, Err(InvalidPrice::NotPositive)),
            (1, Ok(1)),
            (94_786_729, Ok(94_786_729)),
            (94_786_730, Err(InvalidPrice::TooHigh)),
            (i64::MAX, Err(InvalidPrice::TooHigh)),
        ] {
            let price = Price::try_from(Money::from_cents(cents)).map(|price| price.money().cents());
            assert_eq!(price, expected, "{cents}");
        }
    }
}
