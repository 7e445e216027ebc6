//! Who is at one gateway.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// The users at one gateway, counted in connections. A connection that closed may count for a while longer: changing pages
/// is not leaving.
#[derive(Debug, Default)]
pub struct Attendance {
    users: HashMap<Arc<str>, Attendant>,
    /// Connections that closed, in the order in which they stop counting.
    lingering: VecDeque<(Instant, Arc<str>, u64)>,
    /// How many users came.
    came: u64,
}

#[derive(Debug)]
struct Attendant {
    /// How many came before him.
    arrival: u64,
    /// His connections by number, each with the end of its time if it has closed. Few, and most of the time one page's.
    connections: Vec<(u64, Option<Instant>)>,
}

impl Attendance {
    /// A connection of a user is there, or there again. Whether it is his first.
    pub fn enter(&mut self, user: &Arc<str>, number: u64) -> bool {
        if let Some(attendant) = self.users.get_mut(user) {
            match attendant.find(number) {
                Some(place) => attendant.connections[place].1 = None,
                None => attendant.connections.push((number, None)),
            }
            return false;
        }
        self.came += 1;
        self.users.insert(user.clone(), Attendant { arrival: self.came, connections: vec![(number, None)] });
        true
    }

    /// A connection is gone and counts no more. Whether it was its user's last.
    pub fn leave(&mut self, user: &Arc<str>, number: u64) -> bool {
        let Some(attendant) = self.users.get_mut(user) else { return false };
        if let Some(place) = attendant.find(number) {
            attendant.connections.swap_remove(place);
        }
        let last = attendant.connections.is_empty();
        if last {
            self.users.remove(user);
        }
        last
    }

    /// A connection closed and counts until then, unless it is there again before. Later calls have later ends.
    pub fn linger(&mut self, user: &Arc<str>, number: u64, until: Instant) {
        let Some(attendant) = self.users.get_mut(user) else { return };
        let Some(place) = attendant.find(number) else { return };
        attendant.connections[place].1 = Some(until);
        self.lingering.push_back((until, user.clone(), number));
    }

    /// When the next connection stops counting.
    pub fn next_end(&self) -> Option<Instant> {
        self.lingering.front().map(|(until, ..)| *until)
    }

    /// Connections whose time is over count no more. The users who are gone with them.
    pub fn expire(&mut self, now: Instant) -> Vec<Arc<str>> {
        let mut gone = Vec::new();
        while let Some((until, user, number)) = self.lingering.pop_front_if(|(until, ..)| *until <= now) {
            let lingers =
                self.users.get(&user).is_some_and(|attendant| attendant.connections.contains(&(number, Some(until))));
            if lingers && self.leave(&user, number) {
                gone.push(user);
            }
        }
        gone
    }

    /// A user counts no more, whatever is connected. Whether he did.
    pub fn off(&mut self, user: &str) -> bool {
        self.users.remove(user).is_some()
    }

    /// Everybody who is here, in the order in which they came.
    pub fn users(&self) -> Vec<Arc<str>> {
        let mut users: Vec<_> = self.users.iter().collect();
        users.sort_unstable_by_key(|(_, attendant)| attendant.arrival);
        users.into_iter().map(|(user, _)| user.clone()).collect()
    }
}

impl Attendant {
    fn find(&self, number: u64) -> Option<usize> {
        self.connections.iter().position(|(known, _)| *known == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn anna() -> Arc<str> {
        "Anna".into()
    }

    #[test]
    fn a_user_is_here_from_his_first_connection_to_his_last() {
        let mut here = Attendance::default();
        assert!(here.enter(&anna(), 1));
        assert!(!here.enter(&anna(), 2));
        assert!(!here.enter(&anna(), 2), "it is known");
        assert!(!here.leave(&anna(), 1));
        assert!(!here.leave(&anna(), 7), "it is not known");
        assert!(here.leave(&anna(), 2));
        assert!(!here.leave(&anna(), 2));
        assert!(here.users().is_empty());
    }

    #[test]
    fn they_are_told_in_the_order_in_which_they_came() {
        let mut here = Attendance::default();
        for (number, user) in (1..).zip(["Bert", "Anna", "Cora", "Bert"]) {
            here.enter(&user.into(), number);
        }
        assert_eq!(here.users().iter().map(|user| &**user).collect::<Vec<_>>(), ["Bert", "Anna", "Cora"]);
    }

    #[test]
    fn who_changes_pages_stays_and_who_does_not_come_back_goes() {
        let mut here = Attendance::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(2);
        for number in 1..=2 {
            here.enter(&anna(), number);
            here.linger(&anna(), number, later);
        }
        assert_eq!(here.next_end(), Some(later));
        assert!(here.expire(now).is_empty());
        here.enter(&anna(), 3);
        assert!(here.expire(later).is_empty(), "the new page is there");
        here.linger(&anna(), 3, later);
        assert_eq!(here.expire(later), [anna()]);
        assert_eq!(here.next_end(), None);
    }

    #[test]
    fn a_connection_that_is_there_again_does_not_end_with_its_earlier_life() {
        let mut here = Attendance::default();
        let now = Instant::now();
        here.enter(&anna(), 1);
        here.linger(&anna(), 1, now);
        here.enter(&anna(), 1);
        assert!(here.expire(now).is_empty());
        here.linger(&anna(), 1, now + Duration::from_secs(1));
        assert!(here.expire(now).is_empty());
        assert_eq!(here.expire(now + Duration::from_secs(1)), [anna()]);
    }

    #[test]
    fn off_is_off_whatever_is_connected() {
        let mut here = Attendance::default();
        let now = Instant::now();
        here.enter(&anna(), 1);
        here.enter(&anna(), 2);
        here.linger(&anna(), 2, now);
        assert!(here.off("Anna"));
        assert!(!here.off("Anna"));
        here.linger(&anna(), 1, now);
        assert!(here.expire(now).is_empty());
        assert!(here.users().is_empty());
    }
}
