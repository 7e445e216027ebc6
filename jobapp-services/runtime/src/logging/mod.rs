//! Logs: lines for people on a terminal, JSON lines for machines.

mod beside;
mod json_lines;
mod lines;

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use beside::Beside;
use json_lines::{JsonLine, JsonMembers};
use lines::{Lines, Writing};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people if standard error is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging goes on while this lives. Lines that wait are written when it is dropped.
#[derive(Debug)]
#[must_use = "lines that wait to be written are lost without it"]
pub struct Logging {
    _writing: Option<Writing>,
}

/// Starts logging to standard error. `filter` is a level or a list of `target=level`, such as `info` or `warn,jobapp=debug`. `service` is what
/// the process is called in JSON lines; each of these also goes to `beside`, however lines look here.
///
/// JSON lines wait for others for up to 100 ms and are then written together; warnings and errors are written at once.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start_logging(
    format: LogFormat,
    filter: &str,
    service: &'static str,
    beside: Option<Beside>,
) -> anyhow::Result<Logging> {
    let filter = read_filter(filter)?;
    let text = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    // Where standard error is closed nobody can be told that a line was lost; the layer would panic when it tried.
    let lines = tracing_subscriber::fmt::layer().log_internal_errors(false);
    let json = JsonLine { service };
    if text {
        let for_people = lines.with_writer(std::io::stderr).with_target(false);
        let for_machines = beside.map(|beside| {
            let lines = tracing_subscriber::fmt::layer().log_internal_errors(false).with_writer(beside);
            lines.fmt_fields(JsonMembers).event_format(json)
        });
        registry.with(for_people).with(for_machines).try_init()?;
        return Ok(Logging { _writing: None });
    }
    // One layer for both: two would note each field of a span twice.
    let (writer, writing) = Lines::to(std::io::stderr(), beside).context("the system gives no thread for the log")?;
    registry.with(lines.with_writer(writer).fmt_fields(JsonMembers).event_format(json)).try_init()?;
    Ok(Logging { _writing: Some(writing) })
}

/// The client of RabbitMQ writes messages that come back into the log, whole: bodies hold links and codes that open accounts.
const WITH_SECRETS: &str = "lapin::returned_messages";
/// It calls the end of a connection an error, also of one that was just closed. What became of a connection the adapter says.
const SAID_TWICE: [&str; 2] = ["lapin::io_loop", "lapin::channels"];

fn read_filter(text: &str) -> anyhow::Result<EnvFilter> {
    let mut filter = EnvFilter::builder().parse(text).map_err(|error| {
        anyhow::anyhow!("the log filter {text:?} cannot be read ({error}); try info, debug or warn,jobapp_gig=debug")
    })?;
    if !text.contains("lapin") {
        for target in SAID_TWICE {
            filter = filter.add_directive(format!("{target}=off").parse()?);
        }
    }
    Ok(filter.add_directive(format!("{WITH_SECRETS}=off").parse()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::Context;

    use super::*;

    struct Counting(Arc<AtomicUsize>);

    impl<S: tracing::Subscriber> Layer<S> for Counting {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn messages_that_came_back_are_not_written_down_and_the_end_of_a_connection_not_twice() {
        for filter in ["info", "trace", "warn,lapin=debug"] {
            let count = Arc::new(AtomicUsize::new(0));
            let subscriber =
                tracing_subscriber::registry().with(read_filter(filter).unwrap()).with(Counting(count.clone()));
            tracing::subscriber::with_default(subscriber, || {
                tracing::warn!(target: "lapin::returned_messages", message = "a body", "Server returned us a message");
                assert_eq!(count.load(Ordering::SeqCst), 0, "{filter}");
                tracing::warn!(target: "lapin::consumer", "something else");
                assert_eq!(count.load(Ordering::SeqCst), 1, "{filter}");
                tracing::error!(target: "lapin::io_loop", "Socket was readable but we read 0");
                tracing::error!(target: "lapin::channels", "Connection error");
                assert_eq!(count.load(Ordering::SeqCst), if filter.contains("lapin") { 3 } else { 1 }, "{filter}");
            });
        }
    }
}
