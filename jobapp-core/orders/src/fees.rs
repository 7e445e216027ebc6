//! Who gets which part of the money. Everything is rounded down to the cent; what is left over is the marketplace's.

use jobapp_kernel::Money;

/// Below this price a fixed amount is added to the fee.
const SMALL_ORDER: Money = Money::from_cents(50_00);
/// The fixed amount.
const SMALL_ORDER_FEE: Money = Money::from_cents(2_00);

/// What the buyer pays on top of the price: 5.5 %, and 2.00 more below a price of 50.00.
///
/// ```
/// use jobapp_kernel::Money;
/// use jobapp_orders::fees::service_fee;
/// assert_eq!(service_fee(Money::from_cents(5_00)), Money::from_cents(2_27));
/// assert_eq!(service_fee(Money::from_cents(50_00)), Money::from_cents(2_75));
/// ```
pub fn service_fee(price: Money) -> Money {
    let share = price.permille(55);
    if price < SMALL_ORDER { share + SMALL_ORDER_FEE } else { share }
}

/// What the buyer pays: the price and the fee. The quantity is always one, the price is the total.
pub fn total(price: Money) -> Money {
    price + service_fee(price)
}

/// What the seller earns: 80 % of the price.
pub const fn seller_share(price: Money) -> Money {
    price.permille(800)
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::Price;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fee_is_rounded_down() {
        for (price, fee) in [(1, 200), (500, 227), (2000, 310), (4999, 474), (5000, 275), (7500, 412), (100_000, 5500)]
        {
            assert_eq!(service_fee(Money::from_cents(price)).cents(), fee, "{price}");
        }
    }

    #[test]
    fn for_every_whole_price_the_fee_is_never_above_the_one_shown() {
        for price in 1..=1000_i32 {
            let shown = f64::from(price) * 5.5 / 100.0 + if price < 50 { 2.0 } else { 0.0 };
            let fee = service_fee(Money::from_cents(i64::from(price) * 100)).to_decimal();
            assert!(fee <= shown + 1e-9 && fee > shown - 0.01, "{price}: {fee} for {shown}");
        }
    }

    #[test]
    fn the_highest_price_is_the_highest_that_a_payment_carries() {
        // The largest amount Stripe takes at once.
        let largest = Money::from_cents(99_999_999);
        let highest = Price::HIGHEST.money();
        assert!(total(highest) <= largest && total(highest + Money::from_cents(1)) > largest, "{}", total(highest));
    }

    proptest! {
        #[test]
        fn no_cent_is_made_or_lost(cents in 1_i64..99_999_999) {
            let price = Money::from_cents(cents);
            let (fee, share) = (service_fee(price), seller_share(price));
            prop_assert!(fee >= Money::ZERO && share >= Money::ZERO && share <= price);
            let marketplace = total(price) - share;
            prop_assert_eq!(share + marketplace, price + fee);
            prop_assert!(marketplace >= fee);
        }

        #[test]
        fn both_parts_are_within_a_cent_of_the_exact_ones(cents in 1_i64..99_999_999) {
            let price = Money::from_cents(cents);
            let small = if cents < 5000 { 200_000 } else { 0 };
            let exact_fee = cents * 55 + small;
            let exact_share = cents * 800;
            prop_assert!((0..1000).contains(&(exact_fee - service_fee(price).cents() * 1000)));
            prop_assert!((0..1000).contains(&(exact_share - seller_share(price).cents() * 1000)));
        }
    }
}
