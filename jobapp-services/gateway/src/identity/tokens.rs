//! Access tokens, verified once a minute: each request of a page brings the same one.

use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use http::HeaderValue;
use jobapp_http::{Caller, InvalidToken, UserClaims, UserTokens, Validity};
use moka::sync::Cache;

/// For how long a verified token is believed without another look at its signature.
const BELIEVED: Duration = Duration::from_secs(60);
/// How many are remembered.
const MOST: u64 = 10_000;

/// Verifies users' access tokens.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    users: UserTokens,
    /// Only good tokens come in, so nobody can choose what collides.
    good: Cache<Box<str>, Arc<Signed>, RandomState>,
}

/// Who is signed in by a verified access token.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) caller: Caller,
    /// The caller's name, for whoever needs it after the request is over.
    pub(crate) name: Arc<str>,
    /// What tells services so: the token as the value of `Authorization`.
    pub(crate) bearer: HeaderValue,
    /// Looked at each time: the token may have expired since it was verified, and the clock may have been set.
    validity: Validity,
}

impl Signed {
    /// By a token that was verified, with its claims and its time.
    ///
    /// # Errors
    /// [`InvalidToken`] if it may not stand in a header.
    pub(crate) fn by(token: &str, claims: UserClaims, validity: Validity) -> Result<Self, InvalidToken> {
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| InvalidToken { expired: false })?;
        bearer.set_sensitive(true);
        let name = claims.username.as_str().into();
        Ok(Self { caller: Caller { claims }, name, bearer, validity })
    }
}

impl Tokens {
    /// By these rules.
    pub(crate) fn new(users: UserTokens) -> Self {
        Self {
            users,
            good: Cache::builder().time_to_live(BELIEVED).max_capacity(MOST).build_with_hasher(RandomState::default()),
        }
    }

    /// Who a good token speaks for. Whether its session was ended is another question.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Signed>, InvalidToken> {
        if let Some(good) = self.good.get(token)
            && good.validity.check().is_ok()
        {
            return Ok(good);
        }
        let (claims, validity) = self.users.verify_timed(token)?;
        let signed = Arc::new(Signed::by(token, claims, validity)?);
        // Tokens of another system may have no end; they are verified each time.
        if validity.expires().is_some() {
            self.good.insert(token.into(), Arc::clone(&signed));
        }
        Ok(signed)
    }

    /// The claims of a token that was good once, however long ago.
    ///
    /// # Errors
    /// [`InvalidToken`] for a token that never was ours.
    pub(crate) fn verify_expired(&self, token: &str) -> Result<UserClaims, InvalidToken> {
        self.users.verify_expired(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_http::{SecretString, TokenKeys};

    fn tokens(secret: &str, lifetime: u64) -> UserTokens {
        UserTokens::new(TokenKeys::single(&SecretString::from(secret.to_owned())), lifetime)
    }

    fn marta() -> UserClaims {
        UserClaims { id: 7, email: "m@example.org".into(), username: "Marta".into(), sid: "s".into(), role: None }
    }

    #[test]
    fn a_token_is_verified_once_and_a_forged_one_never() {
        let users = tokens("one", 900);
        let verifier = Tokens::new(users.clone());
        let good = users.issue(&marta()).unwrap();
        for _ in 0..2 {
            let signed = verifier.verify(&good).unwrap();
            assert_eq!(
                (&signed.caller.claims, signed.bearer.to_str().unwrap()),
                (&marta(), &*format!("Bearer {good}"))
            );
        }
        assert!(verifier.good.contains_key(good.as_str()));
        let (head, signature) = good.rsplit_once('.').unwrap();
        let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
        for bad in [forged, format!("{good} "), tokens("two", 900).issue(&marta()).unwrap(), String::new()] {
            assert!(verifier.verify(&bad).is_err());
            assert!(!verifier.good.contains_key(bad.as_str()));
        }
    }

    #[test]
    fn a_remembered_token_is_good_as_long_as_one_that_is_verified_anew() {
        let users = tokens("one", 900);
        let verifier = Tokens::new(users.clone());
        let token = users.issue(&marta()).unwrap();
        let (_, validity) = users.verify_timed(&token).unwrap();
        let now = validity.expires().unwrap() - 900;
        for (issued, expires, good) in [
            (now - 900, now, false),
            (now - 900, now + 60, true),
            (now + 40, now + 940, true),
            (now + 900, now + 1800, false),
        ] {
            let signed = Signed::by(&token, marta(), Validity::new(issued, Some(expires))).unwrap();
            verifier.good.insert("not.a.token".into(), Arc::new(signed));
            assert_eq!(verifier.verify("not.a.token").is_ok(), good, "{issued} {expires}");
        }
    }
}
