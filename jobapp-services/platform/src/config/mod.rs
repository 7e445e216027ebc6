//! Settings: read from several places, each in one typed section, every problem reported at once.
//!
//! A [`Setting`] has a name, which a TOML file and flags use, and one or several environment variables: those of existing
//! deployments, such as `DATABASE_URL`, beside ours, which begin with `JOBAPP_`. A [`Reader`] looks each one up and collects what is
//! wrong; what is asked for at the end is [`Reader::finish`].

mod observing;
mod reader;
mod sections;
mod sources;
mod tracing;
mod web;

pub use self::observing::Observing;
pub use self::reader::{Problem, Reader, Setting, WrongSettings};
pub use self::sections::{
    Listen, Log, MailSettings, Places, Tokens, bytes, compat, flag, networks, number, origin, secret, several,
};
pub use self::sources::{Source, Sources, SourcesError};
pub use self::tracing::Tracing;
pub use self::web::{Bodies, Connections, Developing, Web};
