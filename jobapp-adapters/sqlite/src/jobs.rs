//! What waits for the thread that writes.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// A queue with one reader. What is in a hurry wakes it; what is not is gathered until an instant that the reader names.
pub(crate) struct Jobs<J> {
    waiting: Mutex<Waiting<J>>,
    wake: Condvar,
}

struct Waiting<J> {
    /// With each whether it is in a hurry.
    jobs: VecDeque<(bool, J)>,
    /// Whether one of them is.
    is_hurried: bool,
    is_open: bool,
}

impl<J> Default for Jobs<J> {
    fn default() -> Self {
        let waiting = Waiting { jobs: VecDeque::new(), is_hurried: false, is_open: true };
        Self { waiting: Mutex::new(waiting), wake: Condvar::new() }
    }
}

impl<J> Jobs<J> {
    /// Gives it back when nobody takes it any more.
    pub(crate) fn put(&self, job: J, is_hurried: bool) -> Result<(), J> {
        let mut waiting = self.waiting.lock();
        if !waiting.is_open {
            return Err(job);
        }
        waiting.jobs.push_back((is_hurried, job));
        waiting.is_hurried |= is_hurried;
        // Whoever gathers is not woken for one more to gather: that would cost more than the work.
        if is_hurried || waiting.jobs.len() == 1 {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// What waits, at most so many, as soon as something does; before `due` only if somebody is in a hurry. `None` once it is
    /// closed and empty.
    pub(crate) fn take(&self, most: usize, due: Instant) -> Option<Vec<J>> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.jobs.is_empty() {
                if !waiting.is_open {
                    return None;
                }
                self.wake.wait(&mut waiting);
            } else if waiting.is_hurried || !waiting.is_open || Instant::now() >= due {
                break;
            } else {
                self.wake.wait_until(&mut waiting, due);
            }
        }
        let count = most.min(waiting.jobs.len());
        let taken = waiting.jobs.drain(..count).map(|(_, job)| job).collect();
        waiting.is_hurried = waiting.jobs.iter().any(|(is_hurried, _)| *is_hurried);
        Some(taken)
    }

    /// From now on nothing is put in. What is there can still be taken.
    pub(crate) fn close(&self) {
        self.waiting.lock().is_open = false;
        self.wake.notify_one();
    }

    /// For the reader: when this is dropped, it is closed, and what waits is dropped.
    pub(crate) fn ending(&self) -> Ending<'_, J> {
        Ending { jobs: self }
    }
}

/// See [`Jobs::ending`].
pub(crate) struct Ending<'a, J> {
    jobs: &'a Jobs<J>,
}

impl<J> Drop for Ending<'_, J> {
    fn drop(&mut self) {
        self.jobs.close();
        let left = std::mem::take(&mut self.jobs.waiting.lock().jobs);
        // Outside of the lock: what is dropped tells others.
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    /// Longer than a test takes.
    fn later() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[test]
    fn what_is_in_a_hurry_takes_along_what_is_not() {
        let jobs = Jobs::default();
        for (job, is_hurried) in [(1, false), (2, false), (3, true), (4, false)] {
            jobs.put(job, is_hurried).unwrap();
        }
        assert_eq!(jobs.take(9, later()), Some(vec![1, 2, 3, 4]));
    }

    #[test]
    fn who_is_left_over_is_still_in_a_hurry() {
        let jobs = Jobs::default();
        for job in 1..4 {
            jobs.put(job, job == 3).unwrap();
        }
        assert_eq!(jobs.take(2, later()), Some(vec![1, 2]));
        assert_eq!(jobs.take(2, later()), Some(vec![3]));
    }

    #[test]
    fn without_a_hurry_it_is_taken_when_due_and_not_before() {
        let jobs = Jobs::default();
        jobs.put(1, false).unwrap();
        let due = Instant::now() + Duration::from_millis(20);
        assert_eq!(jobs.take(9, due), Some(vec![1]));
        assert!(Instant::now() >= due);
        jobs.put(2, false).unwrap();
        assert_eq!(jobs.take(9, due), Some(vec![2]), "the instant is past");
    }

    #[test]
    fn somebody_in_a_hurry_wakes_who_gathers() {
        let jobs = Arc::new(Jobs::default());
        jobs.put(1, false).unwrap();
        let taking = std::thread::spawn({
            let jobs = Arc::clone(&jobs);
            move || jobs.take(9, later())
        });
        jobs.put(2, true).unwrap();
        assert_eq!(taking.join().unwrap(), Some(vec![1, 2]));
    }

    #[test]
    fn a_reader_that_ends_leaves_nobody_waiting() {
        let jobs = Jobs::default();
        let (kept, waiting) = std::sync::mpsc::channel::<()>();
        let ending = jobs.ending();
        jobs.put(kept.clone(), true).unwrap();
        drop(ending);
        assert!(jobs.put(kept, true).is_err());
        assert!(waiting.recv().is_err(), "what was put in is dropped");
    }

    #[test]
    fn closing_lets_out_what_waits_and_nothing_in() {
        let jobs = Jobs::default();
        jobs.put(1, false).unwrap();
        jobs.close();
        assert_eq!(jobs.put(2, true), Err(2));
        assert_eq!(jobs.take(9, later()), Some(vec![1]));
        assert_eq!(jobs.take(9, later()), None);
    }
}
