//! Takes the long text of one field out of a JSON object that arrives in pieces.
//!
//! It does not parse: it only follows where texts, objects and lists begin and end, as far as that is needed to find the
//! field. Everything else is collected, with [`MARKER`] in the place of the text, for the parser that reads every other
//! body. That parser judges the grammar. Where it finds none broken, this reader and it have seen the same texts begin and
//! end at the same places: a quotation mark begins a text, and the next one without a backslash before it ends it.

use crate::field_event::{Event, Fault};
use crate::unescape::{Ended, Unescape};

/// What stands in the collected rest in the place of a text that was taken out.
pub(crate) const MARKER: &str = "(received in pieces)";

/// A text up to this many bytes stays where it is.
pub(crate) const SHORT: usize = 64 * 1024;

/// White space between tokens is collected up to this many bytes in a row.
const SPACE: usize = 256;

/// Reads a JSON object in pieces of any size.
#[derive(Debug)]
pub(crate) struct FieldReader {
    field: &'static str,
    rest: Vec<u8>,
    limit: usize,
    depth: usize,
    /// Whether the outermost value is an object.
    in_object: bool,
    /// Whether a text at the top of the object would be a key.
    before_key: bool,
    /// Whether the last key at the top of the object is the field's.
    is_field: bool,
    /// Whether a text of the field was taken out.
    taken: bool,
    /// How much white space there was in a row.
    space: usize,
    /// Whether something was left out of the rest.
    shortened: bool,
    /// How much of the rest is a short text of the field: it does not count.
    short: usize,
    at: At,
}

#[derive(Debug)]
enum At {
    /// Outside of texts.
    Between,
    /// Within a text that is collected and began here.
    Text { start: usize, role: Role, escaped: bool },
    /// Within the text that is taken out.
    Field(Unescape),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A key at the top of the object.
    Key,
    /// The value of the field.
    Field,
    /// Any other text.
    Other,
}

impl FieldReader {
    /// Takes out the text of `field` and collects at most `limit` bytes beside it.
    pub(crate) const fn new(field: &'static str, limit: usize) -> Self {
        Self {
            field,
            rest: Vec::new(),
            limit,
            depth: 0,
            in_object: false,
            before_key: false,
            is_field: false,
            taken: false,
            space: 0,
            shortened: false,
            short: 0,
            at: At::Between,
        }
    }

    /// Reads the next piece.
    pub(crate) fn push(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Fault> {
        while let Some((first, others)) = bytes.split_first() {
            if let At::Field(text) = &mut self.at {
                match text.push(bytes, events)? {
                    Ended::No => return Ok(()),
                    Ended::Before(after) => {
                        bytes = after;
                        self.rest.push(b'"');
                        self.at = At::Between;
                    }
                }
            } else {
                self.collect(*first, events)?;
                bytes = others;
            }
        }
        Ok(())
    }

    /// Everything but the text: the collected JSON, and whether it is shorter than what arrived.
    pub(crate) fn end(self) -> (Vec<u8>, bool) {
        (self.rest, self.shortened)
    }

    fn collect(&mut self, byte: u8, events: &mut Vec<Event>) -> Result<(), Fault> {
        let is_space = matches!(self.at, At::Between) && matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.space = if is_space { self.space + 1 } else { 0 };
        if self.space > SPACE {
            // It means nothing, so a body may have more of it than is collected.
            self.shortened = true;
            return Ok(());
        }
        self.rest.push(byte);
        let mut uncounted = self.short;
        match &mut self.at {
            At::Text { escaped: escaped @ true, .. } => *escaped = false,
            At::Text { escaped, .. } if byte == b'\\' => *escaped = true,
            At::Text { start, role, .. } if byte == b'"' => {
                let (start, role) = (*start, *role);
                self.at = At::Between;
                self.close(start, role, events);
                uncounted = self.short;
            }
            At::Text { start, role: Role::Field, .. } => {
                let start = *start;
                if self.rest.len() - start > SHORT {
                    return self.take_out(start, events);
                }
                uncounted = self.rest.len() - start;
            }
            At::Text { .. } | At::Field(_) => {}
            At::Between => self.follow(byte),
        }
        if self.rest.len() - uncounted > self.limit { Err(Fault::TooLarge) } else { Ok(()) }
    }

    /// Follows the structure outside of texts.
    fn follow(&mut self, byte: u8) {
        let at_top = self.in_object && self.depth == 1;
        match byte {
            b'"' => {
                let role = match (at_top, self.before_key, self.is_field) {
                    (true, true, _) => Role::Key,
                    (true, false, true) => Role::Field,
                    _ => Role::Other,
                };
                self.at = At::Text { start: self.rest.len(), role, escaped: false };
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 1 {
                    self.in_object = byte == b'{';
                    self.before_key = self.in_object;
                    self.is_field = false;
                }
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' if at_top => {
                self.before_key = true;
                self.is_field = false;
            }
            b':' if at_top => self.before_key = false,
            _ => {}
        }
    }

    /// A collected text, of which the closing quotation mark was the last byte, is complete.
    fn close(&mut self, start: usize, role: Role, events: &mut Vec<Event>) {
        match role {
            Role::Other => {}
            Role::Field => self.short = self.rest.len() - start,
            Role::Key => {
                let key = &self.rest[start - 1..];
                // The parser judges a key that cannot be read.
                self.is_field = serde_json::from_slice::<String>(key).is_ok_and(|key| key == self.field);
                if self.is_field {
                    self.short = 0;
                    if std::mem::take(&mut self.taken) {
                        events.push(Event::ComesAgain);
                    }
                }
            }
        }
    }

    /// The text of the field has become long: takes it out, from its beginning on.
    fn take_out(&mut self, start: usize, events: &mut Vec<Event>) -> Result<(), Fault> {
        let beginning = self.rest.split_off(start);
        self.rest.extend_from_slice(MARKER.as_bytes());
        self.taken = true;
        self.shortened = true;
        events.push(Event::Begins);
        let mut text = Unescape::new();
        text.push(&beginning, events)?;
        self.at = At::Field(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const LIMIT: usize = 4 * SHORT;

    /// Reads a body in pieces: the parsed rest, and the text if one was taken out.
    fn read(body: &[u8], size: usize) -> Result<(serde_json::Result<Value>, Option<String>), Fault> {
        let (mut reader, mut events) = (FieldReader::new("file", LIMIT), Vec::new());
        for piece in body.chunks(size) {
            reader.push(piece, &mut events)?;
        }
        let (rest, _) = reader.end();
        let mut text: Option<String> = None;
        for event in events {
            match event {
                Event::Begins => text = Some(String::new()),
                Event::Piece(piece) => text.as_mut().expect("it began").push_str(&piece),
                Event::ComesAgain => text = None,
            }
        }
        Ok((serde_json::from_slice(&rest), text))
    }

    /// Reads a body in pieces of several sizes and puts the text back where it was.
    fn whole(body: &str) -> Value {
        let mut values = [1, 7, 1000, usize::MAX].map(|size| {
            let (rest, text) = read(body.as_bytes(), size).unwrap();
            let mut value = rest.unwrap();
            if let Some(text) = text {
                assert_eq!(value["file"], MARKER);
                value["file"] = Value::String(text);
            }
            value
        });
        assert!(values.windows(2).all(|pair| pair[0] == pair[1]));
        values[0].take()
    }

    fn long() -> String {
        "abc/".repeat(SHORT)
    }

    #[test]
    fn the_long_text_is_taken_out_wherever_it_stands() {
        let long = long();
        for body in [
            json!({"file": long}).to_string(),
            json!({"a": {"b": [1, "}", "{\"file\":\""]}, "file": long, "z": [{}]}).to_string(),
            format!(" {{ \"a\\\"\" : \"\\\\\" ,\n \"file\"\t: \"{long}\" , \"b\" : 1.5e3 }} "),
            format!(r#"{{"\u0066i\u006ce":"{long}","fileName":"file"}}"#),
        ] {
            assert_eq!(whole(&body), serde_json::from_str::<Value>(&body).unwrap());
            assert!(read(body.as_bytes(), 999).unwrap().1.is_some());
        }
    }

    #[test]
    fn a_short_text_and_what_is_no_text_stay() {
        for file in [json!("data:,x"), json!(""), json!(5), json!(null), json!(["x"]), json!({"file": "y"})] {
            let body = json!({"file": file, "fileName": "n"}).to_string();
            assert_eq!(whole(&body), json!({"file": file, "fileName": "n"}));
            assert_eq!(read(body.as_bytes(), 3).unwrap().1, None);
        }
    }

    #[test]
    fn escapes_are_read() {
        let long = long();
        let escaped = long.replace('/', "\\/");
        for (raw, text) in [
            (escaped.clone(), long.clone()),
            (format!("{escaped}\\n\\t\\r\\b\\f\\\\\\\"\\u0041"), format!("{long}\n\t\r\u{8}\u{c}\\\"A")),
            (format!("\\ud83d\\ude00{escaped}\\uD83D\\uDE00é😀"), format!("😀{long}😀é😀")),
        ] {
            assert_eq!(whole(&format!(r#"{{"file":"{raw}"}}"#))["file"], text);
        }
        // Where it becomes long, between any two bytes of an escape.
        for before in SHORT - 14..SHORT + 3 {
            let text = format!("{}\\ud83d\\ude00{}", "x".repeat(before), "y".repeat(20));
            let expected = format!("{}😀{}", "x".repeat(before), "y".repeat(20));
            assert_eq!(whole(&format!(r#"{{"file":"{text}"}}"#))["file"], expected);
        }
    }

    #[test]
    fn of_several_texts_the_last_counts() {
        let (one, other) = (long(), "z".repeat(2 * SHORT));
        for (body, expected) in [
            (format!(r#"{{"file":"{one}","file":"{other}"}}"#), json!(other)),
            (format!(r#"{{"file":"{one}","file":"short"}}"#), json!("short")),
            (format!(r#"{{"file":"{one}","file":7}}"#), json!(7)),
            (format!(r#"{{"file":"short","file":"{one}"}}"#), json!(one)),
        ] {
            assert_eq!(whole(&body)["file"], expected);
        }
        let many = format!("{{{}}}", vec![format!(r#""file":"{}""#, "s".repeat(SHORT)); 6].join(","));
        assert_eq!(read(many.as_bytes(), 1000).unwrap_err(), Fault::TooLarge);
    }

    #[test]
    fn texts_elsewhere_are_collected_up_to_the_limit() {
        let endless = "x".repeat(LIMIT);
        for body in [
            json!({"other": endless}).to_string(),
            json!({"a": {"file": endless}}).to_string(),
            json!([{"file": endless}]).to_string(),
            json!(["file", endless]).to_string(),
            json!({"file": [endless]}).to_string(),
            json!({"file": {"file": endless}}).to_string(),
            format!(r#"{{"{endless}":1}}"#),
            format!(r#"{{"file" "{endless}"}}"#),
            "[".repeat(LIMIT + 1),
        ] {
            assert_eq!(read(body.as_bytes(), 5000).unwrap_err(), Fault::TooLarge, "{}", &body[..20]);
        }
        let beside = json!({"file": long(), "other": "x".repeat(LIMIT - 100)}).to_string();
        assert!(read(beside.as_bytes(), 5000).is_ok());
        let short = json!({"file": "x".repeat(SHORT), "other": "x".repeat(LIMIT - 100)}).to_string();
        assert!(read(short.as_bytes(), 5000).is_ok());
    }

    #[test]
    fn white_space_does_not_count() {
        let space = " \r\n\t".repeat(LIMIT);
        let body = format!("{space}{{{space}\"a\"{space}:{space}[{space}1,\" x \"]{space}}}{space}");
        assert_eq!(whole(&body), json!({"a": [1, " x "]}));
        let within = format!("{{\"a\":\"{}\"}}", " ".repeat(LIMIT));
        assert_eq!(read(within.as_bytes(), 5000).unwrap_err(), Fault::TooLarge);
        // It still separates.
        assert!(read(format!("[1{space}2]").as_bytes(), 5000).unwrap().0.is_err());
    }

    #[test]
    fn broken_texts_are_refused() {
        let long = long();
        for (end, fault) in [
            (r#"\x""#, Fault::NotJson("invalid escape")),
            (r#"\u12G4""#, Fault::NotJson("invalid escape")),
            (r#"\ud83d""#, Fault::NotJson(crate::body::HALF)),
            (r#"\ud83dx""#, Fault::NotJson(crate::body::HALF)),
            (r#"\ud83d\n""#, Fault::NotJson(crate::body::HALF)),
            (r#"\ud83d\u0041""#, Fault::NotJson(crate::body::HALF)),
            (r#"\ude00""#, Fault::NotJson(crate::body::HALF)),
            ("\n\"", Fault::NotJson("control character in a text")),
        ] {
            let body = format!(r#"{{"file":"{long}{end}}}"#);
            assert!(serde_json::from_str::<Value>(&body).is_err());
            for size in [1, 1000] {
                assert_eq!(read(body.as_bytes(), size).unwrap_err(), fault, "{end}");
            }
        }
        for wrong in [&b"\xff"[..], b"\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80"] {
            let body = [br#"{"file":""#, long.as_bytes(), wrong, br#""}"#].concat();
            for size in [1, 1000] {
                assert_eq!(read(&body, size).unwrap_err(), Fault::NotUtf8, "{wrong:?}");
            }
        }
    }

    #[test]
    fn broken_grammar_is_left_to_the_parser() {
        let long = long();
        for body in [
            format!(r#"{{"file":"{long}"#),
            format!(r#"{{"file":"{long}\"#),
            format!(r#"{{"file":"{long}\u12"#),
            format!(r#"{{"file":"{long}""#),
            format!(r#"{{"file":"{long}" "x"}}"#),
            format!(r#"{{"file":"{long}"}}]"#),
            format!(r#"}}{{"file":"{long}"}}"#),
            format!(r#"{{"file"::"{long}"}}"#),
        ] {
            assert!(read(body.as_bytes(), 1000).unwrap().0.is_err());
        }
    }

    /// Any JSON, with keys and texts in which the field's name and everything structural is likely.
    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![Just("file".to_owned()), r#"["\\/{}\[\],:a-z\n\x{e9}\x{1F600}]{0,12}"#];
        let long = (text.clone(), 70..200_usize).prop_map(|(text, times)| (text + "0123456789").repeat(times * 50));
        let value =
            prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), text.clone().prop_map(Value::from),];
        let nested = value.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((text.clone(), inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        });
        (nested, proptest::option::of(long)).prop_map(|(mut value, long)| {
            if let (Value::Object(object), Some(long)) = (&mut value, long) {
                object.insert("file".to_owned(), Value::String(long));
            }
            value
        })
    }

    proptest! {
        #[test]
        fn every_body_is_read_as_the_parser_reads_it(body in any_json(), size in 1..100_000_usize) {
            let text = body.to_string();
            let (rest, taken) = read(text.as_bytes(), size).unwrap();
            let mut rest = rest.unwrap();
            if let Some(taken) = taken {
                rest["file"] = Value::String(taken);
            }
            prop_assert_eq!(rest, body);
        }

        #[test]
        fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..200), size in 1..50_usize) {
            drop(read(&body, size));
        }
    }
}
