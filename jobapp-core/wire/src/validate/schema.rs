//! The fields of an object, checked in their order, and where in a body they stand.

use std::fmt;

use serde_json::{Map, Value};

use super::{Field, Invalid, default_text};

/// The fields of a body or of an object within one, in the order they are checked.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    pub(super) fields: &'static [Field],
    pub(super) lenient: bool,
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

    pub(super) fn check_object(&self, object: &Map<String, Value>, at: &Path<'_>) -> Result<(), Invalid> {
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
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    pub(super) const fn key<'a>(&'a self, name: &'a str) -> Path<'a> {
        Path::Key(self, name)
    }

    pub(super) const fn index(&self, index: usize) -> Path<'_> {
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
