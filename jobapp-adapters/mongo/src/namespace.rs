//! Whose collections are whose in a database that several services share.

use std::fmt;

/// The longest name, so that the names of collections stay short.
const LONGEST: usize = 16;

/// Which collections of a database are a store's own: aggregates, claims, inbox, sequences and leases alike.
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
    /// [`InvalidNamespace`] for another text: collections are told apart by what comes before the first underscore.
    pub fn new(name: &str) -> Result<Self, InvalidNamespace> {
        let is_letter = |letter: char| letter.is_ascii_lowercase();
        let is_fit = (1..=LONGEST).contains(&name.len())
            && name.starts_with(is_letter)
            && name.chars().all(|one| is_letter(one) || one.is_ascii_digit());
        is_fit.then(|| Self(name.to_owned())).ok_or_else(|| InvalidNamespace(name.to_owned()))
    }

    /// What a collection is called in the database.
    pub(crate) fn collection(&self, name: &str) -> String {
        if self.0.is_empty() { name.to_owned() } else { format!("{}_{name}", self.0) }
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
        assert_eq!(Namespace::new("order").unwrap().collection("card"), "order_card");
        assert_eq!(Namespace::default().collection("card"), "card");
        for name in ["", "Order", "order_item", "1st", "a b", "abcdefghijklmnopq", "o$x", "o.x"] {
            assert!(Namespace::new(name).is_err(), "{name:?}");
        }
    }
}
