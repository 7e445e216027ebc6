//! Looking through a database for damage.

use std::path::Path;

use rusqlite::Connection;

use crate::file::open_reader;
use crate::{Fault, OpenError, SqliteError};

/// How many findings are enough.
const FINDINGS: usize = 20;

/// How much of a database is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Its structure.
    Quick,
    /// Also whether indexes and tables say the same.
    Full,
}

/// What is wrong with the content of a database file, in the database's own words; nothing when it is whole. It is only read,
/// and may be in use meanwhile.
///
/// # Errors
/// When it cannot be looked through at all, for another reason than damage.
pub async fn examine(path: &Path, depth: Depth) -> Result<Vec<String>, OpenError> {
    let of = path.to_owned();
    // That takes as long as reading all of it.
    let findings = tokio::task::spawn_blocking(move || findings(&open_reader(&of)?, depth)).await;
    let findings = findings.unwrap_or_else(|error| Err(SqliteError::foreign(error.to_string())));
    match findings {
        Ok(findings) => Ok(findings),
        Err(error) if Fault::of(&error) == Some(Fault::Damaged) => Ok(vec![error.to_string()]),
        Err(source) => Err(OpenError::Open { location: path.display().to_string(), source }),
    }
}

fn findings(connection: &Connection, depth: Depth) -> Result<Vec<String>, SqliteError> {
    let check = match depth {
        Depth::Quick => "quick_check",
        Depth::Full => "integrity_check",
    };
    let mut question = connection.prepare(&format!("PRAGMA {check}({FINDINGS})"))?;
    let lines = question.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}
