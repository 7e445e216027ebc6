//! The names of tables, columns and indexes, and the tables every store has.

use jobapp_kernel::{Aggregate, Key, KeyValue};
use sea_orm::Value;
use sea_orm::sea_query::{ColumnDef, Index, IndexCreateStatement, Table, TableCreateStatement};

use crate::dialect;

/// Events that wait to be published.
pub(crate) const OUTBOX: &str = "jobapp_outbox";
/// Causes that were handled.
pub(crate) const INBOX: &str = "jobapp_inbox";
/// The next numbers of sequences.
pub(crate) const SEQUENCES: &str = "jobapp_sequences";
/// What one owner at a time may do.
pub(crate) const LEASES: &str = "jobapp_leases";
/// The keys the tables have columns for.
pub(crate) const KEYS: &str = "jobapp_keys";

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

/// How a key was declared when its columns were made. Another declaration needs other columns.
pub(crate) fn declaration<A: Aggregate>(key: &Key<A>) -> String {
    let kind = if key.int { "int" } else { "text" };
    let unique = if key.unique { " unique" } else { "" };
    let many = if key.many { " many" } else { "" };
    format!("{kind}{unique}{many}")
}

/// A key value as a parameter.
pub(crate) fn parameter(value: KeyValue) -> Value {
    match value {
        KeyValue::Int(number) => Value::BigInt(Some(number)),
        KeyValue::Text(text) => Value::String(Some(text)),
    }
}

/// No value of a key, as a parameter.
pub(crate) const fn no_value(is_int: bool) -> Value {
    if is_int { Value::BigInt(None) } else { Value::String(None) }
}

/// A column for texts that are compared.
pub(crate) fn key_column(name: impl Into<String>) -> ColumnDef {
    let mut column = ColumnDef::new(name.into());
    dialect::key_text(&mut column);
    column
}

/// The column for values of a key.
pub(crate) fn value_column(name: impl Into<String>, is_int: bool) -> ColumnDef {
    if is_int {
        let mut column = ColumnDef::new(name.into());
        column.big_integer();
        column
    } else {
        key_column(name)
    }
}

/// The tables every store has.
pub(crate) fn common() -> Vec<TableCreateStatement> {
    vec![
        Table::create()
            .table(OUTBOX)
            .if_not_exists()
            .col(ColumnDef::new("seq").integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new("id").text().not_null())
            .col(key_column("aggregate").not_null())
            .col(key_column("aggregate_id").not_null())
            .col(ColumnDef::new("version").big_integer().not_null())
            .col(ColumnDef::new("event").text().not_null())
            .col(ColumnDef::new("headers").text().not_null())
            .col(ColumnDef::new("recorded_at").big_integer().not_null())
            .col(key_column("leased_by"))
            .col(ColumnDef::new("leased_until").big_integer())
            .take(),
        Table::create()
            .table(INBOX)
            .if_not_exists()
            .col(key_column("key").not_null().primary_key())
            .col(ColumnDef::new("body_hash").text().not_null())
            .col(key_column("aggregate_id").not_null())
            .col(ColumnDef::new("at").big_integer().not_null())
            .take(),
        Table::create()
            .table(SEQUENCES)
            .if_not_exists()
            .col(key_column("name").not_null().primary_key())
            .col(ColumnDef::new("next").big_integer().not_null())
            .take(),
        Table::create()
            .table(LEASES)
            .if_not_exists()
            .col(key_column("name").not_null().primary_key())
            .col(key_column("owner").not_null())
            .col(ColumnDef::new("until").big_integer().not_null())
            .take(),
        Table::create()
            .table(KEYS)
            .if_not_exists()
            .col(key_column("aggregate").not_null())
            .col(key_column("key").not_null())
            .col(ColumnDef::new("declaration").text().not_null())
            .primary_key(Index::create().col("aggregate").col("key"))
            .take(),
    ]
}

/// Their indexes.
pub(crate) fn common_indexes() -> Vec<IndexCreateStatement> {
    vec![
        Index::create()
            .name("by_jobapp_outbox__aggregate")
            .table(OUTBOX)
            .if_not_exists()
            .col("aggregate_id")
            .col("aggregate")
            .take(),
        Index::create().name("by_jobapp_outbox__id").table(OUTBOX).if_not_exists().col("id").take(),
        Index::create().name("by_jobapp_inbox__at").table(INBOX).if_not_exists().col("at").take(),
    ]
}
