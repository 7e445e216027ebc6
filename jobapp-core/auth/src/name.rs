//! User names and addresses in the form they are stored and looked up in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names that are path segments or words of the client.
const RESERVED: [&str; 6] = ["email", "username", "conversation", "conversations", "undefined", "null"];

/// Characters that would break paths, which the existing client builds without encoding.
const FORBIDDEN: [char; 5] = ['/', '\\', '?', '#', '%'];

/// The longest address a store can index, in bytes.
const MAX_EMAIL_BYTES: usize = jobapp_kernel::MAX_KEY_BYTES;

/// A user name in stored form: every word begins with a capital letter and goes on in small ones, one space between words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

/// A name nobody may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid username")]
pub struct InvalidUsername;

impl Username {
    /// A new user's name.
    ///
    /// # Errors
    /// [`InvalidUsername`] for a reserved name, one with a character that breaks paths or cannot be seen, and one that is
    /// shorter than four characters without the spaces around it.
    pub fn new(text: &str) -> Result<Self, InvalidUsername> {
        if text.chars().any(is_forbidden) {
            return Err(InvalidUsername);
        }
        let name = Self::lookup(text);
        let is_reserved = RESERVED.contains(&name.0.to_lowercase().as_str());
        if is_reserved || name.0.encode_utf16().count() < 4 { Err(InvalidUsername) } else { Ok(name) }
    }

    /// The stored form of a name somebody typed, to look for it. Nobody need have it.
    pub fn lookup(text: &str) -> Self {
        let words: Vec<String> = text.split(' ').filter(|word| !word.is_empty()).map(capitalised).collect();
        Self(words.join(" "))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_forbidden(c: char) -> bool {
    let is_unseen = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || is_unseen || FORBIDDEN.contains(&c) || c.is_whitespace() && c != ' '
}

/// The stored form of a word. It depends on nothing but the word's small letters, and has the same small letters: so two stored
/// forms are equal exactly when their small letters are, and a comparison in any case is never fooled by look-alikes such as
/// the Kelvin sign, whose small letter is an ordinary k.
fn capitalised(word: &str) -> String {
    let small = word.to_lowercase();
    let mut characters = small.chars();
    let first = characters.next().map(|c| {
        let mut capital = c.to_uppercase();
        match (capital.next(), capital.next()) {
            (Some(capital), None) if capital.to_lowercase().eq([c]) => capital,
            _ => c,
        }
    });
    first.into_iter().chain(characters).collect()
}

/// An address in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// A text that is no address, or one that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid email")]
pub struct InvalidEmail;

impl EmailAddress {
    /// The stored form of an address. Whether its domain can exist is the business of who read it from a form.
    ///
    /// # Errors
    /// [`InvalidEmail`] when it has no `@` with something on both sides, or is longer than a store can index.
    pub fn new(text: &str) -> Result<Self, InvalidEmail> {
        let lower = text.trim().to_lowercase();
        let has_parts = lower.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        let is_plain = !lower.chars().any(|c| c.is_control() || c.is_whitespace());
        if has_parts && is_plain && lower.len() <= MAX_EMAIL_BYTES { Ok(Self(lower)) } else { Err(InvalidEmail) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_stored_names_never_have_the_same_small_letters() {
        let mut stored_by_small = std::collections::HashMap::new();
        let has_cases = |c: &char| !c.to_lowercase().eq([*c]) || !c.to_uppercase().eq([*c]);
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32).filter(has_cases) {
            for typed in [format!("{c}ate"), format!("at{c}"), format!("a{c}e")] {
                let stored = Username::lookup(&typed);
                assert_eq!(Username::lookup(stored.as_str()), stored, "{typed:?}");
                let small = stored.as_str().to_lowercase();
                let first = stored_by_small.entry(small).or_insert_with(|| stored.clone());
                assert_eq!(*first, stored, "{typed:?}");
            }
        }
        assert_eq!(Username::lookup("\u{212a}ate"), Username::lookup("kate"));
    }

    #[test]
    fn words_begin_with_a_capital() {
        for (typed, stored) in [
            ("aLICE", "Alice"),
            ("john doe", "John Doe"),
            (" john  DOE ", "John Doe"),
            ("éMILE", "Émile"),
            ("ßeta", "ßeta"),
            ("o'NEIL", "O'neil"),
            ("4you", "4you"),
        ] {
            assert_eq!(Username::new(typed).unwrap().as_str(), stored);
        }
    }

    #[test]
    fn names_that_break_paths_or_words_of_the_client_are_refused() {
        let refused = [
            "a/bcd",
            "a\\bcd",
            "ab?cd",
            "ab#cd",
            "ab%cd",
            "ab\ncd",
            "ab\tcd",
            "ab\u{200b}cd",
            "ab\u{202e}cd",
            "ab\u{a0}cd",
            "ab   ",
            "Email",
            "USERNAME",
            "conversation",
            "Undefined",
            "null",
        ];
        for name in refused {
            assert_eq!(Username::new(name), Err(InvalidUsername), "{name:?}");
        }
    }

    #[test]
    fn addresses_are_lower_case_and_fit_into_an_index() {
        assert_eq!(EmailAddress::new("Marta@Example.ORG").unwrap().as_str(), "marta@example.org");
        let long = format!("{}@{}.com", "a".repeat(64), "b.".repeat(70));
        for bad in ["", "@", "a@", "@b", "plain", "a b@c.com", long.as_str()] {
            assert!(EmailAddress::new(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_stored_form_of_a_stored_form_is_itself(text in "\\PC{0,14}") {
            let stored = Username::lookup(&text);
            prop_assert_eq!(Username::lookup(stored.as_str()), stored.clone());
            prop_assert_eq!(Username::lookup(&stored.as_str().to_lowercase()).as_str().to_lowercase(), stored.as_str().to_lowercase());
        }
    }
}
