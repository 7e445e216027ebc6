//! A second place for log lines.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::fmt::MakeWriter;

type Take = dyn Fn(&[u8]) + Send + Sync;

/// A second place for log lines, beside standard error. A clone is another handle.
#[derive(Clone)]
pub struct Beside(Arc<Take>);

impl Beside {
    /// What takes each line, with its end. It is called by whoever logs, and must neither wait nor log.
    pub fn new(take: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(super) fn take(&self, line: &[u8]) {
        (self.0)(line);
    }
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").finish_non_exhaustive()
    }
}

impl<'a> MakeWriter<'a> for Beside {
    type Writer = &'a Beside;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Beside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.take(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
