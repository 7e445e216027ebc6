//! What is wrong with a database, as far as its failures tell.

use std::fmt;

use crate::failure::Failure;

/// What is wrong with a database, as far as its failures tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be reached, or has no primary.
    Away,
    /// There is no room left.
    Full,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "its server cannot be reached",
            Self::Full => "the disk is full",
        })
    }
}

impl Fault {
    /// What a failure says about the database; `None` when it says nothing.
    pub(crate) fn of(failure: &Failure) -> Option<Self> {
        /// `OutOfDiskSpace`.
        const FULL: i32 = 14031;
        if failure.is_lost() {
            return Some(Self::Away);
        }
        (failure.code() == Some(FULL)).then_some(Self::Full)
    }
}
