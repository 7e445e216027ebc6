//! What waits to be shipped, within bounds.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Counts, LogLimits, add};

/// What waits to be shipped. Where no more may wait, the oldest lines make room: who looks after an outage wants to know how things are now,
/// and the beginning of it is on the console as well.
pub(super) struct Buffer {
    pub(super) limits: LogLimits,
    pub(super) counts: Counts,
    waiting: Mutex<Waiting>,
    /// There is a first line, or enough for a batch.
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Nobody ships any more.
    is_over: bool,
}

impl Buffer {
    pub(super) fn new(limits: LogLimits) -> Self {
        Self { limits, counts: Counts::default(), waiting: Mutex::default(), changed: Notify::new() }
    }

    /// Takes a line. It waits for nothing but others who do the same, and logs nothing: it is called by who logs.
    pub(super) fn take(&self, line: &[u8]) {
        if line.len() > self.limits.longest_line {
            add(&self.counts.long, 1);
            return;
        }
        let line: Box<[u8]> = line.into();
        let mut lost = 0;
        let mut waiting = self.waiting.lock();
        if waiting.is_over {
            drop(waiting);
            add(&self.counts.stopped, 1);
            return;
        }
        let before = (waiting.lines.is_empty(), self.is_batch(&waiting));
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        while waiting.lines.len() > self.limits.lines_waiting || waiting.bytes > self.limits.bytes_waiting {
            let Some(oldest) = waiting.lines.pop_front() else { break };
            waiting.bytes -= oldest.len();
            lost += 1;
        }
        // Whoever ships is woken for the first line and for a batch, and not for each line between.
        let is_news = before.0 || (!before.1 && self.is_batch(&waiting));
        drop(waiting);
        if lost > 0 {
            add(&self.counts.full, lost);
        }
        if is_news {
            self.changed.notify_one();
        }
    }

    fn is_batch(&self, waiting: &Waiting) -> bool {
        waiting.lines.len() >= self.limits.lines_at_once || waiting.bytes >= self.limits.bytes_at_once
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.lock().lines.len()
    }

    /// Waits until there are lines, and then a moment for others.
    pub(super) async fn filled(&self) {
        while self.len() == 0 {
            self.changed.notified().await;
        }
        let enough = async {
            while !self.is_batch(&self.waiting.lock()) {
                self.changed.notified().await;
            }
        };
        // Whatever there is then is shipped.
        drop(tokio::time::timeout(self.limits.gather, enough).await);
    }

    /// Takes as many lines as are sent at once, the oldest first. They count as being sent from now on.
    pub(super) fn batch(&self) -> Vec<Box<[u8]>> {
        let mut waiting = self.waiting.lock();
        let mut bytes = 0;
        let fitting = waiting.lines.iter().take(self.limits.lines_at_once).take_while(|line| {
            bytes += line.len();
            bytes <= self.limits.bytes_at_once
        });
        let count = fitting.count().max(1).min(waiting.lines.len());
        let lines: Vec<_> = waiting.lines.drain(..count).collect();
        waiting.bytes -= lines.iter().map(|line| line.len()).sum::<usize>();
        add(&self.counts.sending, lines.len());
        lines
    }

    /// Takes no more lines: those that come are lost.
    pub(super) fn close(&self) {
        self.waiting.lock().is_over = true;
    }

    /// Throws away what waits. Returns how many lines that were.
    pub(super) fn clear(&self) -> usize {
        let mut waiting = self.waiting.lock();
        waiting.bytes = 0;
        std::mem::take(&mut waiting.lines).len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    fn buffer(limits: LogLimits) -> Buffer {
        Buffer::new(LogLimits { longest_line: 10, ..limits })
    }

    fn texts(lines: Vec<Box<[u8]>>) -> Vec<String> {
        lines.into_iter().map(|line| String::from_utf8(line.into()).unwrap()).collect()
    }

    #[test]
    fn the_oldest_lines_make_room_and_are_counted() {
        let by_lines = buffer(LogLimits { lines_waiting: 3, ..LogLimits::default() });
        let by_bytes = buffer(LogLimits { bytes_waiting: 11, ..LogLimits::default() });
        for buffer in [by_lines, by_bytes] {
            for number in 0..10 {
                buffer.take(format!("{number}..").as_bytes());
            }
            assert_eq!(texts(buffer.batch()), ["7..", "8..", "9.."]);
            assert_eq!(buffer.counts.full.load(Ordering::Relaxed), 7);
            assert_eq!(buffer.waiting.lock().bytes, 0);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_takes_no_room_from_others() {
        let buffer = buffer(LogLimits { bytes_waiting: 11, ..LogLimits::default() });
        buffer.take(b"short");
        buffer.take(b"much too long a line");
        assert_eq!(texts(buffer.batch()), ["short"]);
        assert_eq!(buffer.counts.long.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_batch_is_bounded_in_lines_and_bytes_and_never_empty_while_there_are_lines() {
        let limits = LogLimits { lines_at_once: 2, bytes_at_once: 5, ..LogLimits::default() };
        let buffer = buffer(limits);
        for line in ["1", "2", "3", "4444", "55", "666666", "7"] {
            buffer.take(line.as_bytes());
        }
        let batches = std::iter::from_fn(|| Some(texts(buffer.batch())).filter(|batch| !batch.is_empty()));
        assert_eq!(batches.collect::<Vec<_>>(), [&["1", "2"][..], &["3", "4444"], &["55"], &["666666"], &["7"]]);
    }

    #[test]
    fn what_comes_after_the_end_is_lost_and_counted() {
        let buffer = buffer(LogLimits::default());
        buffer.take(b"before");
        buffer.close();
        buffer.take(b"after");
        assert_eq!((buffer.clear(), buffer.counts.stopped.load(Ordering::Relaxed)), (1, 1));
    }
}
