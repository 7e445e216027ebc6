//! What the program says to its user.
//!
//! `println!` panics once nobody reads any more, as behind `| head -1`: a command ends then, and a server goes on.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

/// Nobody reads standard output any more. A command that is told so has nothing left to do; it has not failed.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(crate) struct NobodyReads;

/// Writes a line, or several, to standard output.
///
/// # Errors
/// [`NobodyReads`], or what else kept the text from being written, such as a full disk.
pub(crate) fn say(text: impl Display) -> anyhow::Result<()> {
    lines([text])
}

/// Writes many lines to standard output.
///
/// # Errors
/// As [`say`].
pub(crate) fn lines(lines: impl IntoIterator<Item = impl Display>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let write = || {
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()
    };
    write().map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => anyhow::Error::new(NobodyReads),
        _ => anyhow::Error::new(error).context("standard output cannot be written"),
    })
}

/// Writes a line to standard error. Where that is closed, too, there is nobody left to tell.
pub(crate) fn complain(text: impl Display) {
    drop(writeln!(io::stderr(), "{text}"));
}
