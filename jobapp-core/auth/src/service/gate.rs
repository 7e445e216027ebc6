//! Slows down who guesses: every try is counted before it is compared.

use std::sync::Arc;

use jobapp_kernel::{About, Change, RepositoryError, Stored, decided};

use super::Auth;
use crate::attempts::{ATTACK, Place};
use crate::{Attempts, AttemptsId, AuthError};

impl Auth {
    /// Compares what somebody says with what is right, unless this place guessed wrong often for this name. `name` need not be
    /// anybody's. `compare` finds out; `None` when it was wrong.
    ///
    /// A try counts as wrong in the store before it is compared, so that of a thousand at once, at several processes, no more
    /// are let in than one after the other. What was right is taken back, and so is what could not be compared. A caller who
    /// goes away meanwhile has had his try.
    pub(super) async fn attempt<T>(
        &self,
        name: &str,
        place: Place,
        compare: impl Future<Output = Result<Option<T>, AuthError>>,
    ) -> Result<Option<T>, AuthError> {
        let id = AttemptsId::of(name, &place);
        let counted = self.count(id, true).await?;
        let compared = compare.await;
        match &compared {
            Ok(Some(_)) => self.begin_anew(counted).await?,
            Ok(None) if matches!(place, Place::Address(_)) => {
                self.count(AttemptsId::of(name, &Place::Everywhere), false).await?;
            }
            Ok(None) => {}
            Err(_) => self.take_back(id).await?,
        }
        compared
    }

    /// Whether somebody guesses this name's password from many places.
    pub(super) async fn is_under_attack(&self, name: &str) -> Result<bool, AuthError> {
        let everywhere = self.ports.attempts.find(&AttemptsId::of(name, &Place::Everywhere)).await?;
        let now = self.ports.clock.now();
        Ok(everywhere.is_some_and(|stored| stored.value.failures(now) >= ATTACK))
    }

    /// Counts one more, unless there is something to wait for and `may_wait`.
    async fn count(&self, id: AttemptsId, may_wait: bool) -> Result<Stored<Attempts>, AuthError> {
        let clock = Arc::clone(&self.ports.clock);
        let count = move |stored: Option<Stored<Attempts>>| {
            let now = clock.now();
            let wait = stored.as_ref().map(|stored| stored.value.wait(now)).unwrap_or_default();
            if may_wait && !wait.is_zero() {
                return Err(AuthError::TooManyAttempts { wait });
            }
            let (value, change) = match stored {
                Some(Stored { value, version }) => {
                    let value = value.failed(now);
                    (value.clone(), Change::update(version, value, Vec::new()))
                }
                None => {
                    let value = Attempts::none(id, now).failed(now);
                    (value.clone(), Change::insert(value, Vec::new()))
                }
            };
            Ok((value, Some(change)))
        };
        let (value, saved) = decided(&*self.ports.attempts, About::Id(id), count).await?;
        Ok(Stored { value, version: saved.and_then(|saved| saved.version()).unwrap_or_default() })
    }

    /// It was right: the place begins anew.
    async fn begin_anew(&self, counted: Stored<Attempts>) -> Result<(), AuthError> {
        let id = *jobapp_kernel::Aggregate::id(&counted.value);
        match self.ports.attempts.save(Change::delete(counted.version, counted.value, Vec::new())).await {
            Ok(_) => Ok(()),
            // Others tried from there in this moment; that counts on.
            Err(RepositoryError::Conflict { .. }) => self.take_back(id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// One less.
    async fn take_back(&self, id: AttemptsId) -> Result<(), AuthError> {
        let take_back = |stored: Option<Stored<Attempts>>| {
            let change = stored.map(|Stored { value, version }| match value.clone().taken_back() {
                Some(value) => Change::update(version, value, Vec::new()),
                None => Change::delete(version, value, Vec::new()),
            });
            Ok::<_, AuthError>(((), change))
        };
        decided(&*self.ports.attempts, About::Id(id), take_back).await.map(drop)
    }
}
