//! Words, as gigs are searched by: the same for what sellers write and for what buyers type.

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};
use unicode_script::{Script, UnicodeScript};

/// Longer words are cut: nobody types them, and an index does not grow from them.
const LONGEST_WORD: usize = 64;

/// Words that say nothing about a gig. They are left out on both sides, so `a logo for my shop` asks for logo and shop.
const EMPTY_WORDS: [&str; 52] = [
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "by", "can", "do", "for", "from", "have", "i", "if",
    "im", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "so", "some", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "to", "us", "want", "was", "we", "were", "will", "with", "would",
    "you", "your", "youre",
];

/// The words of a text, in order: without differences of case, accents and punctuation, without words that say nothing,
/// each reduced to its English stem. No text is ever query syntax.
///
/// Scripts that put no blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and Korean, which hangs its
/// particles on them, are told as single characters and as pairs of neighbours: whoever asks for a part finds the whole,
/// and no dictionary has to know it.
///
/// ```
/// assert_eq!(jobapp_gigs::words("Graphics & Design"), ["graphic", "design"]);
/// assert_eq!(jobapp_gigs::words("a Café's logos!"), ["cafe", "logo"]);
/// assert_eq!(jobapp_gigs::words("标志AI"), ["标", "志", "标志", "ai"]);
/// ```
pub fn words(text: &str) -> Vec<String> {
    let mut words = Words { into: Vec::new(), stemmer: Stemmer::new(Algorithm::English), singles: Singles::Always };
    words.read(text);
    words.into
}

/// The words to ask for: as [`words`], but of a run of characters without blanks only the pairs, if there are any.
pub(crate) fn asked_words(text: &str) -> Vec<String> {
    let mut words = Words { into: Vec::new(), stemmer: Stemmer::new(Algorithm::English), singles: Singles::Alone };
    words.read(text);
    words.into
}

/// When a single character of a script without blanks is a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Singles {
    Always,
    /// When there is no neighbour to make a pair with.
    Alone,
}

struct Words {
    into: Vec<String>,
    stemmer: Stemmer,
    singles: Singles,
}

/// What a character is to a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Part of a word between blanks.
    Letter,
    /// Part of a run without blanks.
    Run,
    /// Nothing: it can be left out.
    Nothing,
    /// The end of a word.
    Gap,
}

impl Words {
    fn read(&mut self, text: &str) {
        let (mut word, mut run) = (String::new(), String::new());
        // Composed, so that a syllable of Hangul and a voiced kana are one character.
        for c in text.nfkc() {
            match role(c) {
                Role::Nothing => {}
                Role::Letter => {
                    self.end_run(&mut run);
                    push_folded(&mut word, c);
                }
                Role::Run => {
                    self.end_word(&mut word);
                    run.push(c);
                }
                Role::Gap => {
                    self.end_word(&mut word);
                    self.end_run(&mut run);
                }
            }
        }
        self.end_word(&mut word);
        self.end_run(&mut run);
    }

    fn end_word(&mut self, word: &mut String) {
        if !word.is_empty() && !EMPTY_WORDS.contains(&word.as_str()) {
            let cut = word.char_indices().nth(LONGEST_WORD).map_or(word.len(), |(at, _)| at);
            self.into.push(self.stemmer.stem(&word[..cut]).into_owned());
        }
        word.clear();
    }

    fn end_run(&mut self, run: &mut String) {
        if run.is_empty() {
            return;
        }
        let ends: Vec<usize> = run.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
        if self.singles == Singles::Always || ends.len() == 1 {
            self.into.extend(run.chars().map(String::from));
        }
        let begins = std::iter::once(0).chain(ends.iter().copied());
        self.into.extend(begins.zip(ends.iter().skip(1)).map(|(begin, end)| run[begin..*end].to_owned()));
        run.clear();
    }
}

fn role(c: char) -> Role {
    if c.is_ascii() {
        return match c {
            '\'' => Role::Nothing,
            c if c.is_ascii_alphanumeric() => Role::Letter,
            _ => Role::Gap,
        };
    }
    if is_left_out(c) {
        return Role::Nothing;
    }
    let is_mark = is_combining_mark(c);
    if !is_mark && !c.is_alphanumeric() {
        return Role::Gap;
    }
    match c.script() {
        Script::Han
        | Script::Hiragana
        | Script::Katakana
        | Script::Bopomofo
        | Script::Hangul
        | Script::Thai
        | Script::Lao
        | Script::Khmer
        | Script::Myanmar => Role::Run,
        // What lengthens a vowel of kana belongs to both of their scripts.
        _ if c == '\u{30fc}' => Role::Run,
        // Accents, the points of Hebrew and the vowels of Arabic: many write without them.
        Script::Inherited | Script::Hebrew | Script::Arabic if is_mark => Role::Nothing,
        _ => Role::Letter,
    }
}

/// `don't` and `dont` are one word; so is one with a hyphen that shows only at the end of a line, or with a joiner.
const fn is_left_out(c: char) -> bool {
    matches!(
        c,
        '\u{2018}'
            | '\u{2019}'
            | '\u{02bc}'
            | '\u{00ad}'
            | '\u{0640}'
            | '\u{093c}'
            | '\u{200c}'
            | '\u{200d}'
            | '\u{2060}'
            | '\u{feff}'
    )
}

/// Without case and accents, and the letters that have no accent to lose written as people without them do.
fn push_folded(word: &mut String, c: char) {
    if c.is_ascii() {
        word.push(c.to_ascii_lowercase());
        return;
    }
    decompose_canonical(c, |part| {
        // By way of upper case, which tells a sigma at the end of a word from no other and an ß from no ss.
        for c in part.to_uppercase().flat_map(char::to_lowercase) {
            match c {
                'æ' => word.push_str("ae"),
                'œ' => word.push_str("oe"),
                'þ' => word.push_str("th"),
                'ø' => word.push('o'),
                'ł' => word.push('l'),
                'đ' | 'ð' => word.push('d'),
                c if role(c) == Role::Nothing => {}
                other => word.push(other),
            }
        }
    });
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
    fn scripts_without_blanks_are_told_as_characters_and_pairs() {
        for (text, expected) in [
            ("我会设计", &["我", "会", "设", "计", "我会", "会设", "设计"][..]),
            ("ロゴ", &["ロ", "ゴ", "ロゴ"]),
            // Narrow kana with their voice marks are the wide ones.
            ("ﾛｺﾞ", &["ロ", "ゴ", "ロゴ"]),
            ("디자인", &["디", "자", "인", "디자", "자인"]),
            ("소", &["소"]),
            ("ไทย", &["ไ", "ท", "ย", "ไท", "ทย"]),
            ("設计2024年", &["設", "计", "設计", "2024", "年"]),
            ("logo标志", &["logo", "标", "志", "标志"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(asked_words("我会设计 logo 计"), ["我会", "会设", "设计", "logo", "计"]);
    }

    #[test]
    fn a_syllable_and_a_kana_are_the_same_however_they_are_written() {
        for text in ["디자인", "ロゴ", "โลโก้", "Łódź", "ΟΔΌΣ", "हिन्दी", "Ångström"]
        {
            let decomposed: String = text.nfd().collect();
            assert_eq!(words(&decomposed), words(text), "{text}");
        }
    }

    #[test]
    fn case_is_folded_as_a_whole() {
        for (one, other) in [
            ("ΟΔΟΣ", "οδος"),
            ("ὈΔΌΣ", "οδός"),
            ("STRASSE", "straße"),
            ("ИГРА", "игра"),
            ("İSTANBUL", "istanbul"),
            ("ŞIK", "şık"),
            ("ﬁlm", "FILM"),
            ("Ａｐｐ", "app"),
        ] {
            assert_eq!(words(one), words(other), "{one} and {other}");
        }
    }

    #[test]
    fn vowels_that_are_letters_stay_and_points_that_are_not_go() {
        assert_eq!(words("हिन्दी डिज़ाइन"), ["हिन्दी", "डिजाइन"]);
        assert_eq!(words("مُصَمِّم شعـــار"), ["مصمم", "شعار"]);
        assert_eq!(words("שָׁלוֹם"), ["שלום"]);
        assert_eq!(words("soft\u{ad}ware don\u{2019}t"), ["softwar", "dont"]);
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
            let found = words(&text);
            prop_assert!(found.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace)));
            // What is asked for in the very words of a text is in it.
            prop_assert!(asked_words(&text).iter().all(|word| found.contains(word)));
            let _ = days_in(&text);
        }
    }
}
