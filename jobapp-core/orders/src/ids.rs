//! What orders, payments and facts are known by.

use std::fmt;
use std::str::FromStr;

use jobapp_kernel::{InvalidId, KeyValue, object_id};
use serde::{Deserialize, Serialize};

object_id!(
    /// The document id of an order. The public one is its [`OrderNumber`].
    OrderObjectId
);
object_id!(
    /// The id of a notification about an order.
    NotificationId
);
object_id!(
    /// The id of what we know of a payment.
    PaymentId
);
object_id!(
    /// The id of a gig.
    GigId
);
object_id!(
    /// The document id of a seller.
    SellerId
);
object_id!(
    /// The document id of a buyer.
    BuyerId
);
object_id!(
    /// The id of the chat message that carries an offer.
    OfferId
);

/// The public number of an order, made by the client: 1 to 64 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderNumber(String);

impl OrderNumber {
    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrderNumber {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId::new(text, "1 to 64 letters, digits, - and _"))
    }
}

impl TryFrom<String> for OrderNumber {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<OrderNumber> for String {
    fn from(number: OrderNumber) -> Self {
        number.0
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&OrderNumber> for KeyValue {
    fn from(number: &OrderNumber) -> Self {
        Self::from(number.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_and_short() {
        assert!("JO52310984761".parse::<OrderNumber>().is_ok());
        let long = "J".repeat(65);
        for bad in ["", "JO 1", "../x", "JO/1", "é", long.as_str()] {
            assert!(bad.parse::<OrderNumber>().is_err(), "{bad}");
        }
    }
}
