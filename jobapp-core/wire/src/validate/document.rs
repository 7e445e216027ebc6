//! What tables say of bodies, as JSON Schema for the API's document: made of the very fields that check them, so that the
//! document and the rules cannot part.

use std::sync::LazyLock;

use jobapp_kernel::is_blank;
use serde_json::{Map, Value, json};

use super::{Field, Kind, Schema};

/// What the document says of a field beyond its kind. It is checked by the field's format, or where the body is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stated {
    /// What a text looks like.
    pub pattern: Option<&'static str>,
    /// The fewest and the most characters of a text.
    pub characters: Option<(usize, usize)>,
    /// The least and the highest number.
    pub range: Option<(f64, f64)>,
    /// Whether a number has no fraction.
    pub whole: bool,
}

/// A text that is a number.
const NUMBER: &str = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$";
/// A text that is a positive number, none that is zero, too large or too small.
const POSITIVE: &str = r"^[1-9][0-9]{0,4}(\.[0-9]{1,2})?$";
/// A text that is a boolean.
const BOOLEAN: &str = "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$";
/// A text that is a date in ISO 8601, or as browsers write one. That some Februaries have no 29th day no pattern says.
const DATE: &str = concat!(
    r"^((([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-",
    r"((0[1-9]|1[0-2])-(0[1-9]|[12][0-9])|(0[13-9]|1[0-2])-30|(0[13578]|1[02])-31)",
    r"([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?)?)|",
    r"((Mon|Tue|Wed|Thu|Fri|Sat|Sun),? ((Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (0[1-9]|[12][0-9])|",
    r"(Jan|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 30|(Jan|Mar|May|Jul|Aug|Oct|Dec) 31|",
    r"(0[1-9]|[12][0-9]) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|",
    r"30 (Jan|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|31 (Jan|Mar|May|Jul|Aug|Oct|Dec)) [1-9][0-9]{3}",
    r"( ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9] GMT([+-](0[0-9]|1[0-4])[0-5][0-9])?( \([A-Za-z ]{1,60}\))?)?))$"
);
/// A text that is the address of a web page.
const LINK: &str =
    r#"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\u0000-\u0020\u007f-\u009f"<>\\@:/?#][^\s\u0000-\u0020\u007f-\u009f"<>\\@]*$"#;

/// A text of which something is seen: with one character that is not invisible.
static VISIBLE: LazyLock<String> = LazyLock::new(|| format!("[^{}]", *INVISIBLE_CHARACTERS));
/// A text of which nobody sees anything.
static BLANK: LazyLock<String> = LazyLock::new(|| format!("^[{}]*$", *INVISIBLE_CHARACTERS));

/// The characters nobody sees, as ranges of a pattern. Those beyond the first 65,536 are left out, as not every reader of
/// patterns knows them.
static INVISIBLE_CHARACTERS: LazyLock<String> = LazyLock::new(|| {
    let is_invisible =
        |code: &u32| char::from_u32(*code).is_some_and(|character| is_blank(character.encode_utf8(&mut [0; 4])));
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for code in (0..0x1_0000).filter(is_invisible) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == code => *last = code,
            _ => ranges.push((code, code)),
        }
    }
    let class: Vec<String> = ranges.iter().map(|(first, last)| format!("\\u{first:04x}-\\u{last:04x}")).collect();
    class.concat()
});

impl Schema {
    /// What a body must be, as JSON Schema.
    pub fn document(&self) -> Value {
        let properties: Map<String, Value> =
            self.fields.iter().map(|field| (field.name.to_owned(), field.document())).collect();
        let required: Vec<&str> = self.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        let mut schema =
            Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), properties.into())]);
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !self.lenient {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        schema.into()
    }
}

impl Field {
    /// What the field must be, as JSON Schema.
    fn document(&self) -> Value {
        let value = match self.kind {
            Kind::Any => return json!({}),
            Kind::Text { length, .. } => self.text_document(length),
            Kind::Checked(_) => self.text_document(None),
            Kind::OneOf(texts) => json!({ "type": "string", "enum": texts }),
            Kind::Date => self.with_pattern(DATE),
            Kind::Number { above } => self.number_document(above),
            Kind::Boolean => json!({ "anyOf": [{ "type": "boolean" }, { "type": "string", "pattern": BOOLEAN }] }),
            Kind::List => self.list_document(json!({}), 0),
            Kind::Links => {
                let any_but_text = json!({ "type": ["null", "boolean", "number", "object", "array"] });
                self.list_document(json!({ "anyOf": [self.with_pattern(LINK), blank(), any_but_text] }), 0)
            }
            Kind::Texts { min } => self.list_document(self.text_document(None), min),
            Kind::Objects { min, of } => self.list_document(of.document(), min),
            Kind::Object(of) => of.document(),
        };
        if self.blank { or_blank(value) } else { value }
    }

    fn text_document(&self, length: Option<(usize, usize)>) -> Value {
        let (least, most) = self.stated.characters.or(length).map_or((0, None), |(least, most)| (least, Some(most)));
        let mut schema = Map::from_iter([("type".to_owned(), json!("string"))]);
        // What may be blank may be short.
        if !self.blank {
            schema.insert("minLength".to_owned(), json!(least.max(1)));
        }
        if let Some(most) = most.or(self.most.units) {
            schema.insert("maxLength".to_owned(), json!(most));
        }
        let pattern = self.stated.pattern.or_else(|| (!self.secret && !self.blank).then(|| VISIBLE.as_str()));
        if let Some(pattern) = pattern {
            schema.insert("pattern".to_owned(), json!(pattern));
        }
        schema.into()
    }

    fn with_pattern(&self, pattern: &str) -> Value {
        match self.most.units {
            Some(most) => json!({ "type": "string", "pattern": pattern, "maxLength": most }),
            None => json!({ "type": "string", "pattern": pattern }),
        }
    }

    fn number_document(&self, above: Option<f64>) -> Value {
        let mut schema =
            Map::from_iter([("type".to_owned(), json!(if self.stated.whole { "integer" } else { "number" }))]);
        if let Some((least, most)) = self.stated.range {
            schema.insert("minimum".to_owned(), json!(least));
            schema.insert("maximum".to_owned(), json!(most));
        } else if let Some(above) = above {
            schema.insert("exclusiveMinimum".to_owned(), json!(above));
        }
        let bounded = above.is_some() || self.stated.range.is_some();
        let pattern = self.stated.pattern.unwrap_or(if bounded { POSITIVE } else { NUMBER });
        json!({ "anyOf": [schema, { "type": "string", "pattern": pattern }] })
    }

    fn list_document(&self, items: Value, least: usize) -> Value {
        let mut schema = Map::from_iter([("type".to_owned(), json!("array")), ("items".to_owned(), items)]);
        if least > 0 {
            schema.insert("minItems".to_owned(), json!(least));
        }
        if let Some(most) = self.most.elements {
            schema.insert("maxItems".to_owned(), json!(most));
        }
        schema.into()
    }
}

/// A body in which nothing is wrong, as JSON Schema: an object with these properties and others, or a list.
pub(crate) fn anything(properties: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": ["object", "array"], "properties": properties })
}

/// A body that keeps the rules of several lenient tables, as JSON Schema.
pub(crate) fn document_of_all(tables: &[Schema]) -> Value {
    let fields = || tables.iter().flat_map(|table| table.fields);
    let required: Vec<&str> = fields().filter(|field| field.required).map(|field| field.name).collect();
    let properties: Map<String, Value> = fields().map(|field| (field.name.to_owned(), field.document())).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// What may be `null` and a text of which nobody sees anything, too.
fn or_blank(mut schema: Value) -> Value {
    if schema["type"] == "string" && schema.get("pattern").is_none() {
        schema["type"] = json!(["string", "null"]);
        return schema;
    }
    json!({ "anyOf": [schema, { "type": "null" }, blank()] })
}

fn blank() -> Value {
    json!({ "type": "string", "pattern": *BLANK })
}
