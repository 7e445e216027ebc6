//! One form for texts that people write in many ways.
//!
//! A keyboard may write `é` as one character or as two, an input method may write letters in full width, and a program that
//! copies text may add characters nobody sees. What is compared, counted or looked up goes through here first.

use icu_casemap::CaseMapper;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

use crate::MAX_KEY_BYTES;

/// The text in normalisation form KC: composed, with ordinary characters in the place of full-width and other compatible ones.
pub fn normalized(text: &str) -> String {
    text.nfkc().collect()
}

/// How many characters a text has, however it is typed: the code points of its normal form.
pub fn characters(text: &str) -> usize {
    text.nfkc().count()
}

/// What two texts have in common that differ only in how they are typed: in case, composition, width, in characters nobody
/// sees and in spaces around and between words. It is for comparing, not for showing.
pub fn folded(text: &str) -> String {
    let once = fold_once(text);
    // Folding may leave something that normalising changes once more, in a few characters.
    let twice = fold_once(&once);
    let words: Vec<&str> = twice.split_whitespace().collect();
    words.join(" ")
}

/// A folded text as the value of a key that several may share: cut where it is too long for one. Who looks something up by it
/// compares the texts.
pub fn folded_key(text: &str) -> String {
    let mut folded = folded(text);
    folded.truncate(folded.floor_char_boundary(MAX_KEY_BYTES));
    folded
}

fn fold_once(text: &str) -> String {
    let seen: String = text.nfkd().filter(|c| !is_ignorable(*c)).collect();
    normalized(&CaseMapper::new().fold_string(&seen))
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether nothing is to be seen of a character that is no space: it is ignored, controls something, has no meaning that
/// everybody shares, or is none at all.
pub fn is_unseen(c: char) -> bool {
    let is_unseen_kind = matches!(
        CodePointMapData::<GeneralCategory>::new().get(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    is_unseen_kind || is_ignorable(c)
}

/// The value of a decimal digit of any script; `None` for any other character.
pub fn decimal_digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_digit = |code: u32| categories.get32(code) == GeneralCategory::DecimalNumber;
    let code = u32::from(c);
    if !is_digit(code) {
        return None;
    }
    // Unicode promises that digits stand in rows of ten, from nought to nine; rows may follow each other.
    let before = (0..code).rev().take_while(|code| is_digit(*code)).count();
    u8::try_from(before % 10).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_the_same_however_it_is_typed() {
        for (one, other) in [
            ("\u{e9}abcde", "e\u{301}abcde"),
            ("marta", "ＭＡＲＴＡ"),
            ("STRASSE", "straße"),
            ("ΟΔΟΣ", "οδος"),
            ("οδος", "οδοσ"),
            ("mar\u{3164}ta", "marta"),
            ("mar\u{200b}ta", "marta"),
            (" john\u{3000} doe", "John Doe"),
            ("ﬁnn", "finn"),
            ("\u{1e9b}\u{323}x", "\u{1e69}x"),
            ("\u{212a}ate", "kate"),
        ] {
            assert_eq!(folded(one), folded(other), "{one:?} {other:?}");
        }
        assert_ne!(folded("marta"), folded("márta"));
    }

    #[test]
    fn every_text_has_a_key_an_index_can_hold() {
        assert_eq!(folded_key("Straße"), "strasse");
        let long = folded_key(&"\u{fdfa}".repeat(12));
        assert!((MAX_KEY_BYTES - 3..=MAX_KEY_BYTES).contains(&long.len()), "{}", long.len());
    }

    #[test]
    fn characters_are_counted_as_people_do_and_not_as_they_are_stored() {
        for (text, count) in
            [("😀😀😀😀", 4), ("e\u{301}e\u{301}", 2), ("ｆｕｌｌ", 4), ("", 0), ("\u{1100}\u{1161}", 1)]
        {
            assert_eq!(characters(text), count, "{text}");
        }
    }

    #[test]
    fn what_nobody_sees_is_told_by_its_properties() {
        for unseen in [
            '\u{3164}',
            '\u{115f}',
            '\u{1160}',
            '\u{ffa0}',
            '\u{180e}',
            '\u{34f}',
            '\u{61c}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{fff9}',
            '\u{fffe}',
            '\u{e0100}',
            '\u{200b}',
            '\u{202e}',
            '\u{feff}',
            '\u{ad}',
            '\u{2028}',
            '\u{e000}',
            '\u{10ffff}',
            '\u{378}',
            '\u{0}',
            '\u{7f}',
            '\u{17b4}',
            '\u{180b}',
            '\u{1d173}',
            '\u{2065}',
        ] {
            assert!(is_unseen(unseen), "{:x}", u32::from(unseen));
        }
        for seen in ['a', 'é', '设', '😀', ' ', '\u{301}', '-', '٣'] {
            assert!(!is_unseen(seen), "{seen:?}");
        }
    }

    #[test]
    fn digits_of_every_script_have_their_value() {
        for (digit, value) in
            [('0', 0), ('9', 9), ('٤', 4), ('۴', 4), ('४', 4), ('４', 4), ('𝟙', 1), ('𝟿', 9), ('𑁦', 0)]
        {
            assert_eq!(decimal_digit(digit), Some(value), "{digit}");
        }
        for other in ['a', '²', '½', 'Ⅳ', '四', ' '] {
            assert_eq!(decimal_digit(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_was_folded_stays_as_it_is(text in "\\PC{0,14}") {
            prop_assert_eq!(folded(&folded(&text)), folded(&text));
        }
    }
}
