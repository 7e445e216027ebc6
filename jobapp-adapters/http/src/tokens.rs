//! The two tokens of the wire: the user's access token and the gateway's token. Both are JWTs signed with HS256.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Why a token was refused. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is missing, expired or not ours")]
pub struct InvalidToken {
    /// Whether it was ours and good, but its time is over.
    pub expired: bool,
}

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
        let (id, key, _) = self.0.first().ok_or(InvalidToken { expired: false })?;
        let header = Header { kid: Some(id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, key).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            InvalidToken { expired: false }
        })
    }

    fn verify<C: for<'de> Deserialize<'de> + Clone>(
        &self,
        token: &str,
        validation: &Validation,
    ) -> Result<C, InvalidToken> {
        use jsonwebtoken::errors::ErrorKind;
        let wanted = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken { expired: false })?.kid;
        let mut refused = InvalidToken { expired: false };
        for (id, _, key) in self.0.iter() {
            if wanted.as_ref().is_some_and(|wanted| wanted != id) {
                continue;
            }
            match jsonwebtoken::decode::<C>(token, key, validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => refused.expired = true,
                Err(_) => {}
            }
        }
        Err(refused)
    }
}

const ISSUER: &str = "jobapp";
const USER_AUDIENCE: &str = "jobapp-users";

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
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

#[derive(Clone, Serialize, Deserialize)]
struct UserToken {
    #[serde(flatten)]
    user: UserClaims,
    iss: String,
    aud: String,
    typ: String,
    iat: u64,
    exp: u64,
}

/// Signs and verifies users' access tokens.
#[derive(Clone, Debug)]
pub struct UserTokens {
    keys: TokenKeys,
    validation: Arc<Validation>,
    lifetime: u64,
}

impl UserTokens {
    /// Tokens that live `lifetime` seconds: 900 by the design.
    pub fn new(keys: TokenKeys, lifetime: u64) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[USER_AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.leeway = 0;
        Self { keys, validation: Arc::new(validation), lifetime }
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
            typ: "access".to_owned(),
            iat,
            exp: iat + self.lifetime,
        })
    }

    /// The claims of a good token.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other.
    pub fn verify(&self, token: &str) -> Result<UserClaims, InvalidToken> {
        let token: UserToken = self.keys.verify(token, &self.validation)?;
        if token.typ == "access" { Ok(token.user) } else { Err(InvalidToken { expired: false }) }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct GatewayToken {
    id: String,
    iss: String,
    aud: String,
    iat: u64,
    exp: u64,
}

/// Signs and verifies the gateway's tokens. Each opens one service, for a minute.
#[derive(Clone, Debug)]
pub struct GatewayTokens {
    keys: TokenKeys,
}

impl GatewayTokens {
    /// How long a token is good, in seconds.
    pub const LIFETIME: u64 = 60;

    /// Tokens signed with these keys.
    pub const fn new(keys: TokenKeys) -> Self {
        Self { keys }
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
            iat,
            exp: iat + Self::LIFETIME,
        })
    }

    /// Checks that the token opens the service `audience`.
    ///
    /// # Errors
    /// [`InvalidToken`] when it does not.
    pub fn verify(&self, token: &str, audience: &str) -> Result<(), InvalidToken> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.leeway = 5;
        self.keys.verify::<GatewayToken>(token, &validation).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> TokenKeys {
        TokenKeys::single(&SecretString::from(secret.to_owned()))
    }

    fn user() -> UserClaims {
        UserClaims { id: 7, email: "a@b.com".into(), username: "Anna".into(), sid: "s".into(), role: None }
    }

    #[test]
    fn a_user_token_survives_a_round_trip() {
        let tokens = UserTokens::new(keys("one"), 900);
        assert_eq!(tokens.verify(&tokens.issue(&user()).unwrap()).unwrap(), user());
    }

    #[test]
    fn another_secret_and_another_kind_of_token_are_refused() {
        let tokens = UserTokens::new(keys("one"), 900);
        let other = UserTokens::new(keys("two"), 900);
        assert!(tokens.verify(&other.issue(&user()).unwrap()).is_err());
        let gateway = GatewayTokens::new(keys("one"));
        assert!(tokens.verify(&gateway.issue("gig").unwrap()).is_err());
        assert!(tokens.verify("").is_err());
    }

    #[test]
    fn an_old_secret_still_verifies_after_a_change() {
        let (old, new) = (SecretString::from("old".to_owned()), SecretString::from("new".to_owned()));
        let before = UserTokens::new(TokenKeys::ring([("1".to_owned(), &old)]), 900);
        let after = UserTokens::new(TokenKeys::ring([("2".to_owned(), &new), ("1".to_owned(), &old)]), 900);
        assert!(after.verify(&before.issue(&user()).unwrap()).is_ok());
        assert!(before.verify(&after.issue(&user()).unwrap()).is_err());
    }

    #[test]
    fn a_gateway_token_opens_one_service() {
        let tokens = GatewayTokens::new(keys("one"));
        let token = tokens.issue("gig").unwrap();
        assert!(tokens.verify(&token, "gig").is_ok());
        assert!(tokens.verify(&token, "order").is_err());
    }
}
