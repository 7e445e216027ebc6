//! What a call of the driver fails with.

use std::fmt;
use std::time::Duration;

use mongodb::error::{Error, ErrorKind, WriteFailure};

/// Why a call came to nothing, or why nobody knows whether it did.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The driver or the server says so.
    Driver(Error),
    /// There was no answer in so long a time.
    Silent(Duration),
    /// What came is not what a store has put there, or the program is ending.
    Other(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// Only what kind of failure it is: the whole answer of a server may have anything in it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => match &*error.kind {
                ErrorKind::Write(WriteFailure::WriteError(error)) => {
                    write!(f, "a write failed with code {}", error.code)
                }
                ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
                    write!(f, "a write was not acknowledged as it should be: code {}", error.code)
                }
                kind => write!(f, "{kind}"),
            },
            Self::Silent(patience) => write!(f, "there was no answer within {} s", patience.as_secs()),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Failure {}

/// Primaries that are none, are being elected, or are going away; and what members tell of each other.
const LOST: [i32; 13] = [6, 7, 89, 91, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435];
/// A member that recovers.
const RECOVERING: i32 = 13436;
/// A unique value is in use.
const DUPLICATE: i32 = 11000;
/// There is no such index, or no such collection.
const NOT_FOUND: [i32; 2] = [26, 27];

impl Failure {
    /// The number the server gave.
    pub(crate) fn code(&self) -> Option<i32> {
        let Self::Driver(error) = self else { return None };
        match &*error.kind {
            ErrorKind::Command(error) => Some(error.code),
            ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
            ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
            _ => None,
        }
    }

    /// Whether the server could not be reached, or not be asked to the end.
    pub(crate) fn is_lost(&self) -> bool {
        let Self::Driver(error) = self else { return matches!(self, Self::Silent(_)) };
        let is_of_network = matches!(
            &*error.kind,
            ErrorKind::Io(_)
                | ErrorKind::ConnectionPoolCleared { .. }
                | ErrorKind::ServerSelection { .. }
                | ErrorKind::DnsResolve { .. }
                | ErrorKind::InvalidResponse { .. }
        );
        is_of_network || self.code().is_some_and(|code| LOST.contains(&code) || code == RECOVERING)
    }

    /// Whether an insert met what is there already.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.code() == Some(DUPLICATE)
    }

    /// Whether there is no index, or no collection, of a name.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code().is_some_and(|code| NOT_FOUND.contains(&code))
    }
}

/// Whether an insert went in: it does not when something of the same id is there.
pub(crate) fn went_in<T>(inserted: Result<T, Error>) -> Result<bool, Failure> {
    match inserted.map_err(Failure::from) {
        Ok(_) => Ok(true),
        Err(failure) if failure.is_duplicate() => Ok(false),
        Err(failure) => Err(failure),
    }
}
