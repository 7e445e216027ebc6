//! The names of tables, columns and indexes, and the tables every store has.

use jobapp_kernel::KeyValue;
use rusqlite::types::Value;

/// The tables every store has, and their indexes.
pub(crate) const COMMON: &str = "
CREATE TABLE IF NOT EXISTS jobapp_outbox (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, aggregate TEXT NOT NULL, aggregate_id TEXT NOT NULL,
    version BIGINT NOT NULL, event TEXT NOT NULL, headers TEXT NOT NULL, recorded_at BIGINT NOT NULL,
    leased_by TEXT, leased_until BIGINT
);
CREATE TABLE IF NOT EXISTS jobapp_inbox (
    key TEXT NOT NULL PRIMARY KEY, body_hash TEXT NOT NULL, aggregate_id TEXT NOT NULL, at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS jobapp_sequences (name TEXT NOT NULL PRIMARY KEY, next BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS jobapp_leases (name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, until BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS jobapp_keys (
    aggregate TEXT NOT NULL, key TEXT NOT NULL, declaration TEXT NOT NULL, PRIMARY KEY (aggregate, key)
);
CREATE INDEX IF NOT EXISTS by_jobapp_outbox__aggregate ON jobapp_outbox (aggregate_id, aggregate);
DROP INDEX IF EXISTS by_jobapp_outbox__id;
CREATE INDEX IF NOT EXISTS by_jobapp_inbox__at ON jobapp_inbox (at);
";

/// Where the values of a key are stored.
pub(crate) struct KeyNames {
    /// The column of a single key in the aggregate's table.
    pub(crate) value: String,
    /// The column of its sort value.
    pub(crate) sort: String,
    /// The table of a key of many values, with the columns `id`, `value` and `sort`.
    pub(crate) side: String,
    /// The index by value.
    pub(crate) index: String,
}

impl KeyNames {
    pub(crate) fn of(aggregate: &str, key: &str) -> Self {
        // Two underscores, so that `order` by `item_name` and `order_item` by `name` stay apart.
        Self {
            value: format!("k_{key}"),
            sort: format!("s_{key}"),
            side: format!("{aggregate}__{key}"),
            index: format!("by_{aggregate}__{key}"),
        }
    }
}

/// The type of the column for values of a key.
pub(crate) const fn column_type(is_int: bool) -> &'static str {
    if is_int { "BIGINT" } else { "TEXT" }
}

/// A key value as a parameter.
pub(crate) fn parameter(value: KeyValue) -> Value {
    match value {
        KeyValue::Int(number) => Value::Integer(number),
        KeyValue::Text(text) => Value::Text(text),
    }
}

/// A version, count or limit as databases know numbers. What does not fit is larger than anything that is stored.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
