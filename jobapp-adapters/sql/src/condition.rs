//! How a database is: what its last failures said, and whether that is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{DatabaseConnection, DbErr};

use crate::dialect::{self, FileIdentity};
use crate::task::to_the_end;
use crate::{Fault, Location};

/// How long a trial may wait for the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last trial holds: many may ask, and a trial writes much.
const FRESH: Duration = Duration::from_secs(1);

/// The condition of one database. Failures are noted where they happen, so that knowing it costs nothing while all is well.
#[derive(Debug)]
pub(crate) struct Condition {
    location: Location,
    file: Option<FileIdentity>,
    noted: Mutex<Noted>,
}

/// What is known.
#[derive(Debug, Default)]
struct Noted {
    fault: Option<Fault>,
    tried: Option<Instant>,
}

impl Condition {
    /// Of a database that has just been opened.
    pub(crate) fn of(location: &Location) -> Self {
        Self { location: location.clone(), file: FileIdentity::of(location), noted: Mutex::default() }
    }

    /// Notes what a failure says about the database, if it says anything.
    pub(crate) fn note(&self, error: &DbErr) {
        let Some(fault) = Fault::of(error) else { return };
        let before = self.noted().fault.replace(fault);
        if before != Some(fault) {
            tracing::error!(database = %self.location, %error, "a database is in trouble: {fault}");
        }
    }

    /// What is wrong now. After a failure that may pass, as that of a full disk, it is tried whether a larger write succeeds.
    pub(crate) async fn fault(&self, writer: DatabaseConnection, leases: &str) -> Option<Fault> {
        if self.file != FileIdentity::of(&self.location) {
            return Some(Fault::Gone);
        }
        let fault = {
            let mut noted = self.noted();
            let fault = noted.fault?;
            // Only a restart, with another file, is the end of damage.
            if fault == Fault::Damaged || noted.tried.is_some_and(|at| at.elapsed() < FRESH) {
                return Some(fault);
            }
            noted.tried = Some(Instant::now());
            fault
        };
        let leases = leases.to_owned();
        let trying = to_the_end(async move { dialect::try_to_write(&writer, &leases).await });
        match tokio::time::timeout(PATIENCE, trying).await {
            Ok(Ok(Ok(()))) => {
                tracing::info!(database = %self.location, "a database can be written again");
                // What came to light meanwhile stays.
                let mut noted = self.noted();
                noted.fault = noted.fault.filter(|newer| *newer != fault);
            }
            Ok(Ok(Err(error)) | Err(error)) => self.note(&error),
            Err(_) => return Some(fault),
        }
        self.noted().fault
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
