//! Values as they would be in any other run that did the same.

use serde_json::Value;

/// Replaces what differs between two runs that did the same: ids, times, numbers given out, secrets, addresses.
pub(crate) fn canonical(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let entries = object.into_iter().map(|(key, value)| {
                let value = if is_given_out(&key) && value.is_number() { "<number>".into() } else { canonical(value) };
                (canonical_text(&key), value)
            });
            Value::Object(entries.collect())
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.into_iter().map(canonical).collect();
            // Sets and maps by id have no order of their own.
            if values.iter().all(Value::is_string) {
                values.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
            Value::Array(values)
        }
        Value::String(text) => Value::String(canonical_text(&text)),
        Value::Number(number) if number.as_i64().is_some_and(|number| number >= 1_000_000_000) => "<number>".into(),
        other => other,
    }
}

/// Keys whose numbers come from a sequence: a crash between number and save leaves a gap. Or versions: an order that waits for
/// a fact is saved once more.
fn is_given_out(key: &str) -> bool {
    matches!(key, "id" | "account" | "account_id" | "accountId" | "number" | "sort_id" | "sortId" | "version")
}

/// Replaces ids, times, secrets and generated names within a text.
fn canonical_text(text: &str) -> String {
    if text.parse::<jobapp_kernel::Timestamp>().is_ok() && text.len() > 4 {
        return "<time>".to_owned();
    }
    if text.starts_with("$argon2") {
        return "<hash>".to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        out.push_str(replacement(word).unwrap_or(word));
        word.clear();
    };
    for c in without_uuids(text).chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    without_versions(&out)
}

/// Replaces the version in the cause of an effect: `<id>/3/order-started`.
fn without_versions(text: &str) -> String {
    let mut parts: Vec<&str> = text.split('/').collect();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if let ["<id>", version, _] = parts.as_mut_slice()
        && is_number(version)
    {
        *version = "<version>";
    }
    parts.join("/")
}

/// Replaces UUIDs, whose dashes would make five short words of them.
fn without_uuids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..36).filter(|start| is_uuid(start)) {
            Some(_) => {
                out.push_str("<uuid>");
                rest = &rest[36..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn replacement(word: &str) -> Option<&'static str> {
    let hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let prefixed = ["pi_", "re_", "cus_", "evt_", "ch_"].iter().any(|prefix| word.starts_with(prefix));
    let generated = word.len() >= 16 && word.bytes().any(|byte| byte.is_ascii_digit());
    match () {
        () if prefixed => Some("<payment>"),
        () if digits && word.len() >= 13 => Some("<number>"),
        () if hexadecimal && word.len() >= 8 && word.bytes().any(|byte| byte.is_ascii_digit()) => Some("<id>"),
        () if generated => Some("<id>"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_that_were_given_out_are_replaced() {
        assert_eq!(
            canonical(json!({ "number": 2, "sort_id": 7, "count": 2, "sequence": 2 })),
            json!({ "number": "<number>", "sort_id": "<number>", "count": 2, "sequence": 2 })
        );
    }

    #[test]
    fn what_differs_between_runs_is_replaced_and_nothing_else() {
        let value = json!({
            "id": 7, "price": 4000, "at": "2026-11-24T10:00:00.000Z", "gig": "66f0c0ffee0000000000b001", "millis": 1_795_488_054_644_i64,
            "url": "http://localhost:41234/media/ab12cd34ef56ab12cd34ef56ab12cd34.png", "intent": "pi_3abc_secret_x1", "text": "Quick and tidy.",
            "number": "JO12345000001", "key": "a 0123abcd-fedf-4def-aaaa-abcdefabcdef", "year": "2019",
        });
        assert_eq!(
            canonical(value),
            json!({
                "id": "<number>", "price": 4000, "at": "<time>", "gig": "<id>", "millis": "<number>",
                "url": "http://localhost:41234/media/<id>.png", "intent": "<payment>", "text": "Quick and tidy.",
                "number": "JO12345000001", "key": "a <uuid>", "year": "2019",
            })
        );
    }
}
