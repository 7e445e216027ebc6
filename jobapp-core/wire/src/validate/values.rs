//! Reads values that were checked, and tells what texts are.

use jobapp_kernel::{Timestamp, ascii_domain, is_blank, mail_address, normalized};
use serde_json::Value;

/// A number, or a text that is one; `None` for anything else and for what no JSON number can be.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
            text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
        }
        _ => None,
    }
}

/// A boolean, or the text `true` or `false` in any case.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The text of a field; empty when it is absent, no text, or nobody would see anything of it.
pub fn text<'v>(body: &'v Value, name: &str) -> &'v str {
    body.get(name).and_then(Value::as_str).filter(|text| !is_blank(text)).unwrap_or_default()
}

/// The text of a field; `None` when it is absent, blank or no text.
pub fn optional_text(body: &Value, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).filter(|text| !is_blank(text)).map(str::to_owned)
}

/// The password of a field, in which blanks are characters like others; empty when it is absent or no text.
pub fn secret<'v>(body: &'v Value, name: &str) -> &'v str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The date of a field; `None` when it is absent, blank or no date.
pub fn date(body: &Value, name: &str) -> Option<Timestamp> {
    text(body, name).parse().ok()
}

/// The texts of a list; empty when it is absent or no list.
pub fn texts(body: &Value, name: &str) -> Vec<String> {
    let elements = body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    elements.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether a text is an absolute `http` or `https` address without a user's name and without characters that end an
/// attribute of a page.
pub fn is_web_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_clean = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '<' | '>' | '\\');
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && !host.is_empty()
        && !host.starts_with(':')
        && !host.contains('@')
        && text.chars().all(is_clean)
}

/// Whether a text is an e-mail address every mail server takes, with at least two domain labels and a registered top-level
/// domain. Blanks around it are forgiven.
///
/// Rules: those of [`mail_address`], and the public suffix list for the top-level domain.
pub fn is_email(text: &str) -> bool {
    mail_address(text).is_some_and(|address| address.rsplit_once('@').is_some_and(|(_, domain)| is_registered(domain)))
}

/// Whether a text is an e-mail address an account may have: one that is taken today, or one that was taken when letters of
/// every script could stand before the `@`.
pub fn is_known_email(text: &str) -> bool {
    is_email(text) || was_email(normalized(text).trim())
}

fn was_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_ok =
        local.len() <= 64 && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character));
    text.len() <= 254 && local_ok && ascii_domain(domain).is_some_and(|domain| is_registered(&domain))
}

fn is_atom_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c) || !c.is_ascii() && c.is_alphanumeric()
}

/// Whether a domain in ASCII has two labels and a registered top level.
fn is_registered(domain: &str) -> bool {
    domain
        .rsplit_once('.')
        .is_some_and(|(_, top_level)| psl::suffix(top_level.as_bytes()).is_some_and(|suffix| suffix.is_known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_pages_are_absolute_and_of_the_web() {
        for good in
            ["https://example.org", "HTTP://127.0.0.1:4000/@me?x=a@b#c", "https://[::1]/", "https://münchen.example/ä"]
        {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "/media/x",
            "//example.org",
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "data:text/html,x",
            " https://example.org",
            "https://",
            "https:///x",
            "https://:80/",
            "https://a:b@example.org/",
            "https://example.org/\"onclick=",
            "https://example.org/a b",
            "https:\\\\example.org",
            "https://example.org\\@evil.example",
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_need_two_labels_and_a_registered_top_level() {
        for good in ["a@b.com", "first.last+tag@mail.example.org", "o'neil@x.co.uk"] {
            assert!(is_email(good), "{good}");
        }
        for good in ["a@bücher.com", "a@ｂ．ｃｏｍ", " a@b.com ", "a@xn--bcher-kva.com", "a@пример.рф", "a@例え.みんな"]
        {
            assert!(is_email(good) && is_known_email(good), "{good}");
        }
        for before in ["jörg@example.org", "jo\u{308}rg@bücher.com"] {
            assert!(!is_email(before) && is_known_email(before), "{before}");
        }
        for bad in [
            "a@xn--a.com",
            "a b@c.com",
            "a@b.com\r\nBcc: c@d.com",
            "a\u{200b}@b.com",
            "a@b\u{3000}c.com",
            "\"a\"@b.com",
        ] {
            assert!(!is_email(bad) && !is_known_email(bad), "{bad:?}");
        }
        for bad in ["a@b.local", "a@localhost", "@b.com", "a@b", "a b@c.com", "a@b..com", "a@-b.com", "a.@b.com", ""] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
