//! Whose tables or collections are whose in a database that several services share.

use std::fmt;

/// The longest name, so that the names of tables and indexes stay short enough for every database.
const LONGEST: usize = 16;

/// Which tables or collections of a database are a store's own: aggregates, outbox, inbox, sequences and leases alike.
///
/// Several services may share a database when each has a namespace of its own. Without one a store has the database to itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespace(String);

/// A text that is no name of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name of at most {LONGEST} letters a to z and digits that begins with a letter")]
pub struct InvalidNamespace(String);

impl Namespace {
    /// The namespace of this name, such as `order`.
    ///
    /// # Errors
    /// [`InvalidNamespace`] for another text: namespaces are told apart by what comes before the first underscore.
    pub fn new(name: &str) -> Result<Self, InvalidNamespace> {
        let is_fit = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
            && name.len() <= LONGEST;
        if is_fit { Ok(Self(name.to_owned())) } else { Err(InvalidNamespace(name.to_owned())) }
    }

    /// Whether the store shares its database.
    pub fn is_shared(&self) -> bool {
        !self.0.is_empty()
    }

    /// What a table or a collection is called in the database.
    pub fn name_of(&self, name: &str) -> String {
        if self.is_shared() { format!("{}_{name}", self.0) } else { name.to_owned() }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_short_word() {
        assert_eq!(Namespace::new("order").unwrap().name_of("card"), "order_card");
        assert_eq!(Namespace::default().name_of("card"), "card");
        let wrong =
            ["", "Order", "order_item", "1st", "a b", "seventeen_letters", "abcdefghijklmnopq", "o\"x", "o$x", "o.x"];
        for name in wrong {
            assert!(Namespace::new(name).is_err(), "{name:?}");
        }
    }
}
