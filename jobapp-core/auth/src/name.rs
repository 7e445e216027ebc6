//! User names and addresses in the form they are stored and looked up in.

use std::fmt;

use icu_properties::props::{ExtendedPictographic, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use jobapp_kernel::{MAX_KEY_BYTES, ascii_domain, characters, folded, is_unseen, mail_address, normalized};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Names that are path segments or words of the client.
const RESERVED: [&str; 6] = ["email", "username", "conversation", "conversations", "undefined", "null"];

/// Characters that would break paths, which the existing client builds without encoding, and the one that makes an address.
const FORBIDDEN: [char; 6] = ['/', '\\', '?', '#', '%', '@'];

/// What mail programs make a link of when something follows.
const LINK_BEGINNINGS: [&str; 8] = ["www.", "http:", "https:", "ftp:", "mailto:", "tel:", "sms:", "xmpp:"];

/// How many characters a name has.
const LENGTH: std::ops::RangeInclusive<usize> = 4..=12;

/// A user name in stored form: every word begins with a capital letter and goes on in small ones, one space between words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

/// A name nobody may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid username")]
pub struct InvalidUsername;

impl Username {
    /// A new user's name, in normal form.
    ///
    /// # Errors
    /// [`InvalidUsername`] for a name that has not four to twelve characters without the spaces around it, one that is
    /// reserved, one with a character that breaks paths or cannot be seen, and one that mail programs would make a link of.
    pub fn new(text: &str) -> Result<Self, InvalidUsername> {
        if text.chars().any(is_forbidden) {
            return Err(InvalidUsername);
        }
        let small = normalized(&normalized(text).to_lowercase());
        let name = Self::lookup(&small);
        let is_reserved = RESERVED.iter().any(|reserved| Self::lookup(reserved).skeleton() == name.skeleton());
        let is_good = LENGTH.contains(&characters(&name.0))
            // Again: normalising makes ordinary characters of some that are none.
            && !name.0.chars().any(is_forbidden)
            && name.0.chars().any(is_letter_digit_or_emoji)
            && !name.0.split(' ').any(|word| word.starts_with(is_mark));
        if is_good && !is_reserved && !is_link(&name.0) { Ok(name) } else { Err(InvalidUsername) }
    }

    /// The stored form of a name exactly as somebody typed it, to look for it. Nobody need have it. Names of new users are in
    /// normal form, those of before are as they were typed.
    pub fn lookup(text: &str) -> Self {
        let words: Vec<String> = text.split(' ').filter(|word| !word.is_empty()).map(capitalised).collect();
        Self(words.join(" "))
    }

    /// Whether a text is as long as names are, those of before counted as they were then.
    pub fn has_length_of_one(text: &str) -> bool {
        LENGTH.contains(&characters(text.trim())) || LENGTH.contains(&text.encode_utf16().count())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are one name that is only typed differently.
    pub(crate) fn is_typed_like(&self, other: &Self) -> bool {
        folded(&self.0) == folded(&other.0)
    }

    /// What this name has in common with all that people may take for it (UTS 39), however they are typed: two names with the
    /// same skeleton are never given to two people.
    pub(crate) fn skeleton(&self) -> String {
        let skeleton: String = unicode_security::skeleton(&folded(&self.0)).collect();
        // Some skeletons of small letters and digits are capital letters.
        let skeleton = folded(&skeleton);
        if skeleton.len() <= MAX_KEY_BYTES { skeleton } else { hex::encode(Sha256::digest(skeleton)) }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_forbidden(c: char) -> bool {
    is_unseen(c) || is_blank_symbol(c) || FORBIDDEN.contains(&c) || c.is_whitespace() && c != ' '
}

/// Symbols that are no signs of money or mathematics and no emoji. Some of them are blank, as a Braille pattern without dots.
fn is_blank_symbol(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    category == GeneralCategory::OtherSymbol && !is_emoji(c)
}

fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

fn is_letter_digit_or_emoji(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Letter.contains(category) || GeneralCategoryGroup::Number.contains(category) || is_emoji(c)
}

fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Whether mail programs would make a link of a part of the name: mails show names, and nobody should be led away by one.
fn is_link(name: &str) -> bool {
    // The full stops of other scripts divide domains, too (UTS 46).
    let small = name.to_lowercase().replace(['\u{3002}', '\u{ff61}'], ".");
    let begins = |word: &str| LINK_BEGINNINGS.iter().any(|beginning| word.starts_with(beginning));
    let is_of_host = |c: char| c.is_alphanumeric() || is_mark(c) || matches!(c, '-' | '.');
    small.split(' ').map(|word| word.trim_start_matches(|c: char| !c.is_alphanumeric())).any(begins)
        || small.split(|c| !is_of_host(c)).any(has_domain)
}

/// Whether one of the dots stands between something and a registered top-level domain, or all of them divide four numbers.
fn has_domain(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let is_number = |label: &&str| label.parse::<u8>().is_ok();
    let pairs = labels.windows(2).any(|pair| !pair[0].is_empty() && is_top_level(pair[1]));
    pairs || labels.len() == 4 && labels.iter().all(is_number)
}

fn is_top_level(label: &str) -> bool {
    let ascii = ascii_domain(label).unwrap_or_default();
    [label, ascii.as_str()]
        .into_iter()
        .any(|label| psl::suffix(label.as_bytes()).is_some_and(|suffix| suffix.is_known()))
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

/// An address in the form it is stored in: that of [`mail_address`], for accounts of before in small letters as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// A text that is no address, or one that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid email")]
pub struct InvalidEmail;

impl EmailAddress {
    /// A new user's address. Whether its domain can exist is the business of who read it from a form.
    ///
    /// # Errors
    /// [`InvalidEmail`] when not every mail server takes it, or when it is longer than a store can index.
    pub fn new(text: &str) -> Result<Self, InvalidEmail> {
        let address = mail_address(text).filter(|address| address.len() <= MAX_KEY_BYTES);
        address.map(Self).ok_or(InvalidEmail)
    }

    /// An address exactly as somebody typed it, in small letters, to look for it. Nobody need have it.
    pub fn lookup(text: &str) -> Self {
        Self(text.trim().to_lowercase())
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all ways to write this address have in common: two addresses that have it in common are one mailbox.
    pub(crate) fn mailbox(&self) -> String {
        let mailbox = mail_address(&self.0).unwrap_or_else(|| {
            let folded = folded(&self.0);
            match folded.rsplit_once('@').and_then(|(local, domain)| Some((local, ascii_domain(domain)?))) {
                Some((local, domain)) => format!("{local}@{domain}"),
                None => folded,
            }
        });
        if mailbox.len() <= MAX_KEY_BYTES { mailbox } else { hex::encode(Sha256::digest(mailbox)) }
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
            "\u{415}mail",
            "ＮＵＬＬ",
            "ab／cd",
            "ab％cd",
            "ab\u{2100}cd",
            "q@ab.co",
            "q＠ab.co",
            "@marta",
            "abc",
            "a\u{301}e\u{301}i\u{301}",
            "😀😀",
            "abcdefghijklm",
            "----",
            "\u{301}\u{301}\u{301}\u{301}",
            "ab \u{301}cd",
        ];
        for name in refused {
            assert_eq!(Username::new(name), Err(InvalidUsername), "{name:?}");
        }
    }

    #[test]
    fn names_with_something_nobody_sees_are_refused() {
        for unseen in [
            '\u{3164}',
            '\u{115f}',
            '\u{1160}',
            '\u{ffa0}',
            '\u{2800}',
            '\u{180e}',
            '\u{34f}',
            '\u{61c}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{fff9}',
            '\u{fffe}',
            '\u{e0100}',
            '\u{feff}',
            '\u{2063}',
            '\u{e000}',
            '\u{2028}',
            '\u{3000}',
            '\u{1d159}',
            '\u{fffc}',
            '\u{85}',
            '\u{378}',
            '\u{1ffff}',
            '\u{17b4}',
            '\u{2003}',
            '\u{1680}',
        ] {
            for name in [
                format!("mar{unseen}ta"),
                format!("{unseen}marta"),
                format!("marta{unseen}"),
                unseen.to_string().repeat(5),
            ] {
                assert_eq!(Username::new(&name), Err(InvalidUsername), "{name:?}");
            }
        }
    }

    #[test]
    fn names_that_mail_programs_make_links_of_are_refused() {
        for link in [
            "evil.com",
            "Evil.COM",
            "evil。com",
            "evil｡com",
            "ｅｖｉｌ．ｃｏｍ",
            "evil․com",
            "www.evil",
            "x www.evil",
            "a b.co",
            "(evil.com)",
            "evil.com!",
            "evil.com.",
            "evil.com:80",
            "ev-il.xyz",
            "пример.рф",
            "http:x",
            "mailto:x",
            "tel:12345",
            "https:evil",
            "10.0.0.1",
            "at evil.com",
            "évil.com",
            "evil.co.uk",
            "e.com-x.com",
        ] {
            assert_eq!(Username::new(link), Err(InvalidUsername), "{link}");
        }
        for name in
            ["St.John", "J.R. Ewing", "Dr. Who", "Marta...", "10.10.2024", "mar:ta", "Node.js", ".Marta", "httpfan"]
        {
            assert!(Username::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_new_name_is_stored_in_one_form_however_it_is_typed() {
        for (typed, stored) in [
            ("\u{e9}abcde", "Éabcde"),
            ("e\u{301}abcde", "Éabcde"),
            ("ｍａｒｔａ", "Marta"),
            ("设计师小王", "设计师小王"),
            ("ﾏﾙﾀさん", "マルタさん"),
            ("Ann😀a", "Ann😀a"),
            ("\u{1100}\u{1161}\u{1102}\u{1161}\u{1103}\u{1161}\u{1105}\u{1161}", "가나다라"),
        ] {
            assert_eq!(Username::new(typed).map(|name| name.0).as_deref(), Ok(stored), "{typed}");
        }
    }

    #[test]
    fn names_that_people_take_for_each_other_have_one_skeleton() {
        for (one, other) in [
            ("Éabcde", "e\u{301}abcde"),
            ("marta", "ＭＡＲＴＡ"),
            ("marta", "m\u{430}rt\u{430}"),
            ("paypal", "\u{440}\u{430}y\u{440}\u{430}l"),
            ("bill", "bi11"),
            ("bob0", "bobo"),
            ("marta", "rnarta"),
            ("o'neil", "o’neil"),
            ("Straße", "STRASSE"),
            ("mar\u{3164}ta", "marta"),
        ] {
            assert_eq!(Username::lookup(one).skeleton(), Username::lookup(other).skeleton(), "{one} {other}");
        }
        for (one, other) in [("marta", "márta"), ("marta", "mart"), ("John Doe", "JohnDoe"), ("anna1", "anna2")] {
            assert_ne!(Username::lookup(one).skeleton(), Username::lookup(other).skeleton(), "{one} {other}");
        }
    }

    #[test]
    fn no_skeleton_is_too_long_for_an_index() {
        for c in ['\u{fdfa}', '😀', 'm', '\u{1f15}', '\u{2a74}'] {
            let name = Username(c.to_string().repeat(12));
            assert!((1..=MAX_KEY_BYTES).contains(&name.skeleton().len()), "{c:?}");
        }
    }

    #[test]
    fn skeletons_are_those_stores_were_filled_with() {
        let is_looked_at = |c: &char| !is_unseen(*c) && !('\u{3400}'..='\u{d7a3}').contains(c) && *c < '\u{20000}';
        let mut all = Sha256::new();
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32).filter(is_looked_at) {
            all.update(Username(c.to_string()).skeleton());
        }
        let hint = "newer tables of Unicode: give the key Account::SKELETON another name, so that stores fill it anew";
        assert_eq!(hex::encode(&all.finalize()[..8]), "8401cc04d9bdb0aa", "{hint}");
    }

    #[test]
    fn addresses_have_one_form_and_those_of_before_are_found_by_it() {
        let new = EmailAddress::new("X@bücher.com").unwrap();
        assert_eq!(new.as_str(), "x@xn--bcher-kva.com");
        for typed in ["x@BÜCHER.com", "x@xn--bcher-kva.com", " x@bu\u{308}cher.com", "x@ｂüｃｈｅｒ．com"] {
            assert_eq!(EmailAddress::new(typed).as_ref(), Ok(&new), "{typed}");
            assert_eq!(EmailAddress::lookup(typed).mailbox(), new.as_str(), "{typed}");
        }
        assert_eq!(EmailAddress::lookup("JÖRG@bücher.com").mailbox(), "jörg@xn--bcher-kva.com");
        assert_eq!(EmailAddress::lookup("jo\u{308}rg@bücher.com").mailbox(), "jörg@xn--bcher-kva.com");
        assert!(EmailAddress::new("jörg@example.org").is_err(), "only some mail servers take this");
        let long = EmailAddress::lookup(&format!("é@{}", "é.".repeat(60)));
        assert!(long.mailbox().len() <= MAX_KEY_BYTES);
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
            prop_assert_eq!(stored.skeleton(), Username::lookup(&text).skeleton());
        }

        #[test]
        fn a_new_name_can_be_typed_as_it_is_shown(text in "\\PC{4,12}") {
            if let Ok(name) = Username::new(&text) {
                prop_assert_eq!(Username::new(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(Username::lookup(name.as_str()), name.clone());
                prop_assert!(name.is_typed_like(&Username::lookup(&text)));
                prop_assert_eq!(name.skeleton(), Username::lookup(&text).skeleton());
            }
        }
    }
}
