//! Reads values that were checked, and tells what texts are.

use jobapp_kernel::{Timestamp, is_blank};
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

/// Whether a text is an e-mail address with at least two domain labels and a registered top-level domain.
///
/// Rules: RFC 5321 §4.5.3.1 lengths, RFC 5322 §3.2.3 atoms, and the public suffix list for the top-level domain.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character));
    let labels: Vec<&str> = domain.split('.').collect();
    let labels_ok = labels.len() >= 2
        && domain.len() <= 253
        && labels.iter().all(|label| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii() && c.is_alphanumeric();
            !label.is_empty()
                && label.len() <= 63
                && label.chars().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
    text.len() <= 254 && local_ok && labels_ok && has_registered_top_level(domain)
}

fn is_atom_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c) || !c.is_ascii() && c.is_alphanumeric()
}

fn has_registered_top_level(domain: &str) -> bool {
    let lower = domain.to_lowercase();
    let top_level = lower.rsplit('.').next().unwrap_or_default();
    psl::suffix(top_level.as_bytes()).is_some_and(|suffix| suffix.is_known())
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
        for bad in ["a@b.local", "a@localhost", "@b.com", "a@b", "a b@c.com", "a@b..com", "a@-b.com", "a.@b.com", ""] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
