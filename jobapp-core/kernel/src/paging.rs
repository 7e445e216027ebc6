//! Keyset paging: a page ends with a cursor, never with an offset.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::KeyValue;

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Direction {
    /// Smallest sort value first.
    #[default]
    Ascending,
    /// Largest sort value first: the newest, when the key sorts by time.
    Descending,
}

/// Where a page ended: the sort value and the id of its last item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last item's sort value.
    pub sort: KeyValue,
    /// The last item's id, which breaks ties, bytewise.
    pub id: String,
}

/// A text that is no cursor of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a cursor that a page ended with")]
pub struct InvalidCursor(pub String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sort {
            KeyValue::Int(number) => write!(f, "i{number}:{}", self.id),
            KeyValue::Text(text) => write!(f, "t{}:{text}{}", text.len(), self.id),
        }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let parse = || {
            // No stored value has it, and not every database can compare it.
            let text = Some(text).filter(|text| !text.contains('\0'))?;
            let (head, rest) = text.split_once(':')?;
            if let Some(number) = head.strip_prefix('i') {
                return Some(Self { sort: KeyValue::Int(number.parse().ok()?), id: rest.to_owned() });
            }
            let length: usize = head.strip_prefix('t')?.parse().ok()?;
            let (sort, id) = rest.split_at_checked(length)?;
            Some(Self { sort: KeyValue::Text(sort.to_owned()), id: id.to_owned() })
        };
        parse().ok_or_else(|| InvalidCursor(text.chars().take(64).collect()))
    }
}

/// What part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The most items to return.
    pub limit: usize,
    /// Start behind this place; `None` starts at the first item of the direction.
    pub after: Option<Cursor>,
    /// Which way to go.
    pub direction: Direction,
}

impl PageRequest {
    /// The first `limit` items in ascending order.
    pub const fn first(limit: usize) -> Self {
        Self { limit, after: None, direction: Direction::Ascending }
    }

    /// The last `limit` items, the last one first: the newest when the key sorts by time.
    pub const fn newest(limit: usize) -> Self {
        Self { limit, after: None, direction: Direction::Descending }
    }

    /// The same, behind `cursor`.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the direction asked for.
    pub items: Vec<T>,
    /// Where to go on; `None` when the list has ended.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), next: self.next }
    }
}

/// An interval of key values; `None` is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounds {
    /// The smallest value wanted, itself included.
    pub from: Option<KeyValue>,
    /// The first value no longer wanted.
    pub until: Option<KeyValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_a_round_trip() {
        for sort in [KeyValue::Int(-5), KeyValue::Text("a:b é".into()), KeyValue::Text(String::new())] {
            let cursor = Cursor { sort, id: "x:1".into() };
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
    }

    #[test]
    fn other_texts_are_no_cursors() {
        for text in ["", "i", "ix:1", "t9:short", "t1:é", "i1:\0", "t1:\0x"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
