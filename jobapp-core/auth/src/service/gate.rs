//! Slows down who guesses passwords: asked before one is compared, told what came of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jobapp_kernel::{Change, RepositoryError, Stored, in_turn};

use super::Auth;
use crate::attempts::{ATTACK, FREE_FAILURES, Place};
use crate::{Attempts, AttemptsId, AuthError};

/// The attempts whose passwords are being compared, by what they are counted under. Without it, a thousand guesses at once
/// would all be let in before the first of them is found wrong.
#[derive(Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashMap<AttemptsId, u32>>>);

/// One attempt under way, until it is dropped.
struct Turn {
    under_way: UnderWay,
    id: AttemptsId,
}

impl UnderWay {
    /// One more, and how many there are now.
    fn enter(&self, id: AttemptsId) -> (Turn, u32) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(id).or_insert(0);
        *count += 1;
        (Turn { under_way: self.clone(), id }, *count)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.under_way.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.id);
            }
        }
    }
}

/// An attempt that was let in. What came of it must be told: [`Auth::attempt_failed`] or [`Auth::attempt_succeeded`].
pub(super) struct Attempt {
    name: String,
    place: Place,
    counted: Option<Stored<Attempts>>,
    turn: Turn,
}

impl Auth {
    /// Lets an attempt in, unless this place guessed wrong often for this name. `name` need not be anybody's.
    pub(super) async fn attempt(&self, name: String, place: Place) -> Result<Attempt, AuthError> {
        let id = AttemptsId::of(&name, &place);
        // First the turn, then the count: who leaves in between is counted twice rather than never.
        let (turn, under_way) = self.under_way.enter(id);
        let counted = self.ports.attempts.find(&id).await?;
        let now = self.ports.clock.now();
        let (failures, wait) =
            counted.as_ref().map_or((0, Duration::ZERO), |stored| (stored.value.failures(now), stored.value.wait(now)));
        if !wait.is_zero() {
            return Err(AuthError::TooManyAttempts { wait });
        }
        if under_way > FREE_FAILURES.saturating_sub(failures).max(1) {
            return Err(AuthError::TooManyAttempts { wait: Duration::from_secs(1) });
        }
        Ok(Attempt { name, place, counted, turn })
    }

    /// The password was wrong: it is counted before that is answered.
    pub(super) async fn attempt_failed(&self, attempt: Attempt) -> Result<(), AuthError> {
        self.count(attempt.turn.id).await?;
        if matches!(attempt.place, Place::Address(_)) {
            self.count(AttemptsId::of(&attempt.name, &Place::Everywhere)).await?;
        }
        Ok(())
    }

    /// The password was right: the place begins anew.
    pub(super) async fn attempt_succeeded(&self, attempt: Attempt) -> Result<(), AuthError> {
        let Some(stored) = attempt.counted else { return Ok(()) };
        match self.ports.attempts.save(Change::delete(stored.version, stored.value, Vec::new())).await {
            // Somebody guessed wrong from there in this moment; that counts on.
            Ok(_) | Err(RepositoryError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether somebody guesses this name's password from many places.
    pub(super) async fn is_under_attack(&self, name: &str) -> Result<bool, AuthError> {
        let everywhere = self.ports.attempts.find(&AttemptsId::of(name, &Place::Everywhere)).await?;
        let now = self.ports.clock.now();
        Ok(everywhere.is_some_and(|stored| stored.value.failures(now) >= ATTACK))
    }

    async fn count(&self, id: AttemptsId) -> Result<(), AuthError> {
        in_turn(&*self.ports.attempts, &id, || async move {
            let now = self.ports.clock.now();
            let change = match self.ports.attempts.find(&id).await? {
                Some(Stored { value, version }) => Change::update(version, value.failed(now), Vec::new()),
                None => Change::insert(Attempts::none(id, now).failed(now), Vec::new()),
            };
            // The first failure may be counted in another process in the same moment.
            Ok(self.ports.attempts.save(change).await.map(drop).map_err(|error| error.or_look_again(&["id"]))?)
        })
        .await
    }
}
