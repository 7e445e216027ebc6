//! Opening a database.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::{Location, OpenError, SqliteError};

/// How long a writer waits for another process's write before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many statements a connection keeps prepared.
const STATEMENTS: usize = 128;

/// Opens the connection that writes, and makes the database with its folder if it is missing.
pub(crate) fn open_writer(location: &Location) -> Result<Connection, OpenError> {
    if let Location::File(path) = location
        && let Some(folder) = path.parent()
    {
        make_private_folder(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        make_private_file(path);
    }
    connect_patiently(location).map_err(|source| OpenError::Open { location: location.to_string(), source })
}

/// Connects the writer. The switch to a write-ahead log needs the database for itself for a moment and does not wait for it,
/// so two processes that open a new database together would otherwise disturb each other.
fn connect_patiently(location: &Location) -> Result<Connection, SqliteError> {
    let mut pause = Duration::from_millis(10);
    loop {
        match connect(location) {
            Err(error) if error.is_busy() && pause < Duration::from_secs(4) => {
                std::thread::sleep(pause);
                pause *= 2;
            }
            connected => return connected,
        }
    }
}

fn connect(location: &Location) -> Result<Connection, SqliteError> {
    let connection = match location {
        Location::Memory => Connection::open_in_memory()?,
        Location::File(path) => Connection::open(path)?,
    };
    prepare(&connection)?;
    if matches!(location, Location::File(_)) {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // Negative sizes are in KiB. A marketplace has many stores open; the operating system caches the files anyway.
        connection.pragma_update(None, "cache_size", -1024)?;
        connection.pragma_update(None, "journal_size_limit", 4_194_304)?;
        synchronous(&connection, true)?;
    }
    Ok(connection)
}

/// Opens a connection that reads a file.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, SqliteError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    prepare(&connection)?;
    connection.pragma_update(None, "cache_size", -512)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), SqliteError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(())
}

/// Whether commits wait until they are on the disk, and so survive a power cut. One that does not survives the end of the process.
pub(crate) fn synchronous(connection: &Connection, waits: bool) -> rusqlite::Result<()> {
    connection.execute_batch(if waits { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })
}

/// The number a program keeps in the database's head for itself; 0 at first.
pub(crate) fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Sets that number.
pub(crate) fn set_user_version(connection: &Connection, version: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", version)
}

/// Writes the database anew, so that nothing of what was deleted or overwritten is left in its free pages and its log.
///
/// Another program that reads just now keeps the log; then this is to be done again.
pub(crate) fn forget_what_was(connection: &Connection) -> rusqlite::Result<bool> {
    connection.execute_batch("VACUUM")?;
    let is_held: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(is_held == 0)
}

/// Makes a folder that only its owner may enter; one that is there stays as it is.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes an empty file that only its owner may read, which the database then takes; its log gets the same rights. What does not
/// succeed here, the database says better.
fn make_private_file(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => tracing::debug!(file = %path.display(), %error, "a database file could not be made beforehand"),
    }
}
