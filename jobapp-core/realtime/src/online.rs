//! What a gateway knows of who is online.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::presence::Change;

/// Everybody who is online. A gateway keeps it up to date by the changes it hears of, so that nobody need be asked.
#[derive(Debug, Clone, Default)]
pub struct Online {
    by_arrival: BTreeMap<u64, Arc<str>>,
    arrivals: HashMap<Arc<str>, u64>,
    /// How often somebody came.
    came: u64,
}

impl Online {
    /// These are online, the newest first.
    pub fn new<U: Into<Arc<str>>>(newest_first: impl DoubleEndedIterator<Item = U>) -> Self {
        let mut online = Self::default();
        for user in newest_first.rev() {
            online.apply(&Change::Came(user.into()));
        }
        online
    }

    /// Somebody came or went. Whether that was not known yet.
    pub fn apply(&mut self, change: &Change) -> bool {
        match change {
            Change::Came(user) if self.arrivals.contains_key(user) => false,
            Change::Came(user) => {
                self.came += 1;
                self.by_arrival.insert(self.came, user.clone());
                self.arrivals.insert(user.clone(), self.came);
                true
            }
            Change::Went(user) => match self.arrivals.remove(user) {
                Some(arrival) => self.by_arrival.remove(&arrival).is_some(),
                None => false,
            },
        }
    }

    /// Everybody, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &str> {
        self.by_arrival.values().rev().map(|user| &**user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(online: &Online) -> Vec<&str> {
        online.newest_first().collect()
    }

    #[test]
    fn who_comes_is_the_newest_and_who_goes_and_comes_back_is_so_again() {
        let mut online = Online::new(["Bert", "Anna"].into_iter());
        assert_eq!(names(&online), ["Bert", "Anna"]);
        assert!(online.apply(&Change::Came("Cora".into())));
        assert!(!online.apply(&Change::Came("Anna".into())), "she is there already");
        assert_eq!(names(&online), ["Cora", "Bert", "Anna"]);
        assert!(online.apply(&Change::Went("Anna".into())));
        assert!(!online.apply(&Change::Went("Anna".into())));
        online.apply(&Change::Came("Anna".into()));
        assert_eq!(names(&online), ["Anna", "Cora", "Bert"]);
    }
}
