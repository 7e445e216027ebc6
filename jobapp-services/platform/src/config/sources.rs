//! Where values come from.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Spanned;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag of the command line.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// A line of the settings file.
    File {
        /// The setting.
        name: String,
        /// The file.
        file: PathBuf,
        /// The line, from 1 on.
        line: usize,
    },
    /// Nobody set it.
    Default(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Environment(name) => write!(f, "{name} in the environment"),
            Self::File { name, file, line } => write!(f, "{name} in {}, line {line}", file.display()),
            Self::Default(name) => f.write_str(name),
        }
    }
}

/// Why the settings file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// It cannot be read.
    #[error("the settings file {} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("the settings file {} is not valid TOML", file.display())]
    Toml {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<toml::de::Error>,
    },
}

/// Everything that was set: flags over environment over file.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    flags: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    lines: BTreeMap<String, (String, usize)>,
    file: PathBuf,
}

impl Sources {
    /// Nothing was set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with these environment variables. Those that are no text are left out.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// The same with the variables of this process.
    #[must_use]
    pub fn of_this_process(self) -> Self {
        self.environment(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// The same with a flag. Its name has dashes, that of its setting underscores.
    #[must_use]
    pub fn flag(mut self, name: &str, value: impl Into<String>) -> Self {
        self.flags.insert(name.replace('-', "_"), value.into());
        self
    }

    /// The same with the lines of a TOML file.
    ///
    /// # Errors
    /// [`SourcesError`].
    pub fn file(self, file: &Path) -> Result<Self, SourcesError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| SourcesError::Unreadable { file: file.to_owned(), source })?;
        self.lines_of(file, &text)
    }

    /// As [`Sources::file`], where a file that is not there, or cannot be, says nothing.
    ///
    /// # Errors
    /// [`SourcesError`].
    pub fn file_if_there(self, file: &Path) -> Result<Self, SourcesError> {
        match self.clone().file(file) {
            Err(SourcesError::Unreadable { source, .. })
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(self)
            }
            other => other,
        }
    }

    fn lines_of(mut self, file: &Path, text: &str) -> Result<Self, SourcesError> {
        let table: BTreeMap<String, Spanned<toml::Value>> = toml::from_str(text)
            .map_err(|source| SourcesError::Toml { file: file.to_owned(), source: Box::new(source) })?;
        for (name, value) in table {
            let line = text.get(..value.span().start).map_or(1, |before| before.lines().count().max(1));
            self.lines.insert(name, (written(value.into_inner()), line));
        }
        self.file = file.to_owned();
        Ok(self)
    }

    /// The value of a setting, and where it comes from.
    pub(super) fn look_up(&self, name: &str, variables: &[&str]) -> Option<(&str, Source)> {
        if let Some(value) = self.flags.get(name) {
            return Some((value, Source::Flag(name.replace('_', "-"))));
        }
        for variable in variables {
            if let Some(value) = self.environment.get(*variable) {
                return Some((value, Source::Environment((*variable).to_owned())));
            }
        }
        self.lines.get(name).map(|(value, _)| (value.as_str(), self.of_line(name)))
    }

    /// The settings of the file.
    pub(super) fn in_file(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|(name, (value, _))| (name.as_str(), value.as_str()))
    }

    pub(super) fn of_line(&self, name: &str) -> Source {
        let line = self.lines.get(name).map_or(1, |(_, line)| *line);
        Source::File { name: name.to_owned(), file: self.file.clone(), line }
    }
}

/// A value as it would stand in the environment.
fn written(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        toml::Value::Array(parts) => {
            let parts: Vec<String> = parts.into_iter().map(written).collect();
            parts.join(",")
        }
        other => other.to_string(),
    }
}
