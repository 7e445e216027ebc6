//! The two tokens of the wire: the user's access token and the gateway's token. Both are JWTs signed with HS256.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why a token was refused. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is missing, expired or not ours")]
pub struct InvalidToken {
    /// Whether it was ours and good, but its time is over.
    pub expired: bool,
}

/// How far ahead of ours the clock that issued a token may have been, in seconds: another machine's, or our own before it was
/// set back. Together with the time an access token lives it stays below the twenty minutes for which a gateway remembers
/// that a session ended, so that no token outlives its session.
const CLOCKS_DIFFER: u64 = 240;
/// For how long a token that was good is good for whoever it is passed on to, in seconds: calls take their time, and clocks
/// of machines differ.
const PASSED_ON: u64 = 60;

/// The secrets tokens are signed with: the first signs, all verify. Each has a key id, so that secrets can be changed
/// without signing anybody out.
#[derive(Clone)]
pub struct TokenKeys(Arc<Vec<(String, EncodingKey, DecodingKey)>>);

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, ..)| id)).finish()
    }
}

impl TokenKeys {
    /// One secret, with the key id `1`.
    pub fn single(secret: &SecretString) -> Self {
        Self::ring([("1".to_owned(), secret)])
    }

    /// Several secrets by key id; the first one signs.
    pub fn ring<'a>(secrets: impl IntoIterator<Item = (String, &'a SecretString)>) -> Self {
        let key = |(id, secret): (String, &'a SecretString)| {
            let bytes = secret.expose_secret().as_bytes();
            (id, EncodingKey::from_secret(bytes), DecodingKey::from_secret(bytes))
        };
        Self(Arc::new(secrets.into_iter().map(key).collect()))
    }

    fn sign<C: Serialize>(&self, claims: &C) -> Result<String, InvalidToken> {
        let (id, key, _) = self.0.first().ok_or(REFUSED)?;
        let header = Header { kid: Some(id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, key).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            REFUSED
        })
    }

    /// The claims of a token that names one of our keys and was signed with that one. Nothing else in the header is believed:
    /// not the algorithm, nor a key or the address of one.
    fn verify<C: DeserializeOwned>(&self, token: &str, validation: &Validation) -> Result<C, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| REFUSED)?;
        let is_plain = header.alg == Algorithm::HS256
            && header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"))
            && header.crit.is_none();
        let wanted = header.kid.filter(|_| is_plain).ok_or(REFUSED)?;
        let (.., key) = self.0.iter().find(|(id, ..)| *id == wanted).ok_or(REFUSED)?;
        decode(token, key, validation)
    }

    /// The claims of a token of the reference system, which names no key.
    fn verify_unnamed<C: DeserializeOwned>(&self, token: &str) -> Result<C, InvalidToken> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims::<&str>(&[]);
        validation.validate_aud = false;
        self.0.iter().find_map(|(.., key)| decode(token, key, &validation).ok()).ok_or(REFUSED)
    }
}

const REFUSED: InvalidToken = InvalidToken { expired: false };

fn decode<C: DeserializeOwned>(token: &str, key: &DecodingKey, validation: &Validation) -> Result<C, InvalidToken> {
    match jsonwebtoken::decode::<C>(token, key, validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(InvalidToken { expired: matches!(error.kind(), ErrorKind::ExpiredSignature) }),
    }
}

const ISSUER: &str = "jobapp";
const USER_AUDIENCE: &str = "jobapp-users";

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// From when to when a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    issued: u64,
    expires: Option<u64>,
}

impl Validity {
    /// From `issued` to before `expires`, in Unix seconds. Tokens of another system may have no end.
    pub const fn new(issued: u64, expires: Option<u64>) -> Self {
        Self { issued, expires }
    }

    /// When it ends, if it does.
    pub const fn expires(self) -> Option<u64> {
        self.expires
    }

    /// Whether it is good now. A token from the future, issued by a clock that was ahead by more than a few minutes, is not
    /// good yet.
    ///
    /// # Errors
    /// [`InvalidToken`] when it is not.
    pub fn check(self) -> Result<(), InvalidToken> {
        self.check_at(unix_now(), 0)
    }

    fn check_at(self, now: u64, grace: u64) -> Result<(), InvalidToken> {
        if self.issued > now.saturating_add(CLOCKS_DIFFER + grace) {
            return Err(REFUSED);
        }
        let expired = self.expires.is_some_and(|expires| expires.saturating_add(grace) <= now);
        if expired { Err(InvalidToken { expired }) } else { Ok(()) }
    }
}

/// The claims of a user's access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserClaims {
    /// The account's number.
    pub id: i64,
    /// Lower case.
    pub email: String,
    /// Stored form.
    pub username: String,
    /// The session the token belongs to.
    #[serde(default)]
    pub sid: String,
    /// `operator` for people who run the marketplace; absent for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct UserToken {
    #[serde(flatten)]
    user: UserClaims,
    iss: String,
    aud: String,
    typ: String,
    iat: u64,
    exp: u64,
}

/// The claims of a user's token of the reference system: these and no others, so that none of our own is one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceUser {
    id: i64,
    email: String,
    username: String,
    iat: u64,
}

/// Signs and verifies users' access tokens.
#[derive(Clone, Debug)]
pub struct UserTokens {
    keys: TokenKeys,
    validation: Arc<Validation>,
    lifetime: u64,
    reference: Option<TokenKeys>,
}

impl UserTokens {
    /// Tokens that live `lifetime` seconds: 900 by the design.
    pub fn new(keys: TokenKeys, lifetime: u64) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[USER_AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Its time is looked at apart, in the same way wherever the token comes by.
        validation.validate_exp = false;
        validation.validate_nbf = true;
        validation.leeway = CLOCKS_DIFFER;
        Self { keys, validation: Arc::new(validation), lifetime, reference: None }
    }

    /// Accepts the reference system's tokens too, signed with its secret, for as long as its users move over. They never
    /// expire and belong to no session, so they cannot be ended: not for longer than needed.
    #[must_use]
    pub fn accepting_reference(self, secret: &SecretString) -> Self {
        Self { reference: Some(TokenKeys::single(secret)), ..self }
    }

    /// Signs a token for `user`, good from now on.
    ///
    /// # Errors
    /// [`InvalidToken`] when there is no key to sign with.
    pub fn issue(&self, user: &UserClaims) -> Result<String, InvalidToken> {
        let iat = unix_now();
        self.keys.sign(&UserToken {
            user: user.clone(),
            iss: ISSUER.to_owned(),
            aud: USER_AUDIENCE.to_owned(),
            typ: ACCESS.to_owned(),
            iat,
            exp: iat + self.lifetime,
        })
    }

    /// The claims of a good token.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other.
    pub fn verify(&self, token: &str) -> Result<UserClaims, InvalidToken> {
        self.verify_timed(token).map(|(user, _)| user)
    }

    /// The claims of a good token, and from when to when it is good.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other.
    pub fn verify_timed(&self, token: &str) -> Result<(UserClaims, Validity), InvalidToken> {
        let (user, validity) = self.read(token)?;
        validity.check()?;
        Ok((user, validity))
    }

    /// The claims of a token that somebody we trust found good a moment ago, by a clock of his own. Whatever he found good is
    /// good here.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other.
    pub fn verify_passed_on(&self, token: &str) -> Result<UserClaims, InvalidToken> {
        let (user, validity) = self.read(token)?;
        validity.check_at(unix_now(), PASSED_ON)?;
        Ok(user)
    }

    /// The claims of a token that was good at some time, however long ago or ahead. They say whose session it was and open
    /// nothing.
    ///
    /// # Errors
    /// [`InvalidToken`] for a token that never was ours.
    pub fn verify_expired(&self, token: &str) -> Result<UserClaims, InvalidToken> {
        self.read_own(token).map(|(user, _)| user)
    }

    /// The claims of a token of ours or of the reference system, whatever the time.
    fn read(&self, token: &str) -> Result<(UserClaims, Validity), InvalidToken> {
        let refused = match self.read_own(token) {
            Ok(read) => return Ok(read),
            Err(refused) => refused,
        };
        let Some(keys) = &self.reference else { return Err(refused) };
        let reference: ReferenceUser = keys.verify_unnamed(token).map_err(|_| refused)?;
        let ReferenceUser { id, email, username, iat } = reference;
        Ok((UserClaims { id, email, username, sid: String::new(), role: None }, Validity::new(iat, None)))
    }

    fn read_own(&self, token: &str) -> Result<(UserClaims, Validity), InvalidToken> {
        let token: UserToken = self.keys.verify(token, &self.validation)?;
        if token.typ == ACCESS { Ok((token.user, Validity::new(token.iat, Some(token.exp)))) } else { Err(REFUSED) }
    }
}

const ACCESS: &str = "access";
const GATEWAY: &str = "gateway";

#[derive(Serialize, Deserialize)]
struct GatewayToken {
    id: String,
    iss: String,
    aud: String,
    typ: String,
    iat: u64,
    exp: u64,
}

/// The claims of a gateway token of the reference system: these and no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceGateway {
    id: String,
    iat: u64,
}

/// Signs and verifies the gateway's tokens. Each opens one service, for a minute.
#[derive(Clone, Debug)]
pub struct GatewayTokens {
    keys: TokenKeys,
    validation: Arc<Validation>,
    reference: Option<TokenKeys>,
}

impl GatewayTokens {
    /// How long a token is good, in seconds.
    pub const LIFETIME: u64 = 60;

    /// Tokens signed with these keys.
    pub fn new(keys: TokenKeys) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Compared with the one audience that is asked for, which differs from call to call.
        validation.validate_aud = false;
        validation.validate_nbf = true;
        validation.leeway = 5;
        Self { keys, validation: Arc::new(validation), reference: None }
    }

    /// Accepts the reference gateway's tokens too, signed with its secret, for as long as it is still in front. Each opens the
    /// service it names, and no other.
    #[must_use]
    pub fn accepting_reference(self, secret: &SecretString) -> Self {
        Self { reference: Some(TokenKeys::single(secret)), ..self }
    }

    /// Signs a token that opens the service `audience`, such as `auth` or `gig`.
    ///
    /// # Errors
    /// [`InvalidToken`] when there is no key to sign with.
    pub fn issue(&self, audience: &str) -> Result<String, InvalidToken> {
        let iat = unix_now();
        self.keys.sign(&GatewayToken {
            id: audience.to_owned(),
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            typ: GATEWAY.to_owned(),
            iat,
            exp: iat + Self::LIFETIME,
        })
    }

    /// Checks that the token opens the service `audience`.
    ///
    /// # Errors
    /// [`InvalidToken`] when it does not.
    pub fn verify(&self, token: &str, audience: &str) -> Result<(), InvalidToken> {
        let refused = match self.verify_own(token, audience) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let Some(keys) = &self.reference else { return Err(refused) };
        let reference: ReferenceGateway = keys.verify_unnamed(token).map_err(|_| refused)?;
        Validity::new(reference.iat, None).check()?;
        if reference.id == audience { Ok(()) } else { Err(REFUSED) }
    }

    fn verify_own(&self, token: &str, audience: &str) -> Result<(), InvalidToken> {
        let token: GatewayToken = self.keys.verify(token, &self.validation)?;
        Validity::new(token.iat, None).check()?;
        let is_short = token.exp.saturating_sub(token.iat) <= Self::LIFETIME;
        let is_good = token.typ == GATEWAY && token.aud == audience && token.id == audience && is_short;
        if is_good { Ok(()) } else { Err(REFUSED) }
    }
}

#[cfg(test)]
mod tests;
