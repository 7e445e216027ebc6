//! What tells users apart, everywhere.

use std::fmt;
use std::str::FromStr;

use jobapp_kernel::{InvalidId, MAX_KEY_BYTES};
use serde::{Deserialize, Serialize};

jobapp_kernel::object_id!(
    /// The document id of a buyer.
    BuyerId
);

jobapp_kernel::object_id!(
    /// The document id of a seller.
    SellerId
);

/// A user name in its stored form. Unique and unchangeable, so it identifies a user across services.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Username {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            return Err(InvalidId::new(text, "a user name"));
        }
        Ok(Self(text.to_owned()))
    }
}
