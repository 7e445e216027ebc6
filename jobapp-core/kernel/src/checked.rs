//! What every store must check before it writes, and before it looks.

use crate::{Aggregate, Key, KeyValue, MAX_KEY_BYTES, RepositoryError};

impl<A: Aggregate> Key<A> {
    /// The values an aggregate has for this key, each once, in ascending order: fit to be stored.
    ///
    /// # Errors
    /// [`RepositoryError::KeyTooLong`] and [`RepositoryError::KeyHasNul`] for a text that no store takes,
    /// [`RepositoryError::Unavailable`] when the declaration
    /// does not hold: several values of a key that is not [many](Key::many), or a value of the other type.
    pub fn values_of(&self, aggregate: &A) -> Result<Vec<KeyValue>, RepositoryError> {
        let mut values = (self.read)(aggregate);
        values.sort_unstable();
        values.dedup();
        if values.len() > 1 && !self.many {
            return Err(self.broken("is declared to have at most one value and has several"));
        }
        for value in &values {
            match value {
                KeyValue::Int(_) if self.int => {}
                KeyValue::Text(text) if !self.int => check_text::<A>(self.name, text)?,
                KeyValue::Int(_) | KeyValue::Text(_) => {
                    return Err(self.broken("has a value of another type than declared"));
                }
            }
        }
        Ok(values)
    }

    /// What a list by this key sorts an aggregate by.
    ///
    /// # Errors
    /// [`RepositoryError::Unavailable`] when it is no number.
    pub fn sort_of(&self, aggregate: &A) -> Result<i64, RepositoryError> {
        match (self.sort)(aggregate) {
            KeyValue::Int(number) => Ok(number),
            KeyValue::Text(_) => Err(self.broken("sorts by something that is no number")),
        }
    }

    /// A declaration that does not hold is a bug of the aggregate: nothing is stored, and the text says what to mend.
    fn broken(&self, how: &str) -> RepositoryError {
        RepositoryError::unavailable(format!("index a {}", A::NAME), format!("the key {} {how}", self.name))
    }
}

/// The text of an id, fit to be stored.
///
/// # Errors
/// [`RepositoryError::KeyTooLong`] and [`RepositoryError::KeyHasNul`] when no store takes it. Who only looks for it knows then
/// that there is nothing.
pub fn id_text<A: Aggregate>(id: &A::Id) -> Result<String, RepositoryError> {
    let text = id.to_string();
    check_text::<A>("id", &text)?;
    Ok(text)
}

fn check_text<A: Aggregate>(key: &'static str, text: &str) -> Result<(), RepositoryError> {
    if text.len() > MAX_KEY_BYTES {
        return Err(RepositoryError::KeyTooLong { aggregate: A::NAME, key });
    }
    if text.contains('\0') {
        return Err(RepositoryError::KeyHasNul { aggregate: A::NAME, key });
    }
    Ok(())
}

impl KeyValue {
    /// Whether an aggregate may have this value. A store answers a look-up by any other without looking: its database may
    /// not even be able to compare it.
    pub fn may_be_stored(&self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Text(text) => text.len() <= MAX_KEY_BYTES && !text.contains('\0'),
        }
    }
}
