//! Refresh tokens: what they are made of.
//!
//! A token is `<session id>.<256 random bits>.<seal>`. The seal is a MAC of the random bits under a key of the session, so a
//! session knows its own tokens, spent ones too, without remembering them, and nobody can end somebody's session with an
//! invented one. Only the newest token is worth anything; of that the store has a hash, so reading the store signs nobody in.

use std::fmt;

use jobapp_kernel::ObjectId;
use subtle::ConstantTimeEq;

use crate::secret::{mac, random};
use crate::{SecretHash, Secrets, SessionId};

/// A refresh token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RefreshToken {
    session: SessionId,
    random: [u8; 32],
    seal: [u8; 32],
}

impl RefreshToken {
    /// Reads a token. `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (session, random, seal) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let bytes = |digits: &str| -> Option<[u8; 32]> { hex::decode(digits).ok()?.try_into().ok() };
        let session: ObjectId = session.parse().ok()?;
        Some(Self { session: session.into(), random: bytes(random)?, seal: bytes(seal)? })
    }

    /// The session it belongs to, if it is genuine.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The text for its owner.
    pub fn expose(&self) -> String {
        format!("{}.{}.{}", self.session, hex::encode(self.random), hex::encode(self.seal))
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash::of(&self.expose())
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, [secret])", self.session)
    }
}

/// Makes the tokens of one session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mint {
    pub(crate) session: SessionId,
    pub(crate) key: [u8; 32],
}

impl Mint {
    fn seal(&self, random: [u8; 32]) -> RefreshToken {
        RefreshToken { session: self.session, random, seal: mac(&self.key, &[b"seal", &random]) }
    }

    /// The first token.
    pub(crate) fn first(&self, secrets: &dyn Secrets) -> RefreshToken {
        self.seal(random(secrets))
    }

    /// The successor of a token for this nonce. Who has the token and the nonce can make it again; either alone is worth
    /// nothing. The nonce is stored as long as the successor may be asked for, instead of the successor itself.
    pub(crate) fn successor(&self, of: &RefreshToken, nonce: &[u8; 32]) -> RefreshToken {
        self.seal(mac(&of.random, &[b"successor", nonce]))
    }

    /// Whether this session made the token.
    pub(crate) fn made(&self, token: &RefreshToken) -> bool {
        token.session == self.session && bool::from(token.seal.ct_eq(&self.seal(token.random).seal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingSecrets;

    fn mint() -> Mint {
        Mint { session: ObjectId::from_bytes([7; 12]).into(), key: [9; 32] }
    }

    #[test]
    fn tokens_survive_a_round_trip_and_are_not_printed() {
        let token = mint().first(&CountingSecrets::default());
        assert_eq!(RefreshToken::parse(&token.expose()).unwrap(), token);
        assert!(!format!("{token:?}").contains(&hex::encode(token.random)));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let token = mint().first(&CountingSecrets::default()).expose();
        for text in ["", "undefined", "a.b.c", &token[1..], &format!("{token}.x"), &format!("{token}00")] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_its_own_tokens_carry_its_seal() {
        let token = mint().first(&CountingSecrets::default());
        assert!(mint().made(&token));
        assert!(mint().made(&mint().successor(&token, &[1; 32])));
        assert!(!Mint { key: [8; 32], ..mint() }.made(&token));
        let forged = RefreshToken { random: [0; 32], ..token };
        assert!(!mint().made(&forged));
    }
}
