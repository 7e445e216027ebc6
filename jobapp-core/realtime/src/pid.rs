//! The private ids of sockets.

use sha2::{Digest, Sha256};

use crate::position::Position;

/// The private id of a socket: what it shows to resume, together with the last offset it got. It says where the socket
/// began, so that nothing need be remembered for sockets that are gone, and any gateway can read it. It opens nothing: the
/// session says who somebody is, the id only ties a socket to the same user as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pid(String);

impl Pid {
    /// A new one for a socket of this user, which gets everything after `from`. `random` is 16 letters, digits, dashes and
    /// underscores, or more, that nobody can guess.
    pub fn issue(random: &str, user: &str, from: Position) -> Self {
        debug_assert!(is_random(random), "{random}");
        Self(format!("{random}.{}.{from}", tag(user)))
    }

    /// The same id again, and after which position its socket has missed something. `None` for another user's and for
    /// texts that are none.
    pub fn resume(text: &str, offset: Option<&str>, user: &str) -> Option<(Self, Position)> {
        let mut parts = text.split('.');
        let (random, owner, began) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || !is_random(random) || owner != tag(user) {
            return None;
        }
        let began: Position = began.parse().ok()?;
        let last = match offset {
            Some(offset) => offset.parse().ok()?,
            None => began,
        };
        // A client keeps the offset of an earlier life until it gets the next event.
        Some((Self(text.to_owned()), last.max(began)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The public id of the socket: the same as long as the private one is, which cannot be told from it.
    pub fn socket_id(&self) -> String {
        hex::encode(&Sha256::digest(self.0.as_bytes())[..10])
    }
}

fn tag(user: &str) -> String {
    hex::encode(&Sha256::digest(user.as_bytes())[..6])
}

/// Whether this may be the random part of an id: long enough, and no longer than it need be.
fn is_random(text: &str) -> bool {
    (16..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "AAAAAAAAAAAAAAHs";

    fn at(number: u64) -> Position {
        Position { era: 7, number }
    }

    #[test]
    fn a_private_id_leads_back_to_where_its_socket_began_or_stopped() {
        let pid = Pid::issue(RANDOM, "Anna", at(4));
        assert_eq!(Pid::resume(pid.as_str(), None, "Anna"), Some((pid.clone(), at(4))));
        assert_eq!(Pid::resume(pid.as_str(), Some(&at(6).to_string()), "Anna"), Some((pid.clone(), at(6))));
        // The offset of an earlier life.
        assert_eq!(Pid::resume(pid.as_str(), Some(&at(2).to_string()), "Anna"), Some((pid, at(4))));
    }

    #[test]
    fn a_private_id_of_somebody_else_or_of_nobody_leads_nowhere() {
        let pid = Pid::issue(RANDOM, "Anna", at(4));
        assert_eq!(Pid::resume(pid.as_str(), None, "Bert"), None);
        for text in ["", ".", "a.b.c", "a.b.c.d", &format!("{}.x", pid.as_str()), &pid.as_str()[1..]] {
            assert_eq!(Pid::resume(text, None, "Anna"), None, "{text}");
        }
        assert_eq!(Pid::resume(pid.as_str(), Some("nonsense"), "Anna"), None);
    }

    #[test]
    fn the_public_id_follows_the_private_one() {
        let pid = Pid::issue(RANDOM, "Anna", at(4));
        assert_eq!(pid.socket_id(), pid.socket_id());
        assert_eq!(pid.socket_id().len(), 20);
        assert_ne!(pid.socket_id(), Pid::issue("AAAAAAAAAAAAAAHt", "Anna", at(4)).socket_id());
    }
}
