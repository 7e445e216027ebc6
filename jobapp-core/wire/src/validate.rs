//! Checks request bodies and answers with the first broken rule, in the wire's words.
//!
//! A [`Schema`] lists fields in the order they are checked. Unknown keys are refused last. Numbers and booleans may come
//! as texts: [`number`], [`boolean`] read both. Where a field has no text of its own for a case, the default ones of the
//! wire are used: `"name" is required`, `"languages[0].level" must be a string`.

mod document;
mod schema;
#[cfg(test)]
mod tests;
mod values;

use jobapp_kernel::{Timestamp, is_blank};
use serde_json::Value;

pub use document::Stated;
pub(crate) use document::{anything, document_of_all};
use schema::Path;
pub use schema::Schema;
pub use values::{boolean, date, is_email, is_known_email, is_web_address, number, optional_text, secret, text, texts};

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
        /// Length in characters; `None` for any.
        length: Option<(usize, usize)>,
        /// A further rule.
        format: Option<fn(&str) -> bool>,
    },
    /// A date, in any form that [`Timestamp`] reads.
    Date,
    /// A text with rules that have texts of their own.
    Checked(fn(&str) -> Result<(), &'static str>),
    /// One of these texts.
    OneOf(&'static [&'static str]),
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
    /// Characters in a text, or in each text of a list.
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
    /// Whether `null` and a text of which nobody sees anything are as good as absent.
    pub blank: bool,
    /// Whether it is a password: blanks are characters like others.
    pub secret: bool,
    /// How much there may be of it.
    pub most: Most,
    /// Its own texts.
    pub texts: Texts,
    /// What the document says of it beyond its kind.
    pub stated: Stated,
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
            secret: false,
            most: Most { units: None, elements: None },
            texts: Texts { wrong_type: None, empty: None, missing: None, rule: None },
            stated: Stated { pattern: None, characters: None, range: None, whole: false },
        }
    }

    /// An optional, non-empty text.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text { length: None, format: None })
    }

    /// An optional date.
    pub const fn date(name: &'static str) -> Self {
        Self::new(name, Kind::Date)
    }

    /// An optional, non-empty text with rules that have texts of their own.
    pub const fn checked(name: &'static str, check: fn(&str) -> Result<(), &'static str>) -> Self {
        Self::new(name, Kind::Checked(check))
    }

    /// An optional text that is one of these, with the text for all others.
    pub const fn one_of(name: &'static str, texts: &'static [&'static str], text: &'static str) -> Self {
        Self::new(name, Kind::OneOf(texts)).rule(text)
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

    /// The same field, where `null` and a text of which nobody sees anything are as good as absent.
    #[must_use]
    pub const fn blank(self) -> Self {
        Self { blank: true, ..self }
    }

    /// The same text, which is a password: blanks are characters like others.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Whether there is nothing to be seen of a text.
    fn is_empty(&self, text: &str) -> bool {
        if self.secret { text.is_empty() } else { is_blank(text) }
    }

    /// The same text, or list of texts, with at most so many characters in each text.
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

    /// The same text, which looks like this: said in the document, and checked by its format or where the body is read.
    #[must_use]
    pub const fn looks_like(self, pattern: &'static str) -> Self {
        Self { stated: Stated { pattern: Some(pattern), ..self.stated }, ..self }
    }

    /// The same text, of so many characters as people count them: said in the document, and checked by its format.
    #[must_use]
    pub const fn characters(self, least: usize, most: usize) -> Self {
        Self { stated: Stated { characters: Some((least, most)), ..self.stated }, ..self }
    }

    /// The same number, from `least` to `most`: said in the document, and checked where the body is read.
    #[must_use]
    pub const fn from_to(self, least: f64, most: f64) -> Self {
        Self { stated: Stated { range: Some((least, most)), ..self.stated }, ..self }
    }

    /// The same number, without a fraction: said in the document, and checked where the body is read.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self { stated: Stated { whole: true, ..self.stated }, ..self }
    }

    fn check(&self, value: Option<&Value>, at: &Path<'_>) -> Result<(), Invalid> {
        let Some(value) = value else {
            return if self.required { Err(self.says_that(self.texts.missing, at, "is required")) } else { Ok(()) };
        };
        if self.blank && (value.is_null() || value.as_str().is_some_and(|text| self.is_empty(text))) {
            return Ok(());
        }
        match self.kind {
            Kind::Any => Ok(()),
            Kind::Text { length, format } => self.check_text(value, at, length, format),
            Kind::OneOf(texts) => {
                self.check_text(value, at, None, None)?;
                match value.as_str() {
                    Some(text) if texts.contains(&text) => Ok(()),
                    _ => Err(self.says_that(self.texts.rule, at, "is not valid")),
                }
            }
            Kind::Date => self.check_date(value, at),
            Kind::Checked(check) => {
                self.check_text(value, at, None, None)?;
                check(value.as_str().unwrap_or_default()).map_err(Invalid::new)
            }
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
                        && !is_blank(link)
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
        if self.is_empty(text) {
            let texts = [self.texts.empty, self.texts.missing.filter(|_| matches!(self.kind, Kind::Texts { .. }))];
            return Err(self.says_that(texts.into_iter().flatten().next(), at, "is not allowed to be empty"));
        }
        if let Some((min, max)) = length {
            let units = text.chars().count();
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

    fn check_date(&self, value: &Value, at: &Path<'_>) -> Result<(), Invalid> {
        self.check_text(value, at, None, None)?;
        match value.as_str().map(str::parse::<Timestamp>) {
            Some(Ok(_)) => Ok(()),
            _ => Err(self.says_that(self.texts.rule, at, "must be a valid date")),
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
            // There are never more characters than bytes.
            Some(most) if text.len() > most && text.chars().count() > most => {
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
