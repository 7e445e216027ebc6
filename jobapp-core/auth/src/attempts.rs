//! Failed sign-ins, counted so that guessing a password becomes slow for who guesses and for nobody else.
//!
//! A place is a device that is remembered, or the network address of one that is not. Each place has a count of its own for
//! each name that was typed, so nobody can keep somebody else out: the owner's devices and the owner's address are other
//! places. Names nobody has are counted alike. What is stored names neither names nor addresses, only a hash of both.
//!
//! One more count, [`Place::Everywhere`], is of all places that are not remembered. It refuses nobody: when it is high, the
//! words a browser uses for itself, which anybody can repeat, no longer stand for a known device, and a code is mailed.

use core::net::IpAddr;
use std::time::Duration;

use jobapp_kernel::{Aggregate, InvalidState, Key, ObjectId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::SecretHash;

jobapp_kernel::object_id!(
    /// What the failures of one name from one place are counted under.
    AttemptsId
);

/// How many failures from one place cost no wait.
pub const FREE_FAILURES: u32 = 5;
/// The longest wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// How long a failure is remembered.
pub const FAILURES_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How many failures from everywhere mean that somebody guesses from many places.
pub const ATTACK: u32 = 20;

/// Where somebody tries to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A device that is remembered, by the hash of its token.
    Device(SecretHash),
    /// Any other, by its network address; empty when that is not known.
    Address(String),
    /// Somebody who is signed in and proves the password again.
    Session(String),
    /// All of those that are not remembered.
    Everywhere,
}

impl Place {
    /// The place of an address as text. Of IPv6 only the first half counts: who has one such address has 2⁶⁴.
    pub fn of_address(text: &str) -> Self {
        let address = match text.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => address.to_string(),
            Ok(IpAddr::V6(address)) => hex::encode(&address.octets()[..8]),
            Err(_) => String::new(),
        };
        Self::Address(address)
    }
}

impl AttemptsId {
    /// The id for a name, as it is looked up, and a place.
    pub fn of(name: &str, place: &Place) -> Self {
        let (kind, place) = match place {
            Place::Device(hash) => ("device", hash.as_str()),
            Place::Address(address) => ("address", address.as_str()),
            Place::Session(session) => ("session", session.as_str()),
            Place::Everywhere => ("everywhere", ""),
        };
        let mut hash = Sha256::new();
        for part in [kind, place, name] {
            // With its length, so that no two triples become the same text.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [0; 12];
        id.copy_from_slice(&digest[..12]);
        Self(ObjectId::from_bytes(id))
    }
}

/// How often one name was tried in vain from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    id: AttemptsId,
    data: AttemptsV1,
}

impl Attempts {
    /// Counts by the time they can be forgotten.
    pub const REMOVABLE: Key<Self> =
        Key::<Self>::int("removable_at", |attempts| vec![attempts.data.last_at.plus(FAILURES_KEPT).into()]);

    /// No failure yet.
    pub const fn none(id: AttemptsId, now: Timestamp) -> Self {
        Self { id, data: AttemptsV1 { failures: 0, last_at: now } }
    }

    /// How many failures count at `now`.
    pub fn failures(&self, now: Timestamp) -> u32 {
        if now.since(self.data.last_at) < FAILURES_KEPT { self.data.failures } else { 0 }
    }

    /// One more failure.
    #[must_use]
    pub fn failed(mut self, now: Timestamp) -> Self {
        self.data.failures = self.failures(now).saturating_add(1);
        self.data.last_at = now;
        self
    }

    /// One failure less, which was none; `None` when nothing is left to be remembered.
    #[must_use]
    pub fn taken_back(mut self) -> Option<Self> {
        self.data.failures = self.data.failures.saturating_sub(1);
        (self.data.failures > 0).then_some(self)
    }

    /// How long to wait for the next try; zero when there is nothing to wait for. Doubles with each failure.
    pub fn wait(&self, now: Timestamp) -> Duration {
        let Some(doublings) = self.failures(now).checked_sub(FREE_FAILURES) else { return Duration::ZERO };
        let wait = Duration::from_secs(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(LONGEST_WAIT);
        wait.saturating_sub(now.since(self.data.last_at))
    }
}

/// What is stored of a count.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum AttemptsState {
    /// The first form.
    #[serde(rename = "1")]
    V1(StoredAttemptsV1),
}
jobapp_kernel::forms!(AttemptsState { "1" => V1 });

/// The first form of a stored count.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredAttemptsV1 {
    id: AttemptsId,
    #[serde(flatten)]
    data: AttemptsV1,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AttemptsV1 {
    failures: u32,
    last_at: Timestamp,
}

impl Aggregate for Attempts {
    const NAME: &'static str = "sign_in_attempts";
    type Id = AttemptsId;
    type Event = ();
    type State = AttemptsState;

    fn id(&self) -> &AttemptsId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Attempts::REMOVABLE] }
    }

    fn to_state(&self) -> AttemptsState {
        AttemptsState::V1(StoredAttemptsV1 { id: self.id, data: self.data.clone() })
    }

    fn from_state(state: AttemptsState) -> Result<Self, InvalidState> {
        let AttemptsState::V1(StoredAttemptsV1 { id, data }) = state;
        Ok(Self { id, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn failed(times: u32) -> Attempts {
        let id = AttemptsId::of("Marta", &Place::of_address("192.0.2.1"));
        (0..times).fold(Attempts::none(id, at(0)), |attempts, _| attempts.failed(at(0)))
    }

    #[test]
    fn waits_double_after_five_failures_up_to_a_quarter_of_an_hour() {
        let waits: Vec<u64> = (3..=17).map(|times| failed(times).wait(at(0)).as_secs()).collect();
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!(failed(u32::from(u8::MAX)).wait(at(0)), LONGEST_WAIT);
        assert_eq!(failed(8).wait(at(5)).as_secs(), 3, "the wait runs out");
        assert_eq!(failed(8).wait(at(8)).as_secs(), 0);
    }

    #[test]
    fn a_day_without_a_failure_is_a_new_beginning() {
        let day = FAILURES_KEPT.as_secs();
        assert_eq!((failed(9).failures(at(day - 1)), failed(9).failures(at(day))), (9, 0));
        assert_eq!(failed(9).failed(at(day)).failures(at(day)), 1);
    }

    #[test]
    fn places_are_told_apart_and_one_network_is_one_place() {
        let id = |name: &str, place: Place| AttemptsId::of(name, &place);
        let address = Place::of_address;
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_eq!(address("2001:db8:1:2::3"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::3"), address("2001:db8:1:3::3"));
        assert_eq!(address("nonsense"), Place::Address(String::new()));
        let ids = [
            id("Marta", address("192.0.2.1")),
            id("Marta", address("192.0.2.2")),
            id("Bruno", address("192.0.2.1")),
            id("Marta", Place::Everywhere),
            id("Marta", Place::Session("192.0.2.1".into())),
            id("Marta", Place::Device(SecretHash::of("x"))),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn what_is_stored_names_nobody() {
        let text = serde_json::to_string(&failed(3).to_state()).unwrap();
        assert!(!text.contains("Marta") && !text.contains("192.0"), "{text}");
        assert_eq!(Attempts::from_state(serde_json::from_str(&text).unwrap()).unwrap(), failed(3));
    }
}
