//! What people call their files, made fit to be shown and saved.

use crate::is_unseen;

/// The longest name, in bytes: with a counter that a browser adds, every file system takes it.
const LONGEST: usize = 240;

/// The longest ending that a name keeps when it is cut, in bytes.
const LONGEST_ENDING: usize = 16;

/// A file's name as it may be shown and saved, whatever its sender calls it: one line of what can be seen, without the
/// folders it came from. What cannot be seen can turn a name around or hide its ending. A name of which nothing is left is
/// `file`; an empty one stays empty.
pub fn file_name(given: &str) -> String {
    if given.is_empty() {
        return String::new();
    }
    let plain = one_line(given);
    let mut parts = plain.rsplit(['/', '\\']).map(|part| trimmed(&shortened(trimmed(part))).to_owned());
    parts.find(|part| !part.is_empty()).unwrap_or_else(|| "file".to_owned())
}

/// A word or a few about a file, such as its type or size: one line of what can be seen.
pub fn file_label(given: &str) -> String {
    one_line(given)
}

/// Some systems leave dots and blanks at the end off, so that they would hide an ending.
fn trimmed(name: &str) -> &str {
    name.trim_start().trim_end_matches([' ', '.'])
}

/// The text without what cannot be seen, and with one blank for all that is blank.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_blank(c) {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !is_unseen(c) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// White space, and the braille pattern without a dot, which is drawn as it.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// A name that is too long loses its middle, never its ending.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= LONGEST_ENDING).unwrap_or(name.len());
    let (stem, ending) = name.split_at(dot);
    let stem = &stem[..stem.floor_char_boundary(LONGEST - ending.len())];
    format!("{}{ending}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["draft.pdf", "Äpfel & Birnen (2).zip", "设计.png", ".gitignore", "a.tar.gz", "noten", "👍.png", ""]
        {
            assert_eq!(file_name(name), name);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_left_out() {
        for (given, name) in [
            ("photo\u{202E}gpj.exe", "photogpj.exe"),
            ("\u{2066}a\u{2069}.pdf", "a.pdf"),
            ("a\u{200B}\u{FEFF}\u{AD}b\u{200F}\u{61C}.txt", "ab.txt"),
            ("a\u{E0041}\u{FE0F}\u{34F}\u{3164}\u{115F}\u{FFA0}\u{180E}\u{FFF9}b.txt", "ab.txt"),
            ("a\0\u{7}\u{1B}[31m.txt", "a[31m.txt"),
            ("a\r\nSet-Cookie: b.txt", "a Set-Cookie: b.txt"),
            ("a\u{2028}b\u{85}c.txt", "a b c.txt"),
        ] {
            assert_eq!(file_name(given), name, "{given:?}");
        }
    }

    #[test]
    fn folders_are_left_out() {
        for (given, name) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\fakepath\\draft.pdf", "draft.pdf"),
            ("/", "file"),
            ("..", "file"),
            ("a/..", "a"),
            ("a/\u{202E}/", "a"),
            ("work/", "work"),
        ] {
            assert_eq!(file_name(given), name, "{given:?}");
        }
    }

    #[test]
    fn blanks_hide_no_ending() {
        assert_eq!(file_name("  report.pdf \u{A0}\u{3000}\u{2800}   .exe"), "report.pdf .exe");
        assert_eq!(file_name("report.exe . . "), "report.exe");
        assert_eq!(file_name("\u{200B}\u{2800} "), "file");
    }

    #[test]
    fn long_names_keep_their_ending() {
        let name = file_name(&format!("{}.pdf", "ä".repeat(400)));
        assert!(name.len() <= LONGEST && name.starts_with("ää") && name.ends_with(".pdf"), "{name}");
        assert_eq!(file_name(&"a".repeat(500)).len(), LONGEST);
        assert!(file_name(&format!("a.{}", "b".repeat(500))).len() <= LONGEST);
    }

    #[test]
    fn a_label_is_one_line_of_what_can_be_seen() {
        assert_eq!(file_label(" 2\u{202E}\n MB "), "2 MB");
        assert_eq!(file_label("\u{200B}"), "");
    }

    proptest! {
        #[test]
        fn a_name_is_safe_whatever_was_given_and_stays_what_it_is(given in "\\PC*|[a./\\\\ \u{202E}\u{0}\u{200B}]{0,300}") {
            let name = file_name(&given);
            prop_assert_eq!(name.is_empty(), given.is_empty());
            prop_assert!(name.len() <= LONGEST);
            let is_safe = !name.contains(['/', '\\', '\0', '\n', '\u{202E}']);
            prop_assert!(is_safe);
            prop_assert!(name != "." && name != "..");
            prop_assert_eq!(file_name(&name), name);
        }
    }
}
