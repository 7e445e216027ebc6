//! Reading what a row says, whatever is in it.

use std::fmt;

use jobapp_kernel::{Money, ObjectId, Timestamp};
use serde_json::{Map, Value};

/// How much of a wrong value is told.
const SHOWN: usize = 64;

/// Why a row is not taken, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(String);

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What of a row was not taken, or was taken otherwise, in words.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<String>);

impl Notes {
    pub(crate) fn add(&mut self, note: impl Into<String>) {
        self.0.push(note.into());
    }

    pub(crate) fn into_inner(self) -> Vec<String> {
        self.0
    }
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Translated<T> {
    pub(crate) value: T,
    pub(crate) notes: Vec<String>,
}

impl<T> Translated<T> {
    pub(crate) fn new(value: T, notes: Notes) -> Self {
        Self { value, notes: notes.into_inner() }
    }
}

/// The fields of a row, or of a document within one.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Of a row in which no text has the one character that not every database can store.
    pub(crate) fn of(fields: &'a Map<String, Value>) -> Result<Self, Refusal> {
        match fields.iter().find(|(_, value)| has_nul(value)) {
            Some((name, _)) => Err(Refusal::new(format!("{name} has the character U+0000"))),
            None => Ok(Self(fields)),
        }
    }

    /// What a field has; a missing one and an empty one are the same.
    fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that has to be there.
    pub(crate) fn text(self, name: &str) -> Result<&'a str, Refusal> {
        match self.value(name) {
            None => Err(Refusal::new(format!("{name} is missing"))),
            Some(Value::String(text)) if text.trim().is_empty() => Err(Refusal::new(format!("{name} is empty"))),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(wrong(name, other, "no text")),
        }
    }

    /// A text, or nothing.
    pub(crate) fn text_if_any(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(other) => Err(wrong(name, other, "no text")),
        }
    }

    /// A text, empty when there is none. A number is taken as it is written.
    pub(crate) fn words(self, name: &str) -> Result<String, Refusal> {
        match self.value(name) {
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Ok(self.text_if_any(name)?.unwrap_or_default().to_owned()),
        }
    }

    /// A list of texts, empty when there is none.
    pub(crate) fn texts(self, name: &str) -> Result<Vec<String>, Refusal> {
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(wrong(name, other, "no text")),
        };
        self.list(name)?.iter().map(text).collect()
    }

    /// A list, empty when there is none.
    pub(crate) fn list(self, name: &str) -> Result<&'a [Value], Refusal> {
        match self.value(name) {
            None => Ok(&[]),
            Some(Value::Array(values)) => Ok(values),
            Some(other) => Err(wrong(name, other, "no list")),
        }
    }

    /// A list of documents, empty when there is none.
    pub(crate) fn documents(self, name: &str) -> Result<Vec<Fields<'a>>, Refusal> {
        let document = |value: &'a Value| match value {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(wrong(name, other, "no document")),
        };
        self.list(name)?.iter().map(document).collect()
    }

    /// A document within this one, if there is one.
    pub(crate) fn document(self, name: &str) -> Result<Option<Fields<'a>>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self(fields))),
            Some(other) => Err(wrong(name, other, "no document")),
        }
    }

    /// Yes or no. Databases without such a type write 1 and 0.
    pub(crate) fn flag(self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::Number(number)) if number.as_i64() == Some(0) => Ok(Some(false)),
            Some(Value::Number(number)) if number.as_i64() == Some(1) => Ok(Some(true)),
            Some(other) => Err(wrong(name, other, "neither yes nor no")),
        }
    }

    /// A number, also one that is written as a text.
    pub(crate) fn number(self, name: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.trim().is_empty() => return Ok(None),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite()).map(Some).ok_or_else(|| wrong(name, value, "no number"))
    }

    /// A whole number.
    pub(crate) fn whole(self, name: &str) -> Result<Option<i64>, Refusal> {
        /// Up to here every whole number is exact.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let Some(number) = self.number(name)? else { return Ok(None) };
        if number.fract() != 0.0 || number.abs() > EXACT {
            return Err(Refusal::new(format!("{name}: {number} is no whole number")));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and exact")]
        Ok(Some(number as i64))
    }

    /// An amount of money.
    pub(crate) fn money(self, name: &str) -> Result<Option<Money>, Refusal> {
        let Some(amount) = self.number(name)? else { return Ok(None) };
        Money::from_decimal(amount).map(Some).map_err(|error| Refusal::new(format!("{name}: {error}")))
    }

    /// A date, as a text in whatever form or as milliseconds since 1970.
    pub(crate) fn date(self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return Ok(None);
        }
        serde_json::from_value(value.clone()).map(Some).map_err(|_| wrong(name, value, "no date"))
    }

    /// The id of a document, if there is one.
    pub(crate) fn object_id_if_any(self, name: &str) -> Result<Option<ObjectId>, Refusal> {
        let Some(text) = self.text_if_any(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| Refusal::new(format!("{name}: {error}")))
    }

    /// The id of a document.
    pub(crate) fn object_id(self, name: &str) -> Result<ObjectId, Refusal> {
        self.object_id_if_any(name)?.ok_or_else(|| Refusal::new(format!("{name} is missing")))
    }

    /// When the document with this id was made: what it says, or else what its id tells.
    pub(crate) fn made_at(self, name: &str, id: ObjectId, notes: &mut Notes) -> Timestamp {
        match self.date(name) {
            Ok(Some(at)) => at,
            Ok(None) => {
                notes.add(format!("{name} is missing: it is {} by its id", id.made_at()));
                id.made_at()
            }
            Err(refusal) => {
                notes.add(format!("{refusal}: it is {} by its id", id.made_at()));
                id.made_at()
            }
        }
    }

    /// The address of a picture or file. One that browsers would run, or that is none, is left out.
    pub(crate) fn address(self, name: &str, notes: &mut Notes) -> Result<String, Refusal> {
        let text = self.words(name)?;
        let lower = text.trim().to_ascii_lowercase();
        if text.is_empty() || lower.starts_with("https://") || lower.starts_with("http://") {
            return Ok(text.trim().to_owned());
        }
        notes.add(format!("{name} is no address of a picture or file, and left out: {:?}", shown(&text)));
        Ok(String::new())
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn wrong(name: &str, value: &Value, what: &str) -> Refusal {
    Refusal::new(format!("{name} is {what}: {}", shown(&value.to_string())))
}

/// The beginning of a text.
pub(crate) fn shown(text: &str) -> impl fmt::Display + fmt::Debug + use<> {
    text.chars().take(SHOWN).collect::<String>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("no object") };
        map
    }

    #[test]
    fn dates_are_read_in_every_form_that_is_in_use() {
        let row = object(json!({
            "iso": "2026-11-24T02:15:42.000Z", "js": "Tue Nov 24 2026 03:15:42 GMT+0100 (Central European Standard Time)",
            "millis": 1_795_486_542_000_i64, "empty": "", "null": null, "bad": "soon", "flag": true
        }));
        let fields = Fields::of(&row).unwrap();
        let expected = Timestamp::from_millis(1_795_486_542_000).unwrap();
        for name in ["iso", "js", "millis"] {
            assert_eq!(fields.date(name).unwrap(), Some(expected), "{name}");
        }
        for name in ["empty", "null", "missing"] {
            assert_eq!(fields.date(name).unwrap(), None, "{name}");
        }
        assert_eq!(fields.date("bad").unwrap_err().to_string(), "bad is no date: \"soon\"");
        assert!(fields.date("flag").is_err());
    }

    #[test]
    fn numbers_are_read_from_texts_and_nothing_else_is_one() {
        let row = object(json!({"a": 7, "b": "7", "c": 7.5, "d": "x", "e": [], "f": "NaN", "g": 1e300, "h": ""}));
        let fields = Fields::of(&row).unwrap();
        assert_eq!((fields.whole("a").unwrap(), fields.whole("b").unwrap()), (Some(7), Some(7)));
        assert_eq!(fields.number("c").unwrap(), Some(7.5));
        assert_eq!((fields.number("h").unwrap(), fields.number("missing").unwrap()), (None, None));
        for name in ["c", "d", "e", "f", "g"] {
            assert!(fields.whole(name).is_err(), "{name}");
        }
        assert!(fields.money("g").is_err());
    }

    #[test]
    fn wrong_types_are_told_with_the_beginning_of_what_was_there() {
        let row = object(json!({"name": {"$ne": null}, "list": [1], "long": ["x".repeat(500)], "flag": "yes"}));
        let fields = Fields::of(&row).unwrap();
        assert_eq!(fields.text("name").unwrap_err().to_string(), "name is no text: {\"$ne\":null}");
        assert_eq!(fields.texts("list").unwrap_err().to_string(), "list is no text: 1");
        assert!(fields.text("long").unwrap_err().to_string().len() < 100);
        assert!(fields.flag("flag").is_err() && fields.document("list").is_err() && fields.documents("list").is_err());
    }

    #[test]
    fn the_character_nul_is_found_wherever_it_is() {
        for row in
            [json!({"a": "x\0"}), json!({"a": ["\0"]}), json!({"a": {"b": [{"c": "\0"}]}}), json!({"a": {"\0": 1}})]
        {
            let row = object(row);
            assert!(matches!(Fields::of(&row), Err(refusal) if refusal.to_string() == "a has the character U+0000"));
        }
    }

    #[test]
    fn only_addresses_of_the_web_are_pictures() {
        let row = object(
            json!({"a": "https://res.cloudinary.com/x/y.png", "b": "javascript:alert(1)", "c": "data:image/png;base64,AA=="}),
        );
        let (fields, mut notes) = (Fields::of(&row).unwrap(), Notes::default());
        assert_eq!(fields.address("a", &mut notes).unwrap(), "https://res.cloudinary.com/x/y.png");
        assert_eq!(
            (fields.address("b", &mut notes).unwrap(), fields.address("c", &mut notes).unwrap()),
            Default::default()
        );
        assert_eq!(notes.into_inner().len(), 2);
    }
}
