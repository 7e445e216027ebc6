//! The names of tables, columns and indexes, and the tables every store has.

use jobapp_kernel::{Aggregate, Key, KeyValue};
use sea_orm::Value;
use sea_orm::sea_query::{ColumnDef, Index, IndexCreateStatement, Table, TableCreateStatement};

use crate::{Namespace, dialect};

/// What the tables of a store are called.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    namespace: Namespace,
    /// Events that wait to be published.
    pub(crate) outbox: String,
    /// Causes that were handled.
    pub(crate) inbox: String,
    /// The next numbers of sequences.
    pub(crate) sequences: String,
    /// What one owner at a time may do.
    pub(crate) leases: String,
    /// The keys the tables have columns for.
    pub(crate) keys: String,
}

impl Names {
    pub(crate) fn of(namespace: Namespace) -> Self {
        let table = |name: &str| namespace.table(name);
        Self {
            outbox: table("jobapp_outbox"),
            inbox: table("jobapp_inbox"),
            sequences: table("jobapp_sequences"),
            leases: table("jobapp_leases"),
            keys: table("jobapp_keys"),
            namespace,
        }
    }

    /// Whether other stores have tables in the same database.
    pub(crate) fn is_shared(&self) -> bool {
        self.namespace.is_shared()
    }

    /// The table of a kind of aggregate.
    pub(crate) fn table<A: Aggregate>(&self) -> String {
        self.namespace.table(A::NAME)
    }

    /// Where the values of one of its keys are.
    pub(crate) fn key<A: Aggregate>(&self, key: &str) -> KeyNames {
        let table = self.table::<A>();
        // Two underscores, so that `order` by `item_name` and `order_item` by `name` stay apart.
        KeyNames {
            value: format!("k_{key}"),
            sort: format!("s_{key}"),
            side: format!("{table}__{key}"),
            index: format!("by_{table}__{key}"),
            table,
        }
    }
}

/// Where the values of a key are stored.
pub(crate) struct KeyNames {
    /// The aggregate's table.
    pub(crate) table: String,
    /// The column of a single key in the aggregate's table.
    pub(crate) value: String,
    /// The column of its sort value.
    pub(crate) sort: String,
    /// The table of a key of many values, with the columns `id`, `value` and `sort`.
    pub(crate) side: String,
    /// The index by value.
    pub(crate) index: String,
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
pub(crate) fn common(names: &Names) -> Vec<TableCreateStatement> {
    vec![
        Table::create()
            .table(names.outbox.clone())
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
            .table(names.inbox.clone())
            .if_not_exists()
            .col(key_column("key").not_null().primary_key())
            .col(ColumnDef::new("body_hash").text().not_null())
            .col(key_column("aggregate_id").not_null())
            .col(ColumnDef::new("at").big_integer().not_null())
            .take(),
        Table::create()
            .table(names.sequences.clone())
            .if_not_exists()
            .col(key_column("name").not_null().primary_key())
            .col(ColumnDef::new("next").big_integer().not_null())
            .take(),
        Table::create()
            .table(names.leases.clone())
            .if_not_exists()
            .col(key_column("name").not_null().primary_key())
            .col(key_column("owner").not_null())
            .col(ColumnDef::new("until").big_integer().not_null())
            .take(),
        Table::create()
            .table(names.keys.clone())
            .if_not_exists()
            .col(key_column("aggregate").not_null())
            .col(key_column("key").not_null())
            .col(ColumnDef::new("declaration").text().not_null())
            .primary_key(Index::create().col("aggregate").col("key"))
            .take(),
    ]
}

/// Their indexes.
pub(crate) fn common_indexes(names: &Names) -> Vec<IndexCreateStatement> {
    vec![
        Index::create()
            .name(format!("by_{}__aggregate", names.outbox))
            .table(names.outbox.clone())
            .if_not_exists()
            .col("aggregate_id")
            .col("aggregate")
            .take(),
        Index::create()
            .name(format!("by_{}__id", names.outbox))
            .table(names.outbox.clone())
            .if_not_exists()
            .col("id")
            .take(),
        Index::create()
            .name(format!("by_{}__at", names.inbox))
            .table(names.inbox.clone())
            .if_not_exists()
            .col("at")
            .take(),
    ]
}
