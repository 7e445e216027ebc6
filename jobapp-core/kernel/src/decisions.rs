//! Decisions: what is there is read, what becomes of it is decided and stored, in one step of the store.

use std::sync::{Arc, Mutex, PoisonError};

use crate::turns::{thing, thing_by};
use crate::{
    Aggregate, Change, ErrorKind, Key, KeyValue, Kinded, PageRequest, Repository, RepositoryError, Saved, Stored,
};

/// How often it is decided anew because another process was faster. In this process nobody is.
const TRIES: usize = 32;

/// What is decided about.
#[derive(Debug, Clone)]
pub enum About<A: Aggregate> {
    /// The value with this id.
    Id(A::Id),
    /// The value that has this for a unique key.
    Holder(Key<A>, KeyValue),
    /// The last of those that have a value for a key, in the key's order.
    Last {
        /// The key.
        of: Key<A>,
        /// Its value.
        value: KeyValue,
        /// The unique key by which each has its place in that order. Who finds the next place taken by another process looks
        /// again.
        place: Key<A>,
    },
}

impl<A: Aggregate> About<A> {
    /// Whose turn has to be waited for, as [`crate::turn`] and [`crate::turn_by`] know it.
    fn thing(&self) -> String {
        match self {
            Self::Id(id) => thing::<A>(id),
            Self::Holder(key, value) | Self::Last { of: key, value, .. } => thing_by(key, value),
        }
    }

    /// The unique keys that another process may take between the look and the save.
    pub fn contended(&self) -> &[&'static str] {
        match self {
            Self::Id(_) => &["id"],
            Self::Holder(key, _) => std::slice::from_ref(&key.name),
            Self::Last { place, .. } => std::slice::from_ref(&place.name),
        }
    }
}

/// From what is there to what becomes of it; `None` leaves it as it is. It is asked again when another process was faster and
/// when the store could not keep what came of it the first time, so it says the same for the same.
pub type Decision<A> = Box<dyn FnMut(Option<Stored<A>>) -> Option<Change<A>> + Send>;

/// Has the store decide about something, and returns what `decide` found besides and what became of the change, if there was
/// one. Those who decide about the same thing at the same time are let in one after the other, and share one wait for the disk
/// where the store can do so: this is the way to change what many write at once.
///
/// `decide` runs where the store works: it neither waits nor asks anybody.
///
/// # Errors
/// What `decide` fails with, after which nothing is stored; what [`Repository::decide`] fails with.
pub async fn decided<A, T, E>(
    repository: &dyn Repository<A>,
    about: About<A>,
    mut decide: impl FnMut(Option<Stored<A>>) -> Result<(T, Option<Change<A>>), E> + Send + 'static,
) -> Result<(T, Option<Saved>), E>
where
    A: Aggregate,
    T: Send + 'static,
    E: From<RepositoryError> + Send + 'static,
{
    let found = Arc::new(Mutex::new(None));
    let of = Arc::clone(&found);
    let decision: Decision<A> = Box::new(move |stored| {
        let (found, change) = match decide(stored) {
            Ok((found, change)) => (Ok(found), change),
            Err(error) => (Err(error), None),
        };
        *of.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        change
    });
    let saved = repository.decide(about, decision).await?;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    let unasked = || RepositoryError::unavailable(format!("change one {}", A::NAME), "the store decided nothing");
    Ok((found.ok_or_else(unasked)??, saved))
}

/// How a store decides that reads and saves in two steps: in one's turn, and again as long as another process is faster.
pub(crate) async fn in_two_steps<A, R>(
    repository: &R,
    about: About<A>,
    mut decide: Decision<A>,
) -> Result<Option<Saved>, RepositoryError>
where
    A: Aggregate,
    R: Repository<A> + ?Sized,
{
    let _turn = repository.turns().take(about.thing()).await;
    for _ in 0..TRIES {
        let stored = match &about {
            About::Id(id) => repository.find(id).await?,
            About::Holder(key, value) => repository.find_by(*key, value.clone()).await?,
            About::Last { of, value, .. } => {
                let page = repository.list(*of, value.clone(), PageRequest::newest(1)).await?;
                page.items.into_iter().next()
            }
        };
        let Some(change) = decide(stored) else { return Ok(None) };
        match repository.save(change).await.map_err(|error| error.or_look_again(about.contended())) {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            other => return other.map(Some),
        }
    }
    Err(RepositoryError::overtaken(A::NAME))
}
