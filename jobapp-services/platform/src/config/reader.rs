//! Looks settings up and collects what is wrong.

use std::fmt;

use super::{Source, Sources};

/// A setting that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in a file, and with dashes as a flag: `client_url`.
    pub name: &'static str,
    /// The environment variables that set it; the first one that is there counts.
    pub variables: &'static [&'static str],
    /// What its value should be, in words that go on after "is not".
    pub expected: &'static str,
    /// Whether its value is shown to nobody.
    pub is_secret: bool,
    /// What it is for, in a sentence without its full stop.
    pub about: &'static str,
    /// What holds when nobody sets it, in words; empty when it must be set, or nothing holds then.
    pub default: &'static str,
}

impl Setting {
    /// A setting.
    pub const fn new(name: &'static str, variables: &'static [&'static str], expected: &'static str) -> Self {
        Self { name, variables, expected, is_secret: false, about: "", default: "" }
    }

    /// The same, whose value is shown to nobody.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// The same, with what it is for.
    #[must_use]
    pub const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The same, with what holds when nobody sets it.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where its value comes from.
    pub source: Source,
    /// The value; `None` when there is none, or nobody may see it.
    pub value: Option<String>,
    /// What would have been right.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, value, expected } = self;
        match (source, value) {
            (Source::Default(_), _) => write!(f, "{source}: missing; it should be {expected}"),
            (_, Some(value)) => write!(f, "{source}: {value:?} is not {expected}"),
            (_, None) => write!(f, "{source}: its value is not {expected}"),
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub struct WrongSettings(pub Vec<Problem>);

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some settings are wrong:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Looks settings up and collects what is wrong.
#[derive(Debug)]
pub struct Reader {
    sources: Sources,
    known: Vec<Setting>,
    problems: Vec<Problem>,
}

impl Reader {
    /// Looks them up in these sources.
    pub const fn new(sources: Sources) -> Self {
        Self { sources, known: Vec::new(), problems: Vec::new() }
    }

    /// The value of a setting; `None` when it is not set, or wrong.
    pub fn optional<T>(&mut self, setting: &Setting, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.knows(setting);
        let (text, source) = self.sources.look_up(setting.name, setting.variables)?;
        let parsed = parse(text.trim());
        if parsed.is_none() {
            let value = (!setting.is_secret).then(|| text.to_owned());
            self.note(Problem { source, value, expected: setting.expected.to_owned() });
        }
        parsed
    }

    /// The value of a setting; `default` when it is not set.
    pub fn or<T>(&mut self, setting: &Setting, default: T, parse: impl FnOnce(&str) -> Option<T>) -> T {
        self.optional(setting, parse).unwrap_or(default)
    }

    /// The value of a setting that must be set. `None` is a problem.
    pub fn required<T>(&mut self, setting: &Setting, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        if self.is_set(setting) {
            return self.optional(setting, parse);
        }
        self.knows(setting);
        let variables = setting.variables.join(" or ");
        let expected = format!("{}. Set {variables}, or {} in the settings file", setting.expected, setting.name);
        self.note(Problem { source: Source::Default(setting.name.to_owned()), value: None, expected });
        None
    }

    fn knows(&mut self, setting: &Setting) {
        if !self.known.contains(setting) {
            self.known.push(*setting);
        }
    }

    /// Every setting that was looked up so far, in that order.
    pub fn known(&self) -> &[Setting] {
        &self.known
    }

    /// Whether somebody set it.
    pub fn is_set(&self, setting: &Setting) -> bool {
        self.sources.look_up(setting.name, setting.variables).is_some()
    }

    /// Where the value of a setting comes from.
    pub fn source_of(&self, setting: &Setting) -> Source {
        let found = self.sources.look_up(setting.name, setting.variables);
        found.map_or_else(|| Source::Default(setting.name.to_owned()), |(_, source)| source)
    }

    /// Something else is wrong with a setting, such as that it does not fit another one.
    pub fn complain(&mut self, setting: &Setting, expected: impl Into<String>) {
        let value = self.sources.look_up(setting.name, setting.variables).map(|(text, _)| text.to_owned());
        let value = value.filter(|_| !setting.is_secret);
        let source = self.source_of(setting);
        self.note(Problem { source, value, expected: expected.into() });
    }

    /// A setting that several read is told of once.
    fn note(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// What was read, unless something is wrong. A line of the file that is no setting is wrong, too.
    ///
    /// # Errors
    /// [`WrongSettings`] with every problem, in the order of the settings.
    pub fn finish(mut self) -> Result<(), WrongSettings> {
        for (name, value) in
            self.sources.in_file().filter(|(name, _)| self.known.iter().all(|known| known.name != *name))
        {
            let expected = "the value of a setting: there is none of that name".to_owned();
            let problem = Problem { source: self.sources.of_line(name), value: Some(value.to_owned()), expected };
            self.problems.push(problem);
        }
        if self.problems.is_empty() { Ok(()) } else { Err(WrongSettings(self.problems)) }
    }
}
