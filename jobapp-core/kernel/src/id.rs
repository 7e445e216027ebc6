//! Identifiers: typed, printable, and parsed where they enter.

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What can identify an aggregate: it prints to a text of at most [`crate::MAX_KEY_BYTES`] bytes and parses back from it.
pub trait Identifier:
    Clone + Eq + Ord + Hash + fmt::Debug + fmt::Display + FromStr<Err = InvalidId> + Send + Sync + 'static
{
}

impl<T> Identifier for T where
    T: Clone + Eq + Ord + Hash + fmt::Debug + fmt::Display + FromStr<Err = InvalidId> + Send + Sync + 'static
{
}

/// A text that is no identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidId {
    /// What was given, cut to 64 characters.
    pub value: String,
    /// What would have been right, for example `24 lower-case hexadecimal characters`.
    pub expected: &'static str,
}

impl InvalidId {
    /// Says that `value` is not `expected`.
    pub fn new(value: &str, expected: &'static str) -> Self {
        Self { value: value.chars().take(64).collect(), expected }
    }
}

/// The id of a document: 12 bytes, written as 24 lower-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 12]);

impl ObjectId {
    /// The id made of these bytes.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The bytes the id is made of.
    pub const fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// When the id was made, to the second: its first four bytes. An id somebody made up tells any time.
    pub fn made_at(&self) -> Timestamp {
        let [a, b, c, d, ..] = self.0;
        Timestamp::from_millis(i64::from(u32::from_be_bytes([a, b, c, d])) * 1000).unwrap_or(Timestamp::EPOCH)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0_u8; 24];
        for (i, byte) in self.0.iter().enumerate() {
            text[2 * i] = HEX[usize::from(byte >> 4)];
            text[2 * i + 1] = HEX[usize::from(byte & 15)];
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

impl FromStr for ObjectId {
    type Err = InvalidId;

    /// Accepts 24 hexadecimal characters of either case.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new(text, "24 hexadecimal characters");
        let digits = text.as_bytes();
        if digits.len() != 24 {
            return Err(invalid());
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let mut bytes = [0_u8; 12];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0]).ok_or_else(invalid)? << 4 | digit(pair[1]).ok_or_else(invalid)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ObjectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The number of an account: positive, given out in order, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AccountId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(InvalidId::new(text, "a positive whole number")),
        }
    }
}

/// Declares an id type that wraps an [`ObjectId`], so that a seller's id cannot be passed for a gig's.
///
/// ```
/// jobapp_kernel::object_id!(
///     /// The id of a kettle.
///     KettleId
/// );
/// let id: KettleId = "66f0c0ffee0000000000b001".parse().unwrap();
/// assert_eq!(id.to_string(), "66f0c0ffee0000000000b001");
/// ```
#[macro_export]
macro_rules! object_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $crate::ObjectId);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::InvalidId;

            fn from_str(text: &str) -> ::std::result::Result<Self, $crate::InvalidId> {
                text.parse().map(Self)
            }
        }

        impl ::std::convert::From<$crate::ObjectId> for $name {
            fn from(id: $crate::ObjectId) -> Self {
                Self(id)
            }
        }

        impl ::std::convert::From<$name> for $crate::KeyValue {
            fn from(id: $name) -> Self {
                $crate::KeyValue::from(id.to_string())
            }
        }

        impl ::std::convert::From<&$name> for $crate::KeyValue {
            fn from(id: &$name) -> Self {
                $crate::KeyValue::from(id.to_string())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, s: S) -> ::std::result::Result<S::Ok, S::Error> {
                ::serde::Serialize::serialize(&self.0, s)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(d: D) -> ::std::result::Result<Self, D::Error> {
                ::serde::Deserialize::deserialize(d).map(Self)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_ids_survive_a_round_trip() {
        let id: ObjectId = "66F0c0ffee0000000000b001".parse().unwrap();
        assert_eq!(id.to_string(), "66f0c0ffee0000000000b001");
        assert_eq!(serde_json::from_str::<ObjectId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn object_ids_refuse_other_texts() {
        for text in
            ["", "undefined", "66f0c0ffee0000000000b00", "66f0c0ffee0000000000b00g", "66f0c0ffee0000000000b0011"]
        {
            assert!(text.parse::<ObjectId>().is_err(), "{text}");
        }
    }

    #[test]
    fn object_ids_tell_when_they_were_made() {
        let id: ObjectId = "69243000ee0000000000b001".parse().unwrap();
        assert_eq!(id.made_at(), "2025-11-24T10:14:24Z".parse().unwrap());
        assert_eq!(ObjectId::from_bytes([0; 12]).made_at(), Timestamp::EPOCH);
    }

    #[test]
    fn account_ids_are_positive() {
        assert!("0".parse::<AccountId>().is_err());
        assert!("-1".parse::<AccountId>().is_err());
        assert_eq!("7".parse::<AccountId>().unwrap(), AccountId(7));
    }
}
