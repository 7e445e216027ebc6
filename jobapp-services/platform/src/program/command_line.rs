//! What a program is told on its command line, and what it tells of its settings.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;

use super::{Base, Program};
use crate::config::{Listen, Observing, Reader, Setting, Sources, SourcesError};

/// What was said on the command line.
pub(super) struct CommandLine {
    /// Whether to try everything and end.
    pub(super) is_check: bool,
    /// Whether to ask the one that runs whether it wants requests, and end.
    pub(super) is_health: bool,
    /// Whether to tell the settings as JSON and end.
    pub(super) is_settings: bool,
    /// Whether to print what is stored and end, and then whether to replace what differs between equal runs.
    pub(super) dump: Option<bool>,
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

impl CommandLine {
    /// Reads it. A wrong one ends the process with a message, as do `--help` and `--version`.
    pub(super) fn read<P: Program>() -> Self {
        Self::of::<P>(&definition::<P>().get_matches())
    }

    fn of<P: Program>(matches: &ArgMatches) -> Self {
        let flag = |setting: &Setting| Some((setting.name, matches.get_one::<String>(setting.name)?.clone()));
        Self {
            is_check: matches.get_flag("check"),
            is_health: matches.get_flag("health"),
            is_settings: matches.get_flag("settings"),
            dump: matches.get_one::<String>("dump").map(|how| how == "canonical"),
            file: matches.get_one("config").cloned(),
            flags: shown::<P>().filter_map(|setting| flag(&setting)).collect(),
        }
    }

    /// Everything that was set: flags over the environment over the file.
    pub(super) fn sources(&self) -> Result<Sources, SourcesError> {
        let sources = Sources::new().of_this_process();
        let sources = self.flags.iter().fold(sources, |sources, (name, value)| sources.flag(name, value.clone()));
        match &self.file {
            Some(file) => sources.file(file),
            None => Ok(sources),
        }
    }
}

/// Every setting of a program, in the order in which they are read.
pub(super) fn settings<P: Program>() -> Vec<Setting> {
    let mut reader = Reader::new(Sources::new());
    // What is missing is of no interest here: whatever is looked up is noted.
    let _ = (P::read(&mut reader).is_some(), Base::read::<P>(&mut reader).is_some());
    reader.known().to_vec()
}

/// What holds when nobody sets a setting.
fn default_of<P: Program>(setting: &Setting) -> String {
    match *setting {
        Listen::PORT => P::PORT.to_string(),
        Observing::PORT => Observing::port_beside(P::PORT).to_string(),
        _ => setting.default.to_owned(),
    }
}

/// The settings that are flags, too: a secret on a command line can be seen by everybody on the machine.
fn shown<P: Program>() -> impl Iterator<Item = Setting> {
    settings::<P>().into_iter().filter(|setting| !setting.is_secret)
}

fn definition<P: Program>() -> Command {
    let name = format!("jobapp-{}", P::SERVICE);
    let config = Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf));
    let check = Arg::new("check").long("check").action(ArgAction::SetTrue);
    let dump = Arg::new("dump").long("dump").value_name("HOW").value_parser(["plain", "canonical"]);
    let settings = Arg::new("settings").long("settings").action(ArgAction::SetTrue);
    let health = Arg::new("health").long("health").action(ArgAction::SetTrue);
    let command = Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(P::ABOUT)
        .arg(check.help("Read the settings, try every server, say what is wrong, and end"))
        .arg(health.help("Ask the one that runs here, by the same settings, whether it wants requests, and end: exit code 0 if it does"))
        .arg(dump.help("Print everything stored as lines of JSON, without hashes and keys, and end; canonical replaces what differs between two equal runs"))
        .arg(settings.help("Tell every setting as JSON, and end"))
        .arg(config.help("A TOML file with settings"))
        .after_help(after_help::<P>());
    shown::<P>().fold(command, |command, setting| {
        let default = default_of::<P>(&setting);
        let default = if default.is_empty() { default } else { format!(" [default: {default}]") };
        let help = format!("{}{default} [env: {}]", setting.about, setting.variables.join(", "));
        command.arg(Arg::new(setting.name).long(setting.name.replace('_', "-")).value_name("VALUE").help(help))
    })
}

fn after_help<P: Program>() -> String {
    let mut text = "Only in the environment or the file, since others can see a command line:\n".to_owned();
    for setting in settings::<P>().iter().filter(|setting| setting.is_secret) {
        let variables = setting.variables.join(", ");
        text.push_str(&format!("  {variables}\n          {}: {}\n", setting.about, setting.expected));
    }
    text.push_str(
        "\nA flag wins over the environment, the environment over the file, where names have underscores: \
         client_url = \"https://app.example.org\".\n/livez and /readyz answer from the first moment on; /readyz says what is waited for.",
    );
    text
}

/// The settings of a program as JSON: for each its name in a file, variables, what it is for, what is expected, what holds otherwise, and
/// whether it is a secret.
pub(super) fn listed<P: Program>() -> String {
    let one = |setting: &Setting| {
        let Setting { name, variables, expected, is_secret, about, .. } = setting;
        json!({ "name": name, "variables": variables, "about": about, "expected": expected,
            "default": default_of::<P>(setting), "secret": is_secret })
    };
    serde_json::Value::Array(settings::<P>().iter().map(one).collect()).to_string()
}
