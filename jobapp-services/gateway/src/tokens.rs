//! Access tokens, verified once a minute: each request of a page brings the same one.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::quality::RandomState;
use http::HeaderValue;
use jobapp_http::{Caller, InvalidToken, UserClaims, UserTokens};
use moka::sync::Cache;
use serde::Deserialize;

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
    /// What tells services so: the token as the value of `Authorization`.
    pub(crate) bearer: HeaderValue,
    /// Unix seconds. Tokens of another system may have no end; they are looked at each time.
    expires: Option<u64>,
}

impl Signed {
    /// By a token that was verified, with its claims.
    ///
    /// # Errors
    /// [`InvalidToken`] if it may not stand in a header.
    pub(crate) fn by(token: &str, claims: UserClaims) -> Result<Self, InvalidToken> {
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| InvalidToken { expired: false })?;
        bearer.set_sensitive(true);
        Ok(Self { caller: Caller { claims }, bearer, expires: expiry(token) })
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
            && good.expires.is_some_and(|expires| unix_now() < expires)
        {
            return Ok(good);
        }
        let signed = Arc::new(Signed::by(token, self.users.verify(token)?)?);
        if signed.expires.is_some() {
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

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}

/// When a verified token ends.
fn expiry(token: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Expiry {
        exp: u64,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Expiry>(&claims).ok().map(|claims| claims.exp)
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
    fn a_remembered_token_ends_when_it_ends() {
        let users = tokens("one", 900);
        let verifier = Tokens::new(users.clone());
        let token = users.issue(&marta()).unwrap();
        let now = unix_now();
        assert!(expiry(&token).is_some_and(|expires| (now..=now + 901).contains(&expires)));
        let over = Arc::new(Signed { expires: Some(now), ..Signed::by(&token, marta()).unwrap() });
        verifier.good.insert("not.a.token".into(), over);
        assert!(verifier.verify("not.a.token").is_err());
    }
}
