//! Words, as gigs are searched by: the same for what sellers write and for what buyers type.

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut: nobody types them, and an index does not grow from them.
const LONGEST_WORD: usize = 64;

/// Words that say nothing about a gig. They are left out on both sides, so `a logo for my shop` asks for logo and shop.
const EMPTY_WORDS: [&str; 52] = [
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "by", "can", "do", "for", "from", "have", "i", "if",
    "im", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "so", "some", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "to", "us", "want", "was", "we", "were", "will", "with", "would",
    "you", "your", "youre",
];

/// The words of a text, in order: lower case, without accents and punctuation, without words that say nothing, each reduced to
/// its English stem. No text is ever query syntax.
///
/// ```
/// assert_eq!(jobapp_gigs::words("Graphics & Design"), ["graphic", "design"]);
/// assert_eq!(jobapp_gigs::words("a Café's logos!"), ["cafe", "logo"]);
/// ```
pub fn words(text: &str) -> Vec<String> {
    let stemmer = Stemmer::new(Algorithm::English);
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.nfkd().filter(|c| !is_combining_mark(*c) && !is_apostrophe(*c)).chain(std::iter::once(' ')) {
        if c.is_alphanumeric() {
            push_folded(&mut word, c);
        } else if !word.is_empty() {
            if !EMPTY_WORDS.contains(&word.as_str()) {
                let cut = word.char_indices().nth(LONGEST_WORD).map_or(word.len(), |(at, _)| at);
                words.push(stemmer.stem(&word[..cut]).into_owned());
            }
            word.clear();
        }
    }
    words
}

/// `don't` and `dont` are one word.
const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '\u{02bc}')
}

/// Lower case, and the letters that have no accent to lose written as people without them do.
fn push_folded(word: &mut String, c: char) {
    for c in c.to_lowercase().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' => word.push_str("ss"),
            'æ' => word.push_str("ae"),
            'œ' => word.push_str("oe"),
            'þ' => word.push_str("th"),
            'ø' => word.push('o'),
            'ł' => word.push('l'),
            'đ' | 'ð' => word.push('d'),
            'ı' => word.push('i'),
            other => word.push(other),
        }
    }
}

/// How many days a text such as `3 Days Delivery` promises: the number in front of the word day, or the only thing there is.
///
/// ```
/// use jobapp_gigs::days_in;
/// assert_eq!(days_in("3 Days Delivery"), Some(3));
/// assert_eq!(days_in("Delivery within 2-14 days"), Some(14));
/// assert_eq!(days_in("7"), Some(7));
/// assert_eq!(days_in("24 hours"), None);
/// ```
pub fn days_in(text: &str) -> Option<u16> {
    let parts = numbers_and_words(text);
    match parts.as_slice() {
        [only] => only.parse().ok(),
        parts => {
            parts.windows(2).find(|pair| is_number(pair[0]) && is_day(pair[1])).and_then(|pair| pair[0].parse().ok())
        }
    }
}

/// The runs of digits and of letters, in order: `3days` is a number and a word.
fn numbers_and_words(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        let end_of_number = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, word) = part.split_at(end_of_number);
        parts.extend([number, word].into_iter().filter(|part| !part.is_empty()));
    }
    parts
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_day(word: &str) -> bool {
    ["d", "day", "days"].iter().any(|day| word.eq_ignore_ascii_case(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_words_come_from_every_way_to_write_a_category() {
        let expected = ["graphic", "design"];
        for text in ["Graphics & Design", "graphics   design", "GRAPHIC-DESIGN", "graphic/designs", "graphics+design"] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn query_syntax_is_only_punctuation() {
        assert_eq!(
            words("title:(logo* OR \"web~2\") AND -price:[1 TO 5] /x/ \\"),
            ["titl", "logo", "web", "2", "price", "1", "5", "x"]
        );
        assert!(words("*?:()[]{}^~\"'!&|+-\\/").is_empty());
        assert!(words("").is_empty());
    }

    #[test]
    fn accents_and_letters_without_one_are_folded() {
        assert_eq!(words("Straße Łódź smørrebrød ÆON"), ["strass", "lodz", "smorrebrod", "aeon"]);
    }

    #[test]
    fn the_words_that_say_nothing_are_sorted_and_said_once() {
        let mut sorted = EMPTY_WORDS.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, EMPTY_WORDS);
    }

    #[test]
    fn days_are_numbers_not_parts_of_numbers() {
        for (text, days) in [
            ("1 Day Delivery", Some(1)),
            ("10 Days Delivery", Some(10)),
            ("21 days", Some(21)),
            ("Up to 5 days", Some(5)),
            ("3days", Some(3)),
            ("in 3d", Some(3)),
            ("2 weeks", None),
            ("Express 24H", None),
            ("soon", None),
            ("", None),
            ("99999999 days", None),
        ] {
            assert_eq!(days_in(text), days, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_word_is_empty(text in "\\PC{0,80}") {
            prop_assert!(words(&text).iter().all(|word| !word.is_empty()));
            let _ = days_in(&text);
        }
    }
}
