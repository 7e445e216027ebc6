//! The tables of the bus, and what is done when it is opened.

use jobapp_seal::Seal;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::queues;
use crate::SqliteError;
use crate::file::{forget_what_was, set_user_version, user_version};

/// The version of the tables below, kept in the file's `user_version`.
const VERSION: i64 = 1;
/// The same tables, once everything in them is sealed.
const SEALED: i64 = 2;

// A message is ready (0), with a handler (1), or waits until `visible_at` for its retry (2).
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS bus_exchanges (name TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bus_bindings (
    exchange TEXT NOT NULL, routing_key TEXT NOT NULL, queue TEXT NOT NULL,
    PRIMARY KEY (exchange, routing_key, queue)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bus_messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL, message_id TEXT, kind TEXT NOT NULL, exchange TEXT NOT NULL, routing_key TEXT NOT NULL,
    timestamp INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
    visible_at INTEGER NOT NULL DEFAULT 0, redelivered INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    UNIQUE (queue, message_id)
);
CREATE INDEX IF NOT EXISTS bus_messages_next ON bus_messages (queue, state, seq);
CREATE INDEX IF NOT EXISTS bus_messages_due ON bus_messages (queue, visible_at) WHERE state = 2;
CREATE TABLE IF NOT EXISTS bus_dead (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL, message_id TEXT, kind TEXT NOT NULL, exchange TEXT NOT NULL, routing_key TEXT NOT NULL,
    timestamp INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
    attempts INTEGER NOT NULL, reason TEXT NOT NULL, died_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS bus_dead_of ON bus_dead (queue, seq);
";

/// Makes the tables, and seals what is in them in clear. For the owner, what was in flight waits again.
pub(super) fn prepare(connection: &mut Connection, owner: bool, seal: Option<&Seal>) -> Result<(), SqliteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = user_version(&transaction)?;
    if version > SEALED {
        let text = format!("its tables have version {version}; this program knows {SEALED}");
        return Err(SqliteError::foreign(text));
    }
    if version == SEALED && seal.is_none() {
        return Err(SqliteError::foreign("its messages are sealed, and no key was given"));
    }
    transaction.execute_batch(TABLES)?;
    let counts_losses = "SELECT 1 FROM pragma_table_info('bus_messages') WHERE name = 'losses'";
    if transaction.query_row(counts_losses, [], |_| Ok(())).optional()?.is_none() {
        // Made by an earlier program, which counted losses among attempts.
        transaction.execute_batch("ALTER TABLE bus_messages ADD COLUMN losses INTEGER NOT NULL DEFAULT 0")?;
    }
    if version < VERSION {
        set_user_version(&transaction, if seal.is_some() { SEALED } else { VERSION })?;
    }
    if owner {
        let again = "UPDATE bus_messages SET state = 0, redelivered = 1, losses = losses + 1 WHERE state = 1";
        let count = transaction.execute(again, [])?;
        if count > 0 {
            tracing::info!(count, "messages were in flight when the bus was closed and are delivered again");
        }
    }
    transaction.commit()?;
    if let Some(seal) = seal
        && version == VERSION
        && owner
    {
        seal_what_is_clear(connection, seal)?;
    }
    Ok(())
}

/// Seals every message, once, and writes the database anew: what was there before is still in its free pages.
fn seal_what_is_clear(connection: &mut Connection, seal: &Seal) -> Result<(), SqliteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    queues::seal_all(&transaction, seal)?;
    transaction.commit()?;
    if forget_what_was(connection)? {
        return Ok(set_user_version(connection, SEALED)?);
    }
    tracing::warn!("another program reads the message bus: what it has in clear is overwritten at the next start");
    Ok(())
}
