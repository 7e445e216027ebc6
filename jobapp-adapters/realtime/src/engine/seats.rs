//! How many connections there may be.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    /// The user has as many as he may.
    #[error("too many connections")]
    User,
    /// The gateway has as many as it can hold.
    #[error("no more connections can be held")]
    House,
}

/// Counts connections from the handshake to the end.
#[derive(Debug)]
pub(crate) struct Seats {
    per_user: usize,
    in_all: usize,
    anonymous: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    anonymous: usize,
    of_user: HashMap<Arc<str>, usize>,
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    user: Option<Arc<str>>,
}

impl Seats {
    pub(crate) fn new(per_user: usize, in_all: usize, anonymous: usize) -> Arc<Self> {
        Arc::new(Self { per_user, in_all, anonymous, taken: Mutex::default() })
    }

    /// A place for a connection of this user, or of nobody.
    pub(crate) fn take(self: &Arc<Self>, user: Option<&Arc<str>>) -> Result<Seat, Full> {
        let mut taken = self.taken.lock();
        if taken.in_all >= self.in_all {
            return Err(Full::House);
        }
        match user {
            Some(user) => {
                let own = taken.of_user.entry(user.clone()).or_default();
                if *own >= self.per_user {
                    return Err(Full::User);
                }
                *own += 1;
            }
            None if taken.anonymous >= self.anonymous => return Err(Full::House),
            None => taken.anonymous += 1,
        }
        taken.in_all += 1;
        Ok(Seat { seats: self.clone(), user: user.cloned() })
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().in_all
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        taken.in_all -= 1;
        let Some(user) = &self.user else {
            taken.anonymous -= 1;
            return;
        };
        if let Some(own) = taken.of_user.get_mut(user) {
            *own -= 1;
            if *own == 0 {
                taken.of_user.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Arc<str> {
        name.into()
    }

    #[test]
    fn a_user_has_so_many_and_no_more_until_one_is_given_back() {
        let seats = Seats::new(2, 10, 10);
        let anna = user("Anna");
        let first = seats.take(Some(&anna)).unwrap();
        let _second = seats.take(Some(&anna)).unwrap();
        assert_eq!(seats.take(Some(&anna)).unwrap_err(), Full::User);
        assert!(seats.take(Some(&user("Bert"))).is_ok());
        drop(first);
        assert!(seats.take(Some(&anna)).is_ok());
    }

    #[test]
    fn the_house_and_the_anonymous_have_their_own_bounds() {
        let seats = Seats::new(9, 3, 1);
        let _nobody = seats.take(None).unwrap();
        assert_eq!(seats.take(None).unwrap_err(), Full::House);
        let _anna = seats.take(Some(&user("Anna"))).unwrap();
        let _bert = seats.take(Some(&user("Bert"))).unwrap();
        assert_eq!(seats.take(Some(&user("Cora"))).unwrap_err(), Full::House);
        assert_eq!(seats.taken(), 3);
    }

    #[test]
    fn nothing_is_remembered_of_users_who_are_gone() {
        let seats = Seats::new(9, 9, 9);
        drop(seats.take(Some(&user("Anna"))).unwrap());
        drop(seats.take(None).unwrap());
        let taken = seats.taken.lock();
        assert!(taken.of_user.is_empty());
        assert_eq!((taken.in_all, taken.anonymous), (0, 0));
    }
}
