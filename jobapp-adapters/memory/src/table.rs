//! One kind of aggregate in memory: rows by id, and an ordered index for each key.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use jobapp_kernel::{Bounds, Cursor, Direction, KeyValue, PageRequest, Version};

/// A stored aggregate.
pub(crate) struct Row {
    pub(crate) version: Version,
    /// The state as JSON text, so that every load is a real conversion.
    pub(crate) state: String,
    pub(crate) entries: Vec<KeyEntries>,
}

/// What one aggregate has in the index of one key.
#[derive(Clone)]
pub(crate) struct KeyEntries {
    pub(crate) key: &'static str,
    pub(crate) unique: bool,
    pub(crate) values: Vec<KeyValue>,
    pub(crate) sort: i64,
}

/// A place in an index: a value, and within it the sort value and the id.
type Place = (KeyValue, i64, String);

/// A row found by an index, and where.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) sort: KeyValue,
}

#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<String, Row>,
    indexes: HashMap<&'static str, BTreeSet<Place>>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        self.rows.get(id)
    }

    pub(crate) fn row_mut(&mut self, id: &str) -> Option<&mut Row> {
        self.rows.get_mut(id)
    }

    /// The first unique key of which another aggregate has a value of these.
    pub(crate) fn taken(&self, id: &str, entries: &[KeyEntries]) -> Option<&'static str> {
        let is_taken = |entry: &&KeyEntries| {
            entry.unique
                && entry.values.iter().any(|value| self.holder(entry.key, value).is_some_and(|holder| holder != id))
        };
        entries.iter().find(is_taken).map(|entry| entry.key)
    }

    /// The first id that has this value.
    pub(crate) fn holder(&self, key: &str, value: &KeyValue) -> Option<&str> {
        let start = (value.clone(), i64::MIN, String::new());
        let (found, _, id) = self.indexes.get(key)?.range(start..).next()?;
        (found == value).then_some(id.as_str())
    }

    /// Stores a row in place of the one with this id, if there is one.
    pub(crate) fn put(&mut self, id: String, row: Row) {
        self.remove(&id);
        for entry in &row.entries {
            let index = self.indexes.entry(entry.key).or_default();
            index.extend(entry.values.iter().map(|value| (value.clone(), entry.sort, id.clone())));
        }
        self.rows.insert(id, row);
    }

    pub(crate) fn remove(&mut self, id: &str) {
        let Some(row) = self.rows.remove(id) else { return };
        for entry in row.entries {
            if let Some(index) = self.indexes.get_mut(entry.key) {
                for value in entry.values {
                    index.remove(&(value, entry.sort, id.to_owned()));
                }
            }
        }
    }

    /// At most `limit` rows behind `after`, by id.
    pub(crate) fn scan(&self, after: Option<&str>, limit: usize) -> impl Iterator<Item = (&String, &Row)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range::<str, _>((start, Bound::Unbounded)).take(limit)
    }

    /// One row more than the page holds, if there are so many: those with this value, by sort value and id.
    pub(crate) fn list(&self, key: &str, value: &KeyValue, page: &PageRequest) -> Vec<Found> {
        let Some(index) = self.indexes.get(key) else { return Vec::new() };
        let with_value = index
            .range((value.clone(), i64::MIN, String::new())..)
            .take_while(|(found, _, _)| found == value)
            .map(|(_, sort, id)| Found { id: id.clone(), sort: KeyValue::Int(*sort) });
        cut(with_value.collect(), page)
    }

    /// The same for an interval of values, by value and id.
    pub(crate) fn range(&self, key: &str, bounds: &Bounds, page: &PageRequest) -> Vec<Found> {
        let Some(index) = self.indexes.get(key) else { return Vec::new() };
        let within = |value: &KeyValue| {
            bounds.from.as_ref().is_none_or(|from| value >= from)
                && bounds.until.as_ref().is_none_or(|until| value < until)
        };
        let mut found: Vec<Found> = index
            .iter()
            .filter(|(value, _, _)| within(value))
            .map(|(value, _, id)| Found { id: id.clone(), sort: value.clone() })
            .collect();
        // The index breaks ties by the sort value, a range by id alone.
        found.sort_by(|a, b| (&a.sort, &a.id).cmp(&(&b.sort, &b.id)));
        cut(found, page)
    }
}

/// What lies behind the cursor in the direction of the page, and one more than its limit.
fn cut(mut ascending: Vec<Found>, page: &PageRequest) -> Vec<Found> {
    if page.direction == Direction::Descending {
        ascending.reverse();
    }
    let behind = |found: &Found| match (&page.after, page.direction) {
        (None, _) => true,
        (Some(Cursor { sort, id }), Direction::Ascending) => (&found.sort, &found.id) > (sort, id),
        (Some(Cursor { sort, id }), Direction::Descending) => (&found.sort, &found.id) < (sort, id),
    };
    ascending.into_iter().filter(behind).take(page.limit.saturating_add(1)).collect()
}
