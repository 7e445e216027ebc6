//! Checks request bodies and answers with the first broken rule, in the wire's words.
//!
//! A [`Schema`] lists fields in the order they are checked. Unknown keys are refused last. Numbers and booleans may come
//! as texts: [`number`], [`boolean`] read both. Where a field has no text of its own for a case, the default ones of the
//! wire are used: `"name" is required`, `"languages[0].level" must be a string`.

use std::fmt;

use serde_json::{Map, Value};

/// The first broken rule of a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// What to show to the user.
    pub message: String,
}

impl Invalid {
    /// A broken rule with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// The texts a field has of its own; `None` means the default text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts {
    /// Not of the right type.
    pub wrong_type: Option<&'static str>,
    /// An empty text.
    pub empty: Option<&'static str>,
    /// Not there.
    pub missing: Option<&'static str>,
    /// A text too short or too long, a list too short, a number too small, a format that does not fit.
    pub rule: Option<&'static str>,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text.
    Text {
        /// Length in UTF-16 units, as the existing system counts; `None` for any.
        length: Option<(usize, usize)>,
        /// A further rule.
        format: Option<fn(&str) -> bool>,
    },
    /// A number, or a text that is one.
    Number {
        /// What it must be above.
        above: Option<f64>,
    },
    /// A boolean, or the text `true` or `false`.
    Boolean,
    /// A list of texts.
    Texts {
        /// The fewest elements.
        min: usize,
    },
    /// A list of objects.
    Objects {
        /// The fewest elements.
        min: usize,
        /// What each holds.
        of: &'static Schema,
    },
    /// A list of anything.
    List,
    /// A list of anything, in which texts are addresses of web pages or empty.
    Links,
    /// An object.
    Object(&'static Schema),
    /// Anything.
    Any,
}

/// How much there may be of something. What is more is told in the default words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Most {
    /// UTF-16 units in a text, or in each text of a list.
    pub units: Option<usize>,
    /// Elements in a list.
    pub elements: Option<usize>,
}

/// One field of a body.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// Whether `null` and the empty text are as good as absent.
    pub blank: bool,
    /// How much there may be of it.
    pub most: Most,
    /// Its own texts.
    pub texts: Texts,
}

/// The longest names, ids, dates and other short texts.
pub const NAME: usize = 500;
/// The longest titles.
pub const TITLE: usize = 200;
/// The longest descriptions, requirements, reasons and messages that come with work.
pub const DESCRIPTION: usize = 20_000;
/// The longest words about one part of a profile.
pub const NOTE: usize = 2_000;
/// The longest addresses of pictures and pages.
pub const ADDRESS: usize = 2_048;
/// The most entries of a list.
pub const ENTRIES: usize = 100;
/// The longest entries of a list of texts.
pub const ENTRY: usize = 200;

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
            blank: false,
            most: Most { units: None, elements: None },
            texts: Texts { wrong_type: None, empty: None, missing: None, rule: None },
        }
    }

    /// An optional, non-empty text.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text { length: None, format: None })
    }

    /// An optional number.
    pub const fn number(name: &'static str) -> Self {
        Self::new(name, Kind::Number { above: None })
    }

    /// An optional boolean.
    pub const fn boolean(name: &'static str) -> Self {
        Self::new(name, Kind::Boolean)
    }

    /// An optional list of texts with at least `min` elements.
    pub const fn texts(name: &'static str, min: usize) -> Self {
        Self::new(name, Kind::Texts { min })
    }

    /// An optional list of objects with at least `min` elements.
    pub const fn objects(name: &'static str, min: usize, of: &'static Schema) -> Self {
        Self::new(name, Kind::Objects { min, of })
    }

    /// An optional list of anything.
    pub const fn list(name: &'static str) -> Self {
        Self::new(name, Kind::List)
    }

    /// An optional list, in which texts are addresses of web pages or empty.
    pub const fn links(name: &'static str) -> Self {
        Self::new(name, Kind::Links)
    }

    /// An optional object.
    pub const fn object(name: &'static str, of: &'static Schema) -> Self {
        Self::new(name, Kind::Object(of))
    }

    /// Anything.
    pub const fn any(name: &'static str) -> Self {
        Self::new(name, Kind::Any)
    }

    /// The same field, which must be there.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same field, where `null` and the empty text are as good as absent.
    #[must_use]
    pub const fn blank(self) -> Self {
        Self { blank: true, ..self }
    }

    /// The same text, or list of texts, with at most so many UTF-16 units in each text.
    #[must_use]
    pub const fn at_most(self, units: usize) -> Self {
        Self { most: Most { units: Some(units), elements: self.most.elements }, ..self }
    }

    /// The same list, with at most so many elements.
    #[must_use]
    pub const fn up_to(self, elements: usize) -> Self {
        Self { most: Most { units: self.most.units, elements: Some(elements) }, ..self }
    }

    /// The same text, of this length.
    #[must_use]
    pub const fn length(self, min: usize, max: usize, text: &'static str) -> Self {
        let format = if let Kind::Text { format, .. } = self.kind { format } else { None };
        Self { kind: Kind::Text { length: Some((min, max)), format }, ..self }.rule(text)
    }

    /// The same text, which must pass this test.
    #[must_use]
    pub const fn format(self, format: fn(&str) -> bool, text: &'static str) -> Self {
        let length = if let Kind::Text { length, .. } = self.kind { length } else { None };
        Self { kind: Kind::Text { length, format: Some(format) }, ..self }.rule(text)
    }

    /// The same number, which must be above this.
    #[must_use]
    pub const fn above(self, least: f64, text: &'static str) -> Self {
        Self { kind: Kind::Number { above: Some(least) }, ..self }.rule(text)
    }

    /// The same field with these texts for a wrong type, an empty text and a missing value.
    #[must_use]
    pub const fn says(self, wrong_type: &'static str, empty: &'static str, missing: &'static str) -> Self {
        let texts =
            Texts { wrong_type: Some(wrong_type), empty: Some(empty), missing: Some(missing), rule: self.texts.rule };
        Self { texts, ..self }
    }

    /// The same field with this text for a wrong type.
    #[must_use]
    pub const fn wrong_type(self, text: &'static str) -> Self {
        Self { texts: Texts { wrong_type: Some(text), ..self.texts }, ..self }
    }

    /// The same field with this text for an empty text.
    #[must_use]
    pub const fn empty(self, text: &'static str) -> Self {
        Self { texts: Texts { empty: Some(text), ..self.texts }, ..self }
    }

    /// The same field with this text for a missing value.
    #[must_use]
    pub const fn missing(self, text: &'static str) -> Self {
        Self { texts: Texts { missing: Some(text), ..self.texts }, ..self }
    }

    /// The same field with this text for its length, format, least value or least count.
    #[must_use]
    pub const fn rule(self, text: &'static str) -> Self {
        Self { texts: Texts { rule: Some(text), ..self.texts }, ..self }
    }

    fn check(&self, value: Option<&Value>, at: &Path<'_>) -> Result<(), Invalid> {
        let Some(value) = value else {
            return if self.required { Err(self.says_that(self.texts.missing, at, "is required")) } else { Ok(()) };
        };
        if self.blank && (value.is_null() || value.as_str() == Some("")) {
            return Ok(());
        }
        match self.kind {
            Kind::Any => Ok(()),
            Kind::Text { length, format } => self.check_text(value, at, length, format),
            Kind::Number { above } => {
                let number =
                    number(value).ok_or_else(|| self.says_that(self.texts.wrong_type, at, "must be a number"))?;
                match above {
                    Some(least) if number <= least => {
                        Err(self.says_that(self.texts.rule, at, &format!("must be greater than {least}")))
                    }
                    _ => Ok(()),
                }
            }
            Kind::Boolean => match boolean(value) {
                Some(_) => Ok(()),
                None => Err(self.says_that(self.texts.wrong_type, at, "must be a boolean")),
            },
            Kind::Object(schema) => match value {
                Value::Object(object) => schema.check_object(object, at),
                _ => Err(self.says_that(self.texts.wrong_type, at, "must be of type object")),
            },
            Kind::List => self.elements(value, at, 0).map(|_| ()),
            Kind::Links => {
                for (index, element) in self.elements_before_count(value, at)?.iter().enumerate() {
                    if let Value::String(link) = element
                        && !link.is_empty()
                    {
                        self.check_link(link, &at.index(index))?;
                    }
                }
                self.elements(value, at, 0).map(|_| ())
            }
            Kind::Texts { min } => {
                for (index, element) in self.elements_before_count(value, at)?.iter().enumerate() {
                    self.check_text(element, &at.index(index), None, None)?;
                }
                self.elements(value, at, min).map(|_| ())
            }
            Kind::Objects { min, of } => {
                for (index, element) in self.elements_before_count(value, at)?.iter().enumerate() {
                    let at = at.index(index);
                    let Value::Object(object) = element else {
                        return Err(default_text(&at, "must be of type object"));
                    };
                    of.check_object(object, &at)?;
                }
                self.elements(value, at, min).map(|_| ())
            }
        }
    }

    fn check_text(
        &self,
        value: &Value,
        at: &Path<'_>,
        length: Option<(usize, usize)>,
        format: Option<fn(&str) -> bool>,
    ) -> Result<(), Invalid> {
        let Value::String(text) = value else {
            return Err(self.says_that(self.texts.wrong_type, at, "must be a string"));
        };
        if text.is_empty() {
            let texts = [self.texts.empty, self.texts.missing.filter(|_| matches!(self.kind, Kind::Texts { .. }))];
            return Err(self.says_that(texts.into_iter().flatten().next(), at, "is not allowed to be empty"));
        }
        if let Some((min, max)) = length {
            let units = text.encode_utf16().count();
            if units < min {
                return Err(self.says_that(
                    self.texts.rule,
                    at,
                    &format!("length must be at least {min} characters long"),
                ));
            }
            if units > max {
                return Err(self.says_that(
                    self.texts.rule,
                    at,
                    &format!("length must be less than or equal to {max} characters long"),
                ));
            }
        }
        self.check_most_units(text, at)?;
        match format {
            Some(fits) if !fits(text) => Err(self.says_that(self.texts.rule, at, "is not valid")),
            _ => Ok(()),
        }
    }

    fn check_link(&self, link: &str, at: &Path<'_>) -> Result<(), Invalid> {
        self.check_most_units(link, at)?;
        if is_web_address(link) {
            return Ok(());
        }
        Err(self.says_that(self.texts.rule, at, "must be a valid uri with a scheme matching the http|https pattern"))
    }

    fn check_most_units(&self, text: &str, at: &Path<'_>) -> Result<(), Invalid> {
        match self.most.units {
            // There are never more units than bytes.
            Some(most) if text.len() > most && text.encode_utf16().count() > most => {
                Err(default_text(at, &format!("length must be less than or equal to {most} characters long")))
            }
            _ => Ok(()),
        }
    }

    fn elements_before_count<'v>(&self, value: &'v Value, at: &Path<'_>) -> Result<&'v [Value], Invalid> {
        match value {
            Value::Array(elements) => Ok(elements),
            _ => Err(self.says_that(self.texts.wrong_type, at, "must be an array")),
        }
    }

    fn elements<'v>(&self, value: &'v Value, at: &Path<'_>, min: usize) -> Result<&'v [Value], Invalid> {
        let elements = self.elements_before_count(value, at)?;
        if elements.len() < min {
            return Err(self.says_that(self.texts.rule, at, &format!("must contain at least {min} items")));
        }
        match self.most.elements {
            Some(most) if elements.len() > most => {
                Err(default_text(at, &format!("must contain less than or equal to {most} items")))
            }
            _ => Ok(elements),
        }
    }

    fn says_that(&self, own: Option<&'static str>, at: &Path<'_>, default: &str) -> Invalid {
        own.map_or_else(|| default_text(at, default), Invalid::new)
    }
}

fn default_text(at: &Path<'_>, text: &str) -> Invalid {
    Invalid::new(format!("\"{at}\" {text}"))
}

/// The fields of a body or of an object within one, in the order they are checked.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    fields: &'static [Field],
    lenient: bool,
}

impl Schema {
    /// Exactly these fields.
    pub const fn new(fields: &'static [Field]) -> Self {
        Self { fields, lenient: false }
    }

    /// These fields and any others.
    pub const fn lenient(fields: &'static [Field]) -> Self {
        Self { fields, lenient: true }
    }

    /// Checks a body.
    ///
    /// # Errors
    /// The first broken rule. Anything but an object is taken for an empty one.
    pub fn check(&self, body: &Value) -> Result<(), Invalid> {
        match body {
            Value::Object(object) => self.check_object(object, &Path::Root),
            _ => self.check_object(&Map::new(), &Path::Root),
        }
    }

    fn check_object(&self, object: &Map<String, Value>, at: &Path<'_>) -> Result<(), Invalid> {
        for field in self.fields {
            field.check(object.get(field.name), &at.key(field.name))?;
        }
        if self.lenient {
            return Ok(());
        }
        match object.keys().find(|key| self.fields.iter().all(|field| field.name != *key)) {
            Some(unknown) => {
                let shown: String = unknown.chars().take(64).collect();
                Err(default_text(&at.key(&shown), "is not allowed"))
            }
            None => Ok(()),
        }
    }
}

/// Where in a body a value stands.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    const fn key<'a>(&'a self, name: &'a str) -> Path<'a> {
        Path::Key(self, name)
    }

    const fn index(&self, index: usize) -> Path<'_> {
        Path::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Path::Root, name) => f.write_str(name),
            Self::Key(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

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

/// The text of a field; empty when it is absent or no text.
pub fn text<'v>(body: &'v Value, name: &str) -> &'v str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The text of a field; `None` when it is absent, blank or no text.
pub fn optional_text(body: &Value, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
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
    use serde_json::json;

    const ITEM: Schema = Schema::new(&[Field::text("level"), Field::boolean("now")]);
    const BODY: Schema = Schema::new(&[
        Field::text("name").required().length(4, 12, "Invalid name").says("Not a text", "Name is required", "No name"),
        Field::texts("skills", 1).required().missing("Skills are required").rule("At least one skill"),
        Field::objects("languages", 1, &ITEM).required(),
        Field::number("price").above(4.99, "More than $4.99"),
        Field::text("note").blank(),
    ]);

    fn valid() -> Value {
        json!({"name": "Anna", "skills": ["rust"], "languages": [{"level": "good"}], "price": "5"})
    }

    fn with(key: &str, value: Value) -> String {
        let mut body = valid();
        body[key] = value;
        BODY.check(&body).map_or_else(|invalid| invalid.message, |()| "ok".to_owned())
    }

    #[test]
    fn the_first_broken_rule_answers_in_field_order() {
        assert_eq!(BODY.check(&json!({"unknown": 1})).unwrap_err().message, "No name");
        assert_eq!(BODY.check(&json!([])).unwrap_err().message, "No name");
    }

    #[test]
    fn every_case_has_its_text() {
        for (key, value, expected) in [
            ("name", json!(5), "Not a text"),
            ("name", json!(null), "Not a text"),
            ("name", json!(""), "Name is required"),
            ("name", json!("abc"), "Invalid name"),
            ("skills", json!([""]), "Skills are required"),
            ("skills", json!([]), "At least one skill"),
            ("skills", json!("x"), "\"skills\" must be an array"),
            ("languages", json!([{"foo": 1}]), "\"languages[0].foo\" is not allowed"),
            ("languages", json!([{"level": 1}]), "\"languages[0].level\" must be a string"),
            ("languages", json!([{"level": ""}]), "\"languages[0].level\" is not allowed to be empty"),
            ("languages", json!([{"now": "yes"}]), "\"languages[0].now\" must be a boolean"),
            ("languages", json!([1]), "\"languages[0]\" must be of type object"),
            ("price", json!(4.99), "More than $4.99"),
            ("price", json!("cheap"), "\"price\" must be a number"),
            ("price", json!({"$ne": null}), "\"price\" must be a number"),
            ("note", json!(null), "ok"),
            ("note", json!(""), "ok"),
            ("note", json!(1), "\"note\" must be a string"),
            ("other", json!(1), "\"other\" is not allowed"),
        ] {
            assert_eq!(with(key, value.clone()), expected, "{key}: {value}");
        }
    }

    #[test]
    fn what_is_too_long_or_too_many_is_told_in_the_default_words() {
        const LIMITED: Schema = Schema::new(&[
            Field::text("name").required().says("Not a text", "Name is required", "No name").at_most(3),
            Field::texts("skills", 1).rule("At least one skill").at_most(2).up_to(2),
            Field::objects("languages", 1, &ITEM).rule("At least one language").up_to(1),
            Field::links("links").at_most(21).up_to(2),
        ]);
        for (key, value, expected) in [
            ("name", json!("abc"), "ok"),
            ("name", json!("\u{1f980}b"), "ok"),
            ("name", json!("\u{1f980}\u{1f980}"), "\"name\" length must be less than or equal to 3 characters long"),
            ("name", json!("äöü"), "ok"),
            ("skills", json!(["ab", "abc"]), "\"skills[1]\" length must be less than or equal to 2 characters long"),
            ("skills", json!(["a", "b", "c"]), "\"skills\" must contain less than or equal to 2 items"),
            ("skills", json!([]), "At least one skill"),
            ("languages", json!([{}, {}]), "\"languages\" must contain less than or equal to 1 items"),
            ("links", json!(["https://example.org/", ""]), "ok"),
            ("links", json!([1, null]), "ok"),
            ("links", json!("x"), "\"links\" must be an array"),
            ("links", json!(["", "", ""]), "\"links\" must contain less than or equal to 2 items"),
            (
                "links",
                json!(["", "https://example.org/12"]),
                "\"links[1]\" length must be less than or equal to 21 characters long",
            ),
            (
                "links",
                json!(["javascript:alert(1)"]),
                "\"links[0]\" must be a valid uri with a scheme matching the http|https pattern",
            ),
        ] {
            let mut body = json!({"name": "a"});
            body[key] = value.clone();
            let text = LIMITED.check(&body).map_or_else(|invalid| invalid.message, |()| "ok".to_owned());
            assert_eq!(text, expected, "{key}: {value}");
        }
    }

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
