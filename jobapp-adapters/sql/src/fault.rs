//! What is wrong with a database, as far as its failures tell.

use std::fmt;

use sea_orm::DbErr;

use crate::dialect::{Code, code_of};

/// What is wrong with a database, as far as its failures tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What is stored cannot be read, or is no database at all.
    Damaged,
    /// There is no room left.
    Full,
    /// It, or its folder, cannot be written.
    ReadOnly,
    /// It cannot be opened.
    Unopenable,
    /// The disk fails; some systems say so of one without room, too.
    Disk,
    /// Its file was removed or replaced while it was open.
    Gone,
    /// Its server cannot be reached.
    Away,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "it is damaged",
            Self::Full => "the disk is full",
            Self::ReadOnly => "it or its folder is read-only",
            Self::Unopenable => "it cannot be opened",
            Self::Disk => "the disk fails, or is full",
            Self::Gone => "its file was removed or replaced",
            Self::Away => "its server cannot be reached",
        })
    }
}

impl Fault {
    /// What a failure says about the database; `None` when it says nothing.
    pub(crate) fn of(error: &DbErr) -> Option<Self> {
        match code_of(error)? {
            // The lower byte is the kind, the others say more.
            Code::Sqlite(code) => match code & 0xff {
                11 | 26 => Some(Self::Damaged),
                13 => Some(Self::Full),
                8 => Some(Self::ReadOnly),
                14 => Some(Self::Unopenable),
                10 => Some(Self::Disk),
                _ => None,
            },
            Code::Postgres(code) => match code.as_str() {
                "53100" => Some(Self::Full),
                "25006" => Some(Self::ReadOnly),
                "58030" => Some(Self::Disk),
                "XX001" | "XX002" => Some(Self::Damaged),
                // It shuts down, starts, or takes no more connections.
                "57P01" | "57P02" | "57P03" | "53300" => Some(Self::Away),
                _ => None,
            },
            Code::MySql(number) => match number {
                1021 | 1114 => Some(Self::Full),
                1290 | 1792 | 1836 => Some(Self::ReadOnly),
                1030 => Some(Self::Disk),
                // It shuts down, or takes no more connections.
                1040 | 1053 => Some(Self::Away),
                _ => None,
            },
            Code::Lost => Some(Self::Away),
        }
    }
}
