//! Storing what a page came to.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use jobapp_kernel::{Aggregate, RepositoryError};

use crate::fields::{Refusal, Translated};
use crate::target::{Inserted, Target};
use crate::{OldRow, Outcome};

/// How many things are asked for or stored at the same time: stores share what they wait for.
pub(super) const AT_ONCE: usize = 32;

/// Is told of everything that was stored.
pub(super) type Stored<'a> = &'a (dyn Fn() + Send + Sync);

/// Asks for each of some things, several at a time, and answers in their order.
pub(super) async fn ask_each<T, U, F>(
    things: impl IntoIterator<Item = T>,
    ask: impl Fn(T) -> F,
) -> Result<Vec<U>, RepositoryError>
where
    F: Future<Output = Result<U, RepositoryError>>,
{
    stream::iter(things).map(ask).buffered(AT_ONCE).try_collect().await
}

/// What each row of a page came to, in the order of the rows.
pub(super) struct Outcomes(Vec<Option<Outcome>>);

impl Outcomes {
    pub(super) fn of(rows: &[OldRow]) -> Self {
        Self(vec![None; rows.len()])
    }

    pub(super) fn set(&mut self, row: usize, outcome: Outcome) {
        if let Some(place) = self.0.get_mut(row) {
            *place = Some(outcome);
        }
    }

    /// The value, unless the row is refused.
    pub(super) fn translated<T>(
        &mut self,
        row: usize,
        translated: Result<Translated<T>, Refusal>,
    ) -> Option<Translated<T>> {
        translated.map_err(|refusal| self.set(row, Outcome::Refused(refusal.to_string()))).ok()
    }

    /// Every row has come to something: whoever has not was forgotten, which is told like any other refusal.
    pub(super) fn all(self) -> Vec<Outcome> {
        let forgotten = || Outcome::Refused("it was not gone through: this is a fault of the import".to_owned());
        self.0.into_iter().map(|outcome| outcome.unwrap_or_else(forgotten)).collect()
    }
}

/// A value on its way into a store.
pub(super) struct Ready<A: Aggregate> {
    pub(super) row: usize,
    pub(super) value: A,
    pub(super) events: Vec<A::Event>,
    pub(super) notes: Vec<String>,
}

/// Stores what a page came to. Of rows that claim the same, the first gets it.
pub(super) async fn insert_all<A: Aggregate>(
    target: &Target<A>,
    ready: Vec<Ready<A>>,
    outcomes: &mut Outcomes,
    stored: Stored<'_>,
) -> Result<(), RepositoryError> {
    let (at_once, later) = apart(ready, |ready| &ready.value)?;
    let insert = |Ready { row, value, events, notes }: Ready<A>| async move {
        let inserted = target.insert(value, events).await?;
        if inserted == Inserted::Stored {
            stored();
        }
        Ok::<_, RepositoryError>((row, outcome_of::<A>(inserted, notes)))
    };
    for (row, outcome) in ask_each(at_once, insert).await? {
        outcomes.set(row, outcome);
    }
    for ready in later {
        let (row, outcome) = insert(ready).await?;
        outcomes.set(row, outcome);
    }
    Ok(())
}

/// What an insert means for its row.
pub(super) fn outcome_of<A: Aggregate>(inserted: Inserted, notes: Vec<String>) -> Outcome {
    match inserted {
        Inserted::Stored => Outcome::Taken(notes),
        Inserted::There => Outcome::There,
        Inserted::Taken(key) => Outcome::Refused(format!("its {key} is in use by another {} here", A::NAME)),
        Inserted::Unfit(reason) => Outcome::Refused(reason),
    }
}

/// Parts those that claim what one before them claims from those that may be stored in any order.
pub(super) fn apart<A: Aggregate, T>(
    things: Vec<T>,
    value: impl Fn(&T) -> &A,
) -> Result<(Vec<T>, Vec<T>), RepositoryError> {
    let mut claimed = HashSet::new();
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for thing in things {
        let mut claims = vec![("id", value(&thing).id().to_string().into())];
        for key in A::keys().iter().filter(|key| key.unique) {
            // What no store takes is refused when it is stored.
            match key.values_of(value(&thing)) {
                Ok(values) => claims.extend(values.into_iter().map(|value| (key.name, value))),
                Err(RepositoryError::KeyTooLong { .. } | RepositoryError::KeyHasNul { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let is_first = claims.iter().all(|claim| !claimed.contains(claim));
        claimed.extend(claims);
        if is_first { first.push(thing) } else { later.push(thing) }
    }
    Ok((first, later))
}

/// Those with these ids that are here, by id.
pub(super) async fn known<A: Aggregate>(
    target: &Target<A>,
    ids: Vec<A::Id>,
) -> Result<BTreeMap<A::Id, A>, RepositoryError> {
    let found = target.find_many(&ids).await?;
    Ok(found.into_iter().map(|stored| (stored.value.id().clone(), stored.value)).collect())
}

/// The rows of a page whose documents are not here yet. The others are there.
pub(super) async fn fresh<'a, A: Aggregate>(
    target: &Target<A>,
    rows: &'a [OldRow],
    outcomes: &mut Outcomes,
) -> Result<Vec<(usize, &'a OldRow)>, RepositoryError> {
    let here = known(target, rows.iter().filter_map(|row| named(row, "_id")).collect()).await?;
    let (here, fresh): (Vec<_>, Vec<_>) = rows
        .iter()
        .enumerate()
        .partition(|(_, row)| named::<A::Id>(row, "_id").is_some_and(|id| here.contains_key(&id)));
    for (row, _) in here {
        outcomes.set(row, Outcome::There);
    }
    Ok(fresh)
}

/// The id of the document that a row is, or that it names in a field; `None` when that is none.
pub(super) fn named<I: std::str::FromStr>(row: &OldRow, field: &str) -> Option<I> {
    row.fields.get(field)?.as_str()?.parse().ok()
}

/// A text of a row; `None` when there is none.
pub(super) fn text<'a>(row: &'a OldRow, field: &str) -> Option<&'a str> {
    row.fields.get(field)?.as_str()
}
