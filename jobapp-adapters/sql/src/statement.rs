//! Statements whose text is made once and sent many times.

use std::sync::Arc;

use sea_orm::{DbBackend, Statement, StatementBuilder, Value};

/// The text of a statement; its values come with each call, in the order in which the description names them.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    backend: DbBackend,
    sql: Arc<str>,
    places: usize,
}

impl Template {
    /// The text of a description, whatever values it was made with.
    pub(crate) fn of(backend: DbBackend, description: &impl StatementBuilder) -> Self {
        let statement = description.build(&backend);
        let places = statement.values.map_or(0, |values| values.0.len());
        Self { backend, sql: statement.sql.into(), places }
    }

    /// The statement with these values.
    pub(crate) fn with(&self, values: impl IntoIterator<Item = Value>) -> Statement {
        let statement = Statement::from_sql_and_values(self.backend, &*self.sql, values);
        debug_assert_eq!(statement.values.as_ref().map_or(0, |values| values.0.len()), self.places, "{}", self.sql);
        statement
    }
}

/// The first `limit` rows of a question that says nothing about how many it wants.
///
/// The number is part of the text: SQLite plans a statement anew at every call when its limit is a value, which takes longer
/// than the call.
pub(crate) fn limited(mut question: Statement, limit: usize) -> Statement {
    question.sql.push_str(" LIMIT ");
    question.sql.push_str(&self::limit(limit).to_string());
    question
}

/// A version, count or limit as databases know numbers. What does not fit is larger than anything that is stored.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The same for a limit.
pub(crate) fn limit(value: usize) -> u64 {
    // Databases take limits as signed numbers.
    u64::try_from(value).unwrap_or(u64::MAX).min(i64::MAX as u64)
}

/// The same values, the last one repeated until there are 1, 2, 4, 8…: databases keep each text of a statement that is sent, and a
/// list of any length would be a text of its own.
pub(crate) fn few_sizes<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_few_sizes() {
        assert!(few_sizes(Vec::<u8>::new()).is_empty());
        assert_eq!(few_sizes(vec![1]), [1]);
        assert_eq!(few_sizes(vec![1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(few_sizes(vec![0; 500]).len(), 512);
    }
}
