//! Copies of SQLite files that others are using.
//!
//! A marketplace keeps a file for each service, and its promises hold over all of them: an event that has left an outbox is
//! on the bus, and a message that was acknowledged has had its effect. So the copies must be of one moment. Writing is
//! stopped in every file, a reader is put into each, and writing goes on while the readers, who see that moment and nothing
//! later, are copied.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

/// How long a write of somebody else is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many pages are copied between two calls of `progress`.
const PAGES: i32 = 2_000;

/// Why databases could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A database could not be read, or its copy not be written.
    #[error("the database {} cannot be copied", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file of a copy could not be made.
    #[error("the copy {} cannot be made", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Copies databases as all of them are at one moment, which comes before this returns. Others may read and write them
/// meanwhile; they wait for some milliseconds. The copies are new files that only their owner can read. `progress` is told
/// how many pages are copied and how many there are. For a thread that may wait for disks.
///
/// # Errors
/// [`BackupError`]; what was copied by then is left.
pub fn copy_databases(databases: &[(PathBuf, PathBuf)], progress: &dyn Fn(u64, u64)) -> Result<(), BackupError> {
    let readers = readers_of_one_moment(databases.iter().map(|(from, _)| from.as_path()))?;
    let total = readers
        .iter()
        .zip(databases)
        .map(|(reader, (from, _))| pages(reader).map_err(failed(from)))
        .sum::<Result<u64, _>>()?;
    let mut copied = 0;
    for (reader, (from, to)) in readers.iter().zip(databases) {
        copied += copy(reader, from, to, &|pages| progress(copied + pages, total))?;
    }
    Ok(())
}

/// A reader of each database, all of which see the same moment.
fn readers_of_one_moment<'a>(
    databases: impl Iterator<Item = &'a Path> + Clone,
) -> Result<Vec<Connection>, BackupError> {
    let mut writers = Vec::new();
    for path in databases.clone() {
        let open = || {
            let writer = open(path)?;
            writer.execute_batch("BEGIN IMMEDIATE")?;
            Ok(writer)
        };
        writers.push(open().map_err(failed(path))?);
    }
    let mut readers = Vec::new();
    for path in databases {
        let open = || {
            let reader = open(path)?;
            reader.execute_batch("BEGIN")?;
            pages(&reader)?;
            Ok(reader)
        };
        readers.push(open().map_err(failed(path))?);
    }
    // Nothing was written, and closing a connection gives its locks back.
    drop(writers);
    Ok(readers)
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Not made if it is missing. The shared memory of the write-ahead log is written even by readers.
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn pages(connection: &Connection) -> rusqlite::Result<u64> {
    // A question that reads a page begins the view of a transaction.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let pages: i64 = connection.query_row("SELECT page_count FROM pragma_page_count", [], |row| row.get(0))?;
    Ok(u64::try_from(pages).unwrap_or(0))
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError {
    |source| BackupError::Database { path: path.to_owned(), source }
}

/// Copies what a reader sees, and returns how many pages that were.
fn copy(reader: &Connection, from: &Path, to: &Path, progress: &dyn Fn(u64)) -> Result<u64, BackupError> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    drop(new.open(to).map_err(|source| BackupError::Copy { path: to.to_owned(), source })?);
    let run = || {
        let mut target = Connection::open(to)?;
        let backup = Backup::new(reader, &mut target)?;
        while backup.step(PAGES)? != StepResult::Done {
            let at = backup.progress();
            progress(u64::try_from(at.pagecount - at.remaining).unwrap_or(0));
        }
        let pages = u64::try_from(backup.progress().pagecount).unwrap_or(0);
        progress(pages);
        Ok(pages)
    };
    run().map_err(failed(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn database(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE counted (number INTEGER); INSERT INTO counted VALUES (0)",
            )
            .unwrap();
        connection
    }

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT number FROM counted", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn copies_are_of_one_moment_while_somebody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (first, second) = (database(&at("first.db")), database(&at("second.db")));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The second never counts further than the first, nor does it fall behind by more than one.
                while !stop.load(Ordering::Relaxed) {
                    first.execute_batch("UPDATE counted SET number = number + 1").unwrap();
                    second.execute_batch("UPDATE counted SET number = number + 1").unwrap();
                }
                drop((first, second));
            });
            for round in 0..30 {
                // In either order of copying.
                let mut databases = vec![
                    (at("first.db"), at(&format!("first-{round}.db"))),
                    (at("second.db"), at(&format!("second-{round}.db"))),
                ];
                if round % 2 == 1 {
                    databases.reverse();
                }
                copy_databases(&databases, &|_, _| {}).unwrap();
                let [one, other] = ["first", "second"]
                    .map(|name| count(&Connection::open(at(&format!("{name}-{round}.db"))).unwrap()));
                assert!(one == other || one == other + 1, "round {round}: {one} and {other}");
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_copy_is_whole_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
        let connection = database(&from);
        connection.execute_batch("CREATE TABLE long (text TEXT)").unwrap();
        for _ in 0..5_000 {
            connection.execute("INSERT INTO long VALUES (?1)", ["x".repeat(2_000)]).unwrap();
        }
        let told = std::cell::RefCell::new(Vec::new());
        copy_databases(&[(from, to.clone())], &|done, total| told.borrow_mut().push((done, total))).unwrap();
        let copy = Connection::open(&to).unwrap();
        let sound: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let rows: i64 = copy.query_row("SELECT count(*) FROM long", [], |row| row.get(0)).unwrap();
        assert_eq!((sound.as_str(), rows), ("ok", 5_000));
        let told = told.into_inner();
        assert!(
            told.len() > 1 && told.is_sorted() && told.last().is_some_and(|(done, total)| done == total),
            "{told:?}"
        );
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&to).unwrap().permissions()) & 0o777,
            0o600
        );
    }

    #[test]
    fn what_is_missing_or_there_already_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let missing = copy_databases(&[(at("missing.db"), at("copy.db"))], &|_, _| {}).unwrap_err();
        assert!(missing.to_string().contains("missing.db"), "{missing}");
        assert!(!at("missing.db").exists());
        database(&at("there.db"));
        let taken = copy_databases(&[(at("there.db"), at("there.db"))], &|_, _| {}).unwrap_err();
        assert!(matches!(taken, BackupError::Copy { .. }), "{taken}");
    }
}
