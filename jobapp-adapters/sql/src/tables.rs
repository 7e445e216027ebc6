//! The names of tables, columns and indexes, and the tables every store has.

use jobapp_kernel::{Aggregate, KeyValue};
use sea_orm::sea_query::{ColumnDef, Index, IndexCreateStatement, Table, TableCreateStatement};
use sea_orm::{DbBackend, Value};
use sha2::{Digest, Sha256};

use crate::{Namespace, dialect};

/// What the tables of a store are called.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    namespace: Namespace,
    /// Events that wait to be published.
    pub(crate) outbox: String,
    /// Who publishes which of them.
    pub(crate) outbox_leases: String,
    /// Aggregates whose first event could not be published.
    pub(crate) outbox_held: String,
    /// Causes that were handled.
    pub(crate) inbox: String,
    /// The next numbers of sequences.
    pub(crate) sequences: String,
    /// What one owner at a time may do.
    pub(crate) leases: String,
    /// The keys the tables have columns for.
    pub(crate) keys: String,
    /// The ratings that analytics count.
    pub(crate) ratings: String,
    /// Their editions.
    pub(crate) rating_editions: String,
}

impl Names {
    pub(crate) fn of(namespace: Namespace) -> Self {
        let table = |name: &str| namespace.name_of(name);
        Self {
            outbox: table("jobapp_outbox"),
            outbox_leases: table("jobapp_outbox_leases"),
            outbox_held: table("jobapp_outbox_held"),
            inbox: table("jobapp_inbox"),
            sequences: table("jobapp_sequences"),
            leases: table("jobapp_leases"),
            keys: table("jobapp_keys"),
            ratings: table("jobapp_ratings"),
            rating_editions: table("jobapp_rating_editions"),
            namespace,
        }
    }

    /// What tells the store from others in the same database.
    pub(crate) fn store(&self) -> String {
        self.namespace.to_string()
    }

    /// Whether other stores have tables in the same database.
    pub(crate) fn is_shared(&self) -> bool {
        self.namespace.is_shared()
    }

    /// The table of a kind of aggregate.
    pub(crate) fn table<A: Aggregate>(&self) -> String {
        self.kind(A::NAME)
    }

    /// The table of the kind of aggregate of this name.
    pub(crate) fn kind(&self, name: &str) -> String {
        self.namespace.name_of(name)
    }

    /// Where the values of one of its keys are.
    pub(crate) fn key<A: Aggregate>(&self, key: &str) -> KeyNames {
        let table = self.table::<A>();
        // Two underscores, so that `order` by `item_name` and `order_item` by `name` stay apart.
        KeyNames {
            value: format!("k_{key}"),
            sort: format!("s_{key}"),
            side: fitting(format!("{table}__{key}")),
            index: fitting(format!("by_{table}__{key}")),
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
pub(crate) fn key_column(backend: DbBackend, name: impl Into<String>) -> ColumnDef {
    dialect::key_text(backend, &mut ColumnDef::new(name.into())).take()
}

/// A column for texts of any length.
pub(crate) fn long_column(backend: DbBackend, name: impl Into<String>) -> ColumnDef {
    dialect::long_text(backend, &mut ColumnDef::new(name.into())).take()
}

/// The column for values of a key.
pub(crate) fn value_column(backend: DbBackend, name: impl Into<String>, is_int: bool) -> ColumnDef {
    if is_int { ColumnDef::new(name.into()).big_integer().take() } else { key_column(backend, name) }
}

/// A table, to be described further.
pub(crate) fn table(backend: DbBackend, name: &str) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name.to_owned());
    dialect::table_options(backend, &mut table).take()
}

/// A name that is short enough for every database: one that is too long ends with a hash of the whole.
fn fitting(name: String) -> String {
    /// PostgreSQL cuts what is longer, in silence.
    const LONGEST: usize = 63;
    if name.len() <= LONGEST {
        return name;
    }
    let hash = hex::encode(&Sha256::digest(name.as_bytes())[..8]);
    let start: String = name.chars().take(LONGEST - 1 - hash.len()).collect();
    format!("{start}_{hash}")
}

/// The tables every store has.
pub(crate) fn common(backend: DbBackend, names: &Names) -> Vec<TableCreateStatement> {
    vec![
        table(backend, &names.outbox)
            .if_not_exists()
            .col(dialect::numbering(backend, ColumnDef::new("seq").not_null()).primary_key())
            .col(dialect::message_id(backend, ColumnDef::new("id").not_null()))
            .col(key_column(backend, "aggregate").not_null())
            .col(key_column(backend, "aggregate_id").not_null())
            .col(ColumnDef::new("version").big_integer().not_null())
            .col(long_column(backend, "event").not_null())
            .col(long_column(backend, "headers").not_null())
            .col(ColumnDef::new("recorded_at").big_integer().not_null())
            // Used by earlier programs and by the embedded store, which has the same files.
            .col(key_column(backend, "leased_by"))
            .col(ColumnDef::new("leased_until").big_integer())
            .take(),
        table(backend, &names.outbox_leases)
            .if_not_exists()
            .col(key_column(backend, "owner").not_null().primary_key())
            .col(long_column(backend, "entries").not_null())
            .col(ColumnDef::new("until").big_integer().not_null())
            .take(),
        table(backend, &names.outbox_held)
            .if_not_exists()
            .col(key_column(backend, "aggregate_id").not_null())
            .col(key_column(backend, "aggregate").not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("until").big_integer().not_null())
            .primary_key(Index::create().col("aggregate_id").col("aggregate"))
            .take(),
        table(backend, &names.inbox)
            .if_not_exists()
            .col(key_column(backend, "key").not_null().primary_key())
            .col(ColumnDef::new("body_hash").text().not_null())
            .col(key_column(backend, "aggregate_id").not_null())
            .col(ColumnDef::new("at").big_integer().not_null())
            .take(),
        table(backend, &names.sequences)
            .if_not_exists()
            .col(key_column(backend, "name").not_null().primary_key())
            .col(ColumnDef::new("next").big_integer().not_null())
            .take(),
        table(backend, &names.leases)
            .if_not_exists()
            .col(key_column(backend, "name").not_null().primary_key())
            .col(key_column(backend, "owner").not_null())
            .col(ColumnDef::new("until").big_integer().not_null())
            .take(),
        table(backend, &names.keys)
            .if_not_exists()
            .col(key_column(backend, "aggregate").not_null())
            .col(key_column(backend, "key").not_null())
            .col(ColumnDef::new("declaration").text().not_null())
            .primary_key(Index::create().col("aggregate").col("key"))
            .take(),
    ]
}

/// Their indexes, each with its table and its name.
pub(crate) fn common_indexes(names: &Names) -> Vec<(IndexCreateStatement, (String, String))> {
    let index = |table: &String, name: &str, columns: &[&'static str]| {
        let name = format!("by_{table}__{name}");
        let mut index = Index::create();
        index.name(&name).table(table.clone()).if_not_exists();
        for column in columns {
            index.col(*column);
        }
        (index, (table.clone(), name))
    };
    vec![index(&names.inbox, "at", &["at"])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_too_long_differ_where_they_were_cut() {
        let long = |end: &str| fitting(format!("{}{end}", "x".repeat(70)));
        assert_eq!((long("a").len(), long("b").len()), (63, 63));
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a"), long("a"));
        assert_eq!(fitting("by_kettle__owner".to_owned()), "by_kettle__owner");
    }
}
