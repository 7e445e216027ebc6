//! Where one kind of thing goes: a repository, or what would be in it.

use std::sync::Arc;

use jobapp_kernel::{
    About, Aggregate, Change, Key, KeyValue, PageRequest, Repository, RepositoryError, Saved, Stored, decided,
};
use jobapp_platform::{OpenError, Store};

/// A repository. In a dry run it is not written: what would be stored is kept in memory, and found again like the rest.
pub(crate) struct Target<A: Aggregate> {
    real: Arc<dyn Repository<A>>,
    trial: Option<Arc<dyn Repository<A>>>,
}

/// What became of an insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inserted {
    Stored,
    /// Something with this id is here already.
    There,
    /// A unique key is another's, by its declared name.
    Taken(&'static str),
    /// No store takes it, and why.
    Unfit(String),
}

impl<A: Aggregate> Target<A> {
    pub(crate) async fn open(store: &Store, dry_run: bool) -> Result<Self, OpenError> {
        let trial = if dry_run { Some(Store::in_memory().repository().await?) } else { None };
        Ok(Self { real: store.repository().await?, trial })
    }

    pub(crate) async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        match (self.real.find(id).await?, &self.trial) {
            (None, Some(trial)) => trial.find(id).await,
            (found, _) => Ok(found),
        }
    }

    pub(crate) async fn find_many(&self, ids: &[A::Id]) -> Result<Vec<Stored<A>>, RepositoryError> {
        let mut found = self.real.find_many(ids).await?;
        if let Some(trial) = &self.trial {
            found.extend(trial.find_many(ids).await?);
        }
        Ok(found)
    }

    pub(crate) async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        if !value.may_be_stored() {
            return Ok(None);
        }
        match (self.real.find_by(key, value.clone()).await?, &self.trial) {
            (None, Some(trial)) => trial.find_by(key, value).await,
            (found, _) => Ok(found),
        }
    }

    /// The last of those that have a value for a key, in the key's order.
    pub(crate) async fn last(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        // What would be stored comes behind what is.
        for repository in self.trial.iter().chain([&self.real]) {
            let page = repository.list(key, value.clone(), PageRequest::newest(1)).await?;
            if let Some(last) = page.items.into_iter().next() {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Stores something that was not here.
    pub(crate) async fn insert(&self, value: A, events: Vec<A::Event>) -> Result<Inserted, RepositoryError> {
        let (repository, events) = match &self.trial {
            None => (&self.real, events),
            Some(trial) => {
                if let Some(key) = self.taken(&value).await? {
                    return Ok(if key == "id" { Inserted::There } else { Inserted::Taken(key) });
                }
                (trial, Vec::new())
            }
        };
        match repository.save(Change::insert(value, events)).await {
            Ok(Saved::Stored(_) | Saved::Duplicate { .. }) => Ok(Inserted::Stored),
            Err(RepositoryError::Taken { key: "id", .. }) => Ok(Inserted::There),
            Err(RepositoryError::Taken { key, .. }) => Ok(Inserted::Taken(key)),
            Err(RepositoryError::KeyTooLong { key, .. }) => Ok(Inserted::Unfit(format!("its {key} is too long"))),
            Err(RepositoryError::KeyHasNul { key, .. }) => {
                Ok(Inserted::Unfit(format!("its {key} has the character U+0000")))
            }
            Err(error) => Err(error),
        }
    }

    /// The key of a value that something stored has.
    async fn taken(&self, value: &A) -> Result<Option<&'static str>, RepositoryError> {
        if self.real.find(value.id()).await?.is_some() {
            return Ok(Some("id"));
        }
        for key in A::keys().iter().filter(|key| key.unique) {
            for own in key.values_of(value)? {
                if self.real.find_by(*key, own).await?.is_some() {
                    return Ok(Some(key.name));
                }
            }
        }
        Ok(None)
    }

    /// Changes something that is here, or makes it; `None` leaves it as it is. A dry run changes nothing.
    pub(crate) async fn change(
        &self,
        id: A::Id,
        mut decide: impl FnMut(Option<A>) -> Option<A> + Send + 'static,
    ) -> Result<(), RepositoryError> {
        if self.trial.is_some() {
            return Ok(());
        }
        let change = move |stored: Option<Stored<A>>| {
            let change = match stored {
                Some(Stored { value, version }) => {
                    decide(Some(value)).map(|value| Change::update(version, value, Vec::new()))
                }
                None => decide(None).map(|value| Change::insert(value, Vec::new())),
            };
            Ok::<_, RepositoryError>(((), change))
        };
        decided(&*self.real, About::Id(id), change).await.map(drop)
    }
}
