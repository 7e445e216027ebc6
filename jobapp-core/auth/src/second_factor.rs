//! The second factor: codes of an authenticator (RFC 6238: SHA-1, thirty seconds, six digits), and recovery codes for the
//! day it is lost.

use jobapp_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};

use crate::secret::{TypedCode, random};
use crate::{OneTimeSecret, SecretHash, Secrets, Username};

/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;
/// What authenticators show beside the codes.
const ISSUER: &str = "JobApp";
/// Codes of the step before and the step after are taken too: clocks differ.
const SKEW: u16 = 1;
/// The length of a step, in seconds.
const STEP: u64 = 30;
/// What recovery codes are written with: no two that are easily mistaken for each other.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What an authenticator and the account share: 160 random bits, kept as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthenticatorKey(String);

impl std::fmt::Debug for AuthenticatorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl AuthenticatorKey {
    /// A new one.
    pub fn random(secrets: &dyn Secrets) -> Self {
        Self(hex::encode(random::<20>(secrets)))
    }

    /// The key as people type it into an authenticator: base32.
    pub fn to_base32(&self) -> String {
        self.secret().map(|secret| secret.to_base32()).unwrap_or_default()
    }

    /// The key as authenticators scan it: an `otpauth://` address.
    pub fn to_url(&self, username: &Username) -> String {
        // A colon would divide issuer and name a second time.
        let name = username.as_str().replace(':', " ");
        self.totp(&name).and_then(|totp| totp.to_url().ok()).unwrap_or_default()
    }

    /// The code at `now`, as the authenticator shows it.
    pub fn code_at(&self, now: Timestamp) -> Option<OneTimeSecret> {
        Some(OneTimeSecret::new(self.totp("")?.generate(seconds(now)).to_string()))
    }

    /// The step whose code this is: the one of `now`, the one before or the one after.
    fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        self.totp("").filter(|_| is_code)?.check(code, seconds(now))
    }

    fn secret(&self) -> Option<Secret> {
        let bytes: [u8; 20] = hex::decode(&self.0).ok()?.try_into().ok()?;
        Some(Secret::new_stack(bytes))
    }

    fn totp(&self, name: &str) -> Option<Totp> {
        let builder = Builder::new().with_secret(self.secret()?).with_digits(6).with_step_duration(STEP);
        builder.with_skew(SKEW).with_account_name(name).with_issuer(Some(ISSUER)).build().ok()
    }

    /// Whether it is one: 160 bits.
    pub(crate) fn is_whole(&self) -> bool {
        self.secret().is_some()
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0) / 1000
}

/// The second factor of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecondFactor {
    pub(crate) key: AuthenticatorKey,
    /// When a first code proved that the authenticator has the key. Until then nobody is asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed_at: Option<Timestamp>,
    /// The step of the last code that was used. It and those before are used up.
    #[serde(default)]
    last_step: u64,
    /// The recovery codes that are left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) recovery: Vec<RecoveryCode>,
}

/// What is stored of a recovery code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveryCode {
    hash: SecretHash,
}

impl SecondFactor {
    pub(crate) const fn new(key: AuthenticatorKey) -> Self {
        Self { key, confirmed_at: None, last_step: 0, recovery: Vec::new() }
    }

    /// Uses a code of the authenticator. `None` when it is wrong, too old or used up.
    pub(crate) fn use_code(mut self, code: &TypedCode, now: Timestamp) -> Option<Self> {
        let step = self.key.step_of(code.as_str(), now).filter(|step| *step > self.last_step)?;
        self.last_step = step;
        Some(self)
    }

    /// Uses a code of the authenticator or a recovery code, which is used up by that.
    pub(crate) fn use_any(self, code: &TypedCode, now: Timestamp) -> Option<Self> {
        self.clone().use_code(code, now).or_else(|| self.use_recovery(code))
    }

    fn use_recovery(mut self, code: &TypedCode) -> Option<Self> {
        let hash = RecoveryCode::of(code).hash;
        // All of them are compared, so that the time does not tell which one it was.
        let is_it: Vec<bool> = self.recovery.iter().map(|own| own.hash.matches(&hash)).collect();
        let found = is_it.iter().position(|is_it| *is_it)?;
        self.recovery.remove(found);
        Some(self)
    }
}

/// New recovery codes: 80 random bits each, in four groups.
pub(crate) fn recovery_codes(secrets: &dyn Secrets) -> Vec<OneTimeSecret> {
    let code = || {
        let letters = random::<16>(secrets).map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        OneTimeSecret::new(groups.join("-"))
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

impl RecoveryCode {
    /// Of a code, however it is typed.
    pub(crate) fn of(code: &TypedCode) -> Self {
        Self { hash: SecretHash::of(code.as_str()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingSecrets;

    /// The key of RFC 6238, appendix B.
    fn key() -> AuthenticatorKey {
        AuthenticatorKey(hex::encode("12345678901234567890"))
    }

    fn typed(text: &str) -> TypedCode {
        TypedCode::new(text)
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // The standard's table has eight digits; six are the last six of them.
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(key().code_at(second(time)).unwrap().expose(), code);
            assert!(SecondFactor::new(key()).use_code(&typed(code), second(time)).is_some());
        }
    }

    #[test]
    fn clocks_may_differ_by_one_step_and_no_more() {
        let code = key().code_at(second(900_000)).unwrap();
        let is_taken = |time| SecondFactor::new(key()).use_code(&typed(code.expose()), second(time)).is_some();
        assert!(is_taken(900_000 - 30) && is_taken(900_000) && is_taken(900_059));
        assert!(!is_taken(900_000 - 31) && !is_taken(900_060));
    }

    #[test]
    fn a_code_and_those_before_it_are_used_up_by_its_use() {
        let code = |time| typed(key().code_at(second(time)).unwrap().expose());
        let now = second(900_030);
        let used = SecondFactor::new(key()).use_code(&code(900_030), now).unwrap();
        assert!(used.clone().use_code(&code(900_030), now).is_none(), "the same again");
        assert!(used.clone().use_code(&code(900_000), now).is_none(), "the one before");
        assert!(used.use_code(&code(900_060), now).is_some(), "the one after");
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "12345", "1234567", "2870८३", "abcdef", "x287082", "-87082"] {
            assert!(SecondFactor::new(key()).use_code(&typed(text), second(59)).is_none(), "{text}");
        }
        for text in [" 287082 ", "287 082", "28708２", "२८७०८२"] {
            assert!(SecondFactor::new(key()).use_any(&typed(text), second(59)).is_some(), "{text}");
        }
    }

    #[test]
    fn a_recovery_code_works_once_however_it_is_typed() {
        let codes = recovery_codes(&CountingSecrets::default());
        assert_eq!(codes.len(), RECOVERY_CODES);
        let recovery = codes.iter().map(|code| RecoveryCode::of(&typed(code.expose()))).collect();
        let factor = SecondFactor { recovery, ..SecondFactor::new(key()) };
        let pasted = codes[3].expose().to_uppercase().replace('-', " ");
        let left = factor.use_any(&typed(&pasted), second(0)).unwrap();
        assert_eq!(left.recovery.len(), RECOVERY_CODES - 1);
        assert!(left.clone().use_any(&typed(codes[3].expose()), second(0)).is_none());
        assert!(left.clone().use_any(&typed(codes[4].expose()), second(0)).is_some());
        assert!(left.use_any(&typed(""), second(0)).is_none());
    }

    #[test]
    fn the_address_for_authenticators_names_the_account() {
        let marta = Username::new("Marta").unwrap();
        let url = key().to_url(&marta);
        assert_eq!(url, "otpauth://totp/JobApp:Marta?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=JobApp");
        let colon = Username::new("mar:ta").unwrap();
        assert!(key().to_url(&colon).starts_with("otpauth://totp/JobApp:Mar%20ta?"), "{}", key().to_url(&colon));
    }
}
