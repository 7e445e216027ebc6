//! How a database is: what its last failures said, and whether that is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::{Fault, MongoAddress};

/// How long the last trial holds: many may ask.
const FRESH: Duration = Duration::from_secs(1);

/// The condition of one database. Failures are noted where they happen, so that knowing it costs nothing while all is well.
#[derive(Debug)]
pub(crate) struct Condition {
    address: MongoAddress,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    fault: Option<Fault>,
    tried: Option<Instant>,
}

impl Condition {
    pub(crate) fn of(address: &MongoAddress) -> Self {
        Self { address: address.clone(), noted: Mutex::default() }
    }

    /// Notes what a failure says about the database, if it says anything.
    pub(crate) fn note(&self, failure: &Failure) {
        let Some(fault) = Fault::of(failure) else { return };
        if self.noted().fault.replace(fault) != Some(fault) {
            tracing::error!(database = %self.address, error = %failure, "a database is in trouble: {fault}");
        }
    }

    /// What is wrong, as far as it is known, and whether it is time to find out if that is over.
    pub(crate) fn fault(&self) -> Option<(Fault, bool)> {
        let mut noted = self.noted();
        let fault = noted.fault?;
        let is_time = noted.tried.is_none_or(|at| at.elapsed() >= FRESH);
        if is_time {
            noted.tried = Some(Instant::now());
        }
        Some((fault, is_time))
    }

    /// A trial went well. What came to light meanwhile stays.
    pub(crate) fn is_over(&self, fault: Fault) {
        tracing::info!(database = %self.address, "a database can be written again");
        let mut noted = self.noted();
        noted.fault = noted.fault.filter(|newer| *newer != fault);
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
