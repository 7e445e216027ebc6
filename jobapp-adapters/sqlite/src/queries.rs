//! The statements of one kind of aggregate, made once when it is registered.

use std::collections::HashMap;
use std::fmt::Write;

use jobapp_kernel::{Aggregate, Bounds, Cursor, Direction, Key, KeyValue, PageRequest, RepositoryError};
use rusqlite::types::Value;

use crate::tables::{KeyNames, parameter};

/// A statement and its values.
pub(crate) type Question = (String, Vec<Value>);

/// Every statement whose text does not depend on the call.
pub(crate) struct Queries {
    /// `id`: version and state.
    pub(crate) find: String,
    /// `id`: id, version and state.
    pub(crate) find_whole: String,
    /// id, version, state and one value and sort column for each single key.
    pub(crate) insert: String,
    /// The new version, state, and a value and sort column for each single key; id and old version.
    pub(crate) update: String,
    /// id and version.
    pub(crate) delete: String,
    /// The id behind which to go on: id, version and state of a number of values.
    pub(crate) scan: String,
    pub(crate) keys: HashMap<&'static str, KeyQueries>,
}

/// The inbox key: body hash and id.
pub(crate) const HANDLED: &str = "SELECT body_hash, aggregate_id FROM jobapp_inbox WHERE key = ?1";
/// The inbox key, body hash, id and instant.
pub(crate) const REMEMBER: &str = "INSERT INTO jobapp_inbox (key, body_hash, aggregate_id, at) VALUES (?1, ?2, ?3, ?4)";
/// id, aggregate, id of the aggregate, version, event, headers and instant.
pub(crate) const RECORD: &str = "INSERT INTO jobapp_outbox (id, aggregate, aggregate_id, version, event, headers, recorded_at) \
                                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// The statements of one key.
pub(crate) struct KeyQueries {
    pub(crate) names: KeyNames,
    /// The value.
    pub(crate) find_by: String,
    /// The statements of the side table of a key of many values.
    pub(crate) side: Option<SideQueries>,
    /// id, version, state and what comes behind `FROM`.
    select: String,
    /// The columns of value, sort value and id, as lists by this key know them.
    value: String,
    sort: String,
    id: String,
    /// What a range has as its last column, and where its rows are from.
    range: String,
}

/// The statements of the side table of a key of many values.
pub(crate) struct SideQueries {
    /// `id`: value and sort value.
    pub(crate) select: String,
    /// id, value and sort value.
    pub(crate) insert: String,
    /// id and value.
    pub(crate) delete: String,
    /// `id`.
    pub(crate) delete_all: String,
}

impl Queries {
    pub(crate) fn of<A: Aggregate>() -> Self {
        let name = A::NAME;
        let single: Vec<String> = A::keys()
            .iter()
            .filter(|key| !key.many)
            .flat_map(|key| {
                let names = KeyNames::of(name, key.name);
                [names.value, names.sort]
            })
            .collect();
        let columns: String = single.iter().map(|column| format!(", \"{column}\"")).collect();
        let places = vec!["?"; 3 + single.len()].join(", ");
        let set: String = single.iter().map(|column| format!(", \"{column}\" = ?")).collect();
        Self {
            find: format!("SELECT version, state FROM \"{name}\" WHERE id = ?1"),
            find_whole: format!("SELECT id, version, state FROM \"{name}\" WHERE id = ?1"),
            insert: format!("INSERT INTO \"{name}\" (id, version, state{columns}) VALUES ({places})"),
            update: format!("UPDATE \"{name}\" SET version = ?, state = ?{set} WHERE id = ? AND version = ?"),
            delete: format!("DELETE FROM \"{name}\" WHERE id = ?1 AND version = ?2"),
            scan: format!("SELECT id, version, state FROM \"{name}\" WHERE id > ?1 ORDER BY id LIMIT ?2"),
            keys: A::keys().iter().map(|key| (key.name, KeyQueries::of(key))).collect(),
        }
    }

    pub(crate) fn key<A: Aggregate>(&self, key: &Key<A>) -> Result<&KeyQueries, RepositoryError> {
        self.keys.get(key.name).ok_or_else(|| {
            RepositoryError::unavailable(
                format!("look for a {}", A::NAME),
                format!("its key {} is not among its declared keys", key.name),
            )
        })
    }
}

impl KeyQueries {
    fn of<A: Aggregate>(key: &Key<A>) -> Self {
        let (name, names) = (A::NAME, KeyNames::of(A::NAME, key.name));
        let own = |column: &str| format!("\"{name}\".\"{column}\"");
        let start = format!("SELECT {}, {}, {}", own("id"), own("version"), own("state"));
        if !key.many {
            let (value, sort) = (own(&names.value), own(&names.sort));
            return Self {
                find_by: format!("{start} FROM \"{name}\" WHERE {value} = ?1 LIMIT 1"),
                select: format!("{start}, {sort} FROM \"{name}\""),
                range: format!("{start}, {value} FROM \"{name}\""),
                id: own("id"),
                side: None,
                value,
                sort,
                names,
            };
        }
        let side = names.side.clone();
        let other = |column: &str| format!("\"{side}\".{column}");
        let joined = format!("FROM \"{side}\" INNER JOIN \"{name}\" ON {} = {}", own("id"), other("id"));
        Self {
            // By the holders first: their values are few, and the other table is found by its id.
            find_by: format!(
                "{start} FROM \"{name}\" WHERE {} IN (SELECT id FROM \"{side}\" WHERE value = ?1) LIMIT 1",
                own("id")
            ),
            select: format!("{start}, {} {joined}", other("sort")),
            range: format!("{start}, {} {joined}", other("value")),
            value: other("value"),
            sort: other("sort"),
            id: other("id"),
            side: Some(SideQueries {
                select: format!("SELECT value, sort FROM \"{side}\" WHERE id = ?1"),
                insert: format!("INSERT INTO \"{side}\" (id, value, sort) VALUES (?1, ?2, ?3)"),
                delete: format!("DELETE FROM \"{side}\" WHERE id = ?1 AND value = ?2"),
                delete_all: format!("DELETE FROM \"{side}\" WHERE id = ?1"),
            }),
            names,
        }
    }

    /// A page of the values with this value of the key, and one more: id, version, state and sort value.
    pub(crate) fn list(&self, value: KeyValue, page: &PageRequest) -> Question {
        let mut sql = format!("{} WHERE {} = ?", self.select, self.value);
        let mut values = vec![parameter(value)];
        go_on(&mut sql, &mut values, (&self.sort, &self.id), page);
        (sql, values)
    }

    /// A page of the values whose value of the key is within bounds, and one more: id, version, state and value.
    pub(crate) fn range<A: Aggregate>(&self, bounds: Bounds, page: &PageRequest) -> Question {
        // An open interval still leaves out what has no value.
        let mut sql = format!("{} WHERE {} IS NOT NULL", self.range, self.value);
        let mut values = Vec::new();
        for (bound, compared) in [(bounds.from, ">="), (bounds.until, "<")] {
            if let Some(bound) = bound {
                append(&mut sql, format_args!(" AND {} {compared} ?", self.value));
                values.push(parameter(bound));
            }
        }
        go_on(&mut sql, &mut values, (&self.value, &format!("\"{}\".\"id\"", A::NAME)), page);
        (sql, values)
    }
}

/// Behind a cursor, in order, and one more than the page has. The first condition follows from the second; it is there because an
/// index can use it.
///
/// The limit is part of the text: a statement is planned anew at every call when its limit is a value, which takes longer than
/// the call.
fn go_on(sql: &mut String, values: &mut Vec<Value>, (sort, id): (&str, &str), page: &PageRequest) {
    let (beyond, order) = match page.direction {
        Direction::Ascending => (">", "ASC"),
        Direction::Descending => ("<", "DESC"),
    };
    if let Some(Cursor { sort: last, id: last_id }) = &page.after {
        append(sql, format_args!(" AND {sort} {beyond}= ? AND ({sort} {beyond} ? OR {id} {beyond} ?)"));
        let last = parameter(last.clone());
        values.extend([last.clone(), last, Value::Text(last_id.clone())]);
    }
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX).saturating_add(1);
    append(sql, format_args!(" ORDER BY {sort} {order}, {id} {order} LIMIT {limit}"));
}

fn append(sql: &mut String, text: std::fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("a string takes every text");
}
