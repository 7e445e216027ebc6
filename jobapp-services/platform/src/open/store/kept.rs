//! Everything that is stored of a kind, for who need not know which kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{Aggregate, Repository, RepositoryError, Stored, Version};
use serde_json::Value;

/// One stored value.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptValue {
    /// What identifies it.
    pub id: String,
    /// Its version.
    pub version: Version,
    /// What is stored of it.
    pub state: Value,
}

/// Reads all that is stored of one kind of aggregate.
#[async_trait]
pub trait Kept: Send + Sync {
    /// The name of the kind, such as `order`.
    fn name(&self) -> &'static str;

    /// How each of its keys is declared.
    fn keys(&self) -> BTreeMap<String, String>;

    /// At most `limit` values in the order of their ids, from the first one behind `after` on.
    ///
    /// # Errors
    /// As [`Repository::scan`]; one that cannot be read is [`RepositoryError::Corrupt`], and so is an `after` that is no id.
    async fn scan(&self, after: Option<&str>, limit: usize) -> Result<Vec<KeptValue>, RepositoryError>;
}

pub(super) fn of<A: Aggregate>(repository: Arc<dyn Repository<A>>) -> Arc<dyn Kept> {
    Arc::new(Of(repository))
}

struct Of<A>(Arc<dyn Repository<A>>);

fn corrupt<A: Aggregate>(id: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RepositoryError {
    RepositoryError::Corrupt { aggregate: A::NAME, id: id.to_owned(), source: source.into() }
}

#[async_trait]
impl<A: Aggregate> Kept for Of<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn keys(&self) -> BTreeMap<String, String> {
        A::keys().iter().map(|key| (key.name.to_owned(), key.declaration())).collect()
    }

    async fn scan(&self, after: Option<&str>, limit: usize) -> Result<Vec<KeptValue>, RepositoryError> {
        let after: Option<A::Id> = match after {
            Some(text) => Some(text.parse().map_err(|_| corrupt::<A>(text, "it is no id"))?),
            None => None,
        };
        let value = |stored: &Stored<A>| {
            let id = stored.value.id().to_string();
            let state = serde_json::to_value(stored.value.to_state()).map_err(|error| corrupt::<A>(&id, error))?;
            Ok(KeptValue { id, version: stored.version, state })
        };
        self.0.scan(after.as_ref(), limit).await?.iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::{Change, InvalidState, Key, ObjectId};
    use serde_json::json;

    use crate::Store;

    #[derive(Clone)]
    struct Kettle(ObjectId);

    impl jobapp_kernel::Aggregate for Kettle {
        const NAME: &'static str = "kettle";
        type Id = ObjectId;
        type Event = String;
        type State = ObjectId;

        fn id(&self) -> &ObjectId {
            &self.0
        }

        fn keys() -> &'static [Key<Self>] {
            &[]
        }

        fn to_state(&self) -> ObjectId {
            self.0
        }

        fn from_state(id: ObjectId) -> Result<Self, InvalidState> {
            Ok(Self(id))
        }
    }

    #[tokio::test]
    async fn all_that_is_stored_is_read_without_knowing_its_kind() {
        let store = Store::in_memory();
        assert!(store.kept().is_empty());
        let kettles = store.repository::<Kettle>().await.unwrap();
        for byte in 1..=3 {
            let kettle = Kettle(ObjectId::from_bytes([byte; 12]));
            assert_eq!(kettles.save(Change::insert(kettle, Vec::new())).await.unwrap().version(), Some(1));
        }
        let kept = store.kept().pop().unwrap();
        let first = kept.scan(None, 2).await.unwrap();
        assert_eq!((kept.name(), first.len(), first[1].version), ("kettle", 2, 1));
        let rest = kept.scan(Some(&first[1].id), 2).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].state, json!("030303030303030303030303"));
        assert!(kept.scan(Some("no id"), 2).await.is_err());
    }
}
