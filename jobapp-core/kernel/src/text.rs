//! What people see of a text.

use icu_properties::props::{
    BinaryProperty, DefaultIgnorableCodePoint, EnumeratedProperty, GeneralCategory, NoncharacterCodePoint,
    PrependedConcatenationMark, WhiteSpace,
};

/// Whether nobody sees anything of a text: it is empty, or of nothing but blanks and invisible characters.
///
/// A text with one visible character is not blank, and whatever is invisible in it means something: joiners make emoji of
/// emoji and spell Persian and Indic words.
///
/// ```
/// use jobapp_kernel::is_blank;
///
/// assert!(is_blank(" \u{3000}\u{200b}\u{2800}\u{3164}"));
/// assert!(!is_blank("👩\u{200d}💻") && !is_blank(" a "));
/// ```
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

/// Whether a character shows nothing, by its Unicode properties.
fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character == ' ' || character.is_ascii_control();
    }
    if WhiteSpace::for_char(character)
        || DefaultIgnorableCodePoint::for_char(character)
        || NoncharacterCodePoint::for_char(character)
        || is_drawn_empty(character)
    {
        return true;
    }
    match GeneralCategory::for_char(character) {
        GeneralCategory::Control => true,
        // Signs that enclose the digits behind them, such as the Arabic sign of a year, are formats, but drawn.
        GeneralCategory::Format => !PrependedConcatenationMark::for_char(character),
        _ => false,
    }
}

/// Letters and symbols by their properties, whose glyphs are empty by design: the Braille pattern without dots, the null
/// notehead, the Khitan filler, and the place of an object that is not in the text.
const fn is_drawn_empty(character: char) -> bool {
    matches!(character, '\u{2800}' | '\u{1D159}' | '\u{16FE4}' | '\u{FFFC}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_and_invisible_characters_of_every_kind_are_blank() {
        for text in [
            "",
            " ",
            "\t\r\n\u{b}\u{c}\u{0}\u{1b}\u{7f}\u{85}",
            "\u{a0}\u{1680}\u{2000}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}",
            "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180e}\u{180f}",
            "\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202e}\u{2060}\u{2064}\u{2066}\u{2069}\u{206f}",
            "\u{2800}\u{3164}\u{ffa0}\u{fe00}\u{fe0f}\u{feff}\u{fff9}\u{fffb}\u{fffc}",
            "\u{fffe}\u{ffff}\u{fdd0}\u{10ffff}",
            "\u{16fe4}\u{1bca0}\u{1d159}\u{1d173}\u{e0001}\u{e0041}\u{e0100}\u{e0fff}",
        ] {
            for character in text.chars() {
                assert!(is_blank(&character.to_string()), "U+{:04X}", u32::from(character));
            }
            assert!(is_blank(text));
        }
    }

    #[test]
    fn texts_that_show_something_are_not_blank() {
        for text in [
            "a",
            ".",
            "\u{200b}x\u{200b}",
            "👩\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "한",
            "\u{1100}\u{1161}",
            "设计",
            "\u{601}",
            "\u{301}",
            "\u{fffd}",
            "\u{e000}",
        ] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_letter_among_whatever_is_seen(before in ".{0,8}", after in ".{0,8}") {
            let text = format!("{before}a{after}");
            prop_assert!(!is_blank(&text));
        }
    }
}
