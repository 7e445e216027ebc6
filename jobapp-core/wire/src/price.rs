//! Prices in bodies.

use jobapp_kernel::{InvalidPrice, Money, Price};

use crate::validate::Invalid;

/// [`Price::HIGHEST`] in whole units, for tables.
pub(crate) const HIGHEST: f64 = 947_867.29;

/// The price that a number of whole units is. `shown` is the field's name.
pub(crate) fn price(units: f64, shown: &str) -> Result<Price, Invalid> {
    // What is too much for money is too much for a price, too.
    let of_huge = if units > 0.0 { InvalidPrice::TooHigh } else { InvalidPrice::NotPositive };
    let price = Money::from_decimal(units).map_err(|_| of_huge).and_then(Price::try_from);
    price.map_err(|invalid| match invalid {
        InvalidPrice::NotPositive => Invalid::new(format!("\"{shown}\" must be a positive number")),
        InvalidPrice::TooHigh => {
            Invalid::new(format!("\"{shown}\" must be less than or equal to {}", Price::HIGHEST.money()))
        }
    })
}

/// A price as the wire's JSON number of whole units.
pub(crate) mod decimal {
    use jobapp_kernel::{Money, Price};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(price: &Price, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(price.money().to_decimal())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Price, D::Error> {
        let money = Money::from_decimal(f64::deserialize(deserializer)?).map_err(Error::custom)?;
        Price::try_from(money).map_err(Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_price_of_the_tables_is_the_highest_there_is() {
        assert_eq!(Money::from_decimal(HIGHEST).unwrap(), Price::HIGHEST.money());
    }

    #[test]
    fn a_price_is_read_up_to_what_a_payment_carries() {
        for (units, expected) in [
            (0.01, Ok(1)),
            (947_867.29, Ok(94_786_729)),
            (947_867.294, Ok(94_786_729)),
            (947_867.3, Err("\"price\" must be less than or equal to 947867.29")),
            (947_868.0, Err("\"price\" must be less than or equal to 947867.29")),
            (999_999.99, Err("\"price\" must be less than or equal to 947867.29")),
            (1e300, Err("\"price\" must be less than or equal to 947867.29")),
            (0.0, Err("\"price\" must be a positive number")),
            (0.001, Err("\"price\" must be a positive number")),
            (-1e300, Err("\"price\" must be a positive number")),
        ] {
            let read = price(units, "price").map(|price| price.money().cents()).map_err(|invalid| invalid.message);
            assert_eq!(read, expected.map_err(str::to_owned), "{units}");
        }
    }
}
