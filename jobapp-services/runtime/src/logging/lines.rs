//! Many lines in one write: a gateway under load would spend a tenth of its time on writing one at a time.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::Beside;

/// How long a line waits for others at most. Warnings and errors do not wait, nor do those before them.
const WAIT: Duration = Duration::from_millis(100);
/// How many bytes of lines wait at most.
const SPACE: usize = 64 * 1024;

/// Where lines are written to.
#[derive(Clone)]
pub(super) struct Lines {
    shared: Arc<Shared>,
    beside: Option<Beside>,
}

struct Shared {
    state: Mutex<State>,
    /// Lines wait that nobody is going to write yet, or it is over.
    changed: Condvar,
}

struct State {
    lines: BufWriter<Box<dyn Write + Send>>,
    over: bool,
}

/// Writes what waits, now and when it is dropped.
#[derive(Debug)]
pub(super) struct Writing {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Lines that are written to `out` for as long as the second value lives, and at once afterwards. Each also goes to `beside`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn to(out: impl Write + Send + 'static, beside: Option<Beside>) -> io::Result<(Self, Writing)> {
        let state = State { lines: BufWriter::with_capacity(SPACE, Box::new(out)), over: false };
        let lines = Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }), beside };
        let written = lines.clone();
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || written.keep_writing())?;
        Ok((lines.clone(), Writing { lines, thread: Some(thread) }))
    }

    fn keep_writing(&self) {
        let Shared { state, changed } = &*self.shared;
        let mut state = state.lock();
        while !state.over {
            if state.lines.buffer().is_empty() {
                changed.wait(&mut state);
            } else {
                changed.wait_for(&mut state, WAIT);
                state.write();
            }
        }
    }
}

impl State {
    fn write(&mut self) {
        // There is no place left to tell that standard error is closed.
        drop(self.lines.flush());
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Shared { state, changed } = &*self.lines.shared;
        {
            let mut state = state.lock();
            state.over = true;
            state.write();
        }
        changed.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, waits: true }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line<'a> {
        Line { lines: self, waits: *of.level() > Level::WARN }
    }
}

/// Takes one line.
pub(super) struct Line<'a> {
    lines: &'a Lines,
    waits: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(beside) = &self.lines.beside {
            beside.take(line);
        }
        let shared = &self.lines.shared;
        let mut state = shared.state.lock();
        let first = state.lines.buffer().is_empty();
        state.lines.write_all(line)?;
        if !self.waits || state.over {
            state.lines.flush()?;
        } else if first {
            shared.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.shared.state.lock().lines.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// The lengths of the writes so far.
    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<usize>>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().push(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Out {
        fn total(&self) -> usize {
            self.0.lock().iter().sum()
        }
    }

    fn log(lines: &Lines, work: impl FnOnce()) {
        tracing::subscriber::with_default(tracing_subscriber::fmt().with_writer(lines.clone()).finish(), work);
    }

    #[test]
    fn lines_are_written_together_and_none_is_left_when_it_ends() {
        let out = Out::default();
        let (lines, writing) = Lines::to(out.clone(), None).unwrap();
        log(&lines, || (0..1000).for_each(|number| tracing::info!(number, "a line")));
        drop(writing);
        assert!(out.total() > 1000 * "a line".len());
        assert!(out.0.lock().len() < 100, "{:?}", out.0.lock());
        let before = out.total();
        log(&lines, || tracing::info!("afterwards"));
        assert!(out.total() > before);
    }

    #[test]
    fn a_warning_does_not_wait_nor_do_lines_before_it() {
        let out = Out::default();
        let (lines, _writing) = Lines::to(out.clone(), None).unwrap();
        log(&lines, || {
            tracing::info!("before");
            tracing::warn!("now");
        });
        assert!(out.total() > "before".len() + "now".len());
        assert_eq!(lines.shared.state.lock().lines.buffer().len(), 0);
    }

    #[test]
    fn a_single_line_is_written_soon() {
        let out = Out::default();
        let (lines, _writing) = Lines::to(out.clone(), None).unwrap();
        for round in 1..=3 {
            let before = out.total();
            log(&lines, || tracing::info!("alone"));
            let deadline = Instant::now() + Duration::from_secs(20);
            while out.total() == before {
                assert!(Instant::now() < deadline, "round {round}");
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn each_line_goes_beside_as_a_whole_also_where_nobody_reads() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let beside = Arc::new(Mutex::new(Vec::new()));
        let taking = Arc::clone(&beside);
        let taking = Beside::new(move |line| taking.lock().push(String::from_utf8_lossy(line).into_owned()));
        let (lines, _writing) = Lines::to(Closed, Some(taking)).unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(lines).log_internal_errors(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("one");
            tracing::warn!("two");
        });
        let taken = beside.lock();
        assert_eq!(taken.len(), 2);
        assert!(taken[0].ends_with("one\n") && taken[1].ends_with("two\n"), "{taken:?}");
    }
}
