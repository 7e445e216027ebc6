//! The tables of the bus, and what is done when it is opened.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::queues;
use crate::Seal;
use crate::dialect;

/// The version of the tables below, kept in the file's `user_version`.
const VERSION: i64 = 1;
/// The same tables, once everything in them is sealed.
const SEALED: i64 = 2;

/// Waits to be taken.
pub(super) const READY: i64 = 0;
/// Is with a handler.
pub(super) const TAKEN: i64 = 1;
/// Waits until `visible_at` for its retry.
pub(super) const DELAYED: i64 = 2;

const TABLES: [&str; 7] = [
    "CREATE TABLE IF NOT EXISTS bus_exchanges (name TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS bus_bindings (
        exchange TEXT NOT NULL, routing_key TEXT NOT NULL, queue TEXT NOT NULL,
        PRIMARY KEY (exchange, routing_key, queue)
    ) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS bus_messages (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL, message_id TEXT, kind TEXT NOT NULL, exchange TEXT NOT NULL, routing_key TEXT NOT NULL,
        timestamp INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
        state INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
        visible_at INTEGER NOT NULL DEFAULT 0, redelivered INTEGER NOT NULL DEFAULT 0,
        losses INTEGER NOT NULL DEFAULT 0,
        UNIQUE (queue, message_id)
    )",
    "CREATE INDEX IF NOT EXISTS bus_messages_next ON bus_messages (queue, state, seq)",
    "CREATE INDEX IF NOT EXISTS bus_messages_due ON bus_messages (queue, visible_at) WHERE state = 2",
    "CREATE TABLE IF NOT EXISTS bus_dead (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL, message_id TEXT, kind TEXT NOT NULL, exchange TEXT NOT NULL, routing_key TEXT NOT NULL,
        timestamp INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
        attempts INTEGER NOT NULL, reason TEXT NOT NULL, died_at INTEGER NOT NULL
    )",
    "CREATE INDEX IF NOT EXISTS bus_dead_of ON bus_dead (queue, seq)",
];

/// Makes the tables, and seals what is in them in clear. For the owner, what was in flight waits again; returns how many messages
/// these are.
pub(super) async fn prepare(connection: &DatabaseConnection, owner: bool, seal: Option<&Seal>) -> Result<u64, DbErr> {
    let transaction = dialect::begin(connection).await?;
    let version = dialect::user_version(&transaction).await?;
    if version > SEALED {
        return Err(DbErr::Custom(format!("its tables have version {version}; this program knows {SEALED}")));
    }
    if version == SEALED && seal.is_none() {
        return Err(DbErr::Custom("its messages are sealed, and no key was given".to_owned()));
    }
    for table in TABLES {
        transaction.execute_unprepared(table).await?;
    }
    if !dialect::has_column(&transaction, "bus_messages", "losses").await? {
        // Made by an earlier program, which counted losses among attempts.
        transaction.execute_unprepared("ALTER TABLE bus_messages ADD COLUMN losses INTEGER NOT NULL DEFAULT 0").await?;
    }
    if version < VERSION {
        dialect::set_user_version(&transaction, if seal.is_some() { SEALED } else { VERSION }).await?;
    }
    let mut redelivered = 0;
    if owner {
        let again = format!(
            "UPDATE bus_messages SET state = {READY}, redelivered = 1, losses = losses + 1 WHERE state = {TAKEN}"
        );
        redelivered = transaction.execute_unprepared(&again).await?.rows_affected();
    }
    transaction.commit().await?;
    if let Some(seal) = seal
        && version == VERSION
        && owner
    {
        seal_what_is_clear(connection, seal).await?;
    }
    Ok(redelivered)
}

/// Seals every message, once, and writes the database anew: what was there before is still in its free pages.
async fn seal_what_is_clear(connection: &DatabaseConnection, seal: &Seal) -> Result<(), DbErr> {
    let transaction = dialect::begin(connection).await?;
    queues::seal_all(&transaction, seal).await?;
    transaction.commit().await?;
    if dialect::forget_what_was(connection).await? {
        return dialect::set_user_version(connection, SEALED).await;
    }
    tracing::warn!("another program reads the message bus: what it has in clear is overwritten at the next start");
    Ok(())
}
