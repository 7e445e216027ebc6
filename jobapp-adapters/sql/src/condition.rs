//! How a database is: what its last failures said, and whether that is over.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};

use crate::dialect::{self, FileIdentity};
use crate::{Fault, Location};

/// How long a trial may wait for the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// The condition of one database. Failures are noted where they happen, so that knowing it costs nothing while all is well.
#[derive(Debug)]
pub(crate) struct Condition {
    location: Location,
    file: Option<FileIdentity>,
    noted: Mutex<Option<Fault>>,
}

impl Condition {
    /// Of a database that has just been opened.
    pub(crate) fn of(location: &Location) -> Self {
        Self { location: location.clone(), file: FileIdentity::of(location), noted: Mutex::new(None) }
    }

    /// Notes what a failure says about the database, if it says anything.
    pub(crate) fn note(&self, error: &DbErr) {
        let Some(fault) = Fault::of(error) else { return };
        let before = self.noted.lock().unwrap_or_else(PoisonError::into_inner).replace(fault);
        if before != Some(fault) {
            tracing::error!(database = %self.location, %error, "a database is in trouble: {fault}");
        }
    }

    /// What is wrong now. After a failure that may pass, as that of a full disk, it is tried whether a larger write succeeds.
    pub(crate) async fn fault(&self, writer: &DatabaseConnection) -> Option<Fault> {
        if self.file != FileIdentity::of(&self.location) {
            return Some(Fault::Gone);
        }
        let noted = *self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        match noted? {
            // Only a restart, with another file, is the end of this.
            Fault::Damaged => return Some(Fault::Damaged),
            Fault::Full | Fault::ReadOnly | Fault::Unopenable | Fault::Disk | Fault::Gone => {}
        }
        match tokio::time::timeout(PATIENCE, dialect::try_a_large_write(writer)).await {
            Ok(Ok(())) => {
                tracing::info!(database = %self.location, "a database can be written again");
                *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = None;
                None
            }
            Ok(Err(error)) => {
                self.note(&error);
                *self.noted.lock().unwrap_or_else(PoisonError::into_inner)
            }
            Err(_) => noted,
        }
    }
}
