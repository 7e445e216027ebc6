//! What the owners of this process have in their hands.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jobapp_kernel::MessageId;

use super::runs::Runs;

/// The numbers of the entries that were leased last, by owner. Entries are asked for by their ids, and found by their numbers: an index by ids
/// would be written at every save, and again when they go.
#[derive(Default)]
pub(crate) struct Hands(Mutex<HashMap<String, HashMap<MessageId, i64>>>);

impl Hands {
    /// An owner has these and no others.
    pub(super) fn put(&self, owner: &str, entries: impl Iterator<Item = (MessageId, i64)>) {
        let hand: HashMap<_, _> = entries.collect();
        let mut hands = self.all();
        if hand.is_empty() {
            hands.remove(owner);
        } else {
            hands.insert(owner.to_owned(), hand);
        }
    }

    /// The number of an entry that an owner has.
    pub(super) fn number(&self, owner: &str, id: &MessageId) -> Option<i64> {
        self.all().get(owner)?.get(id).copied()
    }

    /// The numbers of those entries that an owner has.
    pub(super) fn numbers(&self, owner: &str, ids: &[MessageId]) -> Runs {
        let hands = self.all();
        let numbers = hands.get(owner).map(|hand| ids.iter().filter_map(|id| hand.get(id).copied()).collect());
        Runs::of(numbers.unwrap_or_default())
    }

    /// The numbers of those that an owner has besides these.
    pub(super) fn besides<'i>(&self, owner: &str, ids: impl Iterator<Item = &'i MessageId>) -> Runs {
        let mut hand = self.all().get(owner).cloned().unwrap_or_default();
        for id in ids {
            hand.remove(id);
        }
        Runs::of(hand.into_values().collect())
    }

    /// An owner has these no more.
    pub(super) fn forget<'i>(&self, owner: &str, ids: impl Iterator<Item = &'i MessageId>) {
        if let Some(hand) = self.all().get_mut(owner) {
            for id in ids {
                hand.remove(id);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, HashMap<MessageId, i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
