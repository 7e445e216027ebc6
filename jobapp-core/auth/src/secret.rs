//! Secrets that are handed out once and stored as hashes.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jobapp_kernel::{decimal_digit, is_unseen, normalized};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Secrets;

/// What is stored of a secret with enough random bits of its own: its SHA-256, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash of `secret`.
    pub fn of(secret: &str) -> Self {
        Self(hex::encode(Sha256::digest(secret.as_bytes())))
    }

    /// The hash of something with few random bits, such as a six-digit code, which only who has `key` can compute: the
    /// store alone is not enough to try all codes.
    pub fn keyed(key: &str, secret: &str) -> Self {
        Self(hex::encode(mac(key.as_bytes(), &[secret.as_bytes()])))
    }

    /// Whether both are the same. Takes as long for any two hashes.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A secret on its way to its owner: printed by nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OneTimeSecret(String);

impl OneTimeSecret {
    /// Takes a text for a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Takes a text for a secret of a link, as somebody pasted it: without blanks and breaks of lines around and within it.
    pub fn pasted(text: &str) -> Self {
        Self(text.chars().filter(|c| !c.is_whitespace() && !is_unseen(*c)).collect())
    }

    /// Twenty random bytes as 40 hexadecimal digits: what links in mails carry.
    pub fn link(secrets: &dyn Secrets) -> Self {
        Self(hex::encode(random::<20>(secrets)))
    }

    /// 256 random bits as 64 hexadecimal digits.
    pub fn token(secrets: &dyn Secrets) -> Self {
        Self(hex::encode(random::<32>(secrets)))
    }

    /// Six digits, the first of them no zero, every code as likely as any other.
    pub fn code(secrets: &dyn Secrets) -> Self {
        const CODES: u32 = 900_000;
        // Numbers above the last whole multiple would make small codes likelier than large ones.
        const USABLE: u32 = u32::MAX - u32::MAX % CODES;
        loop {
            let number = u32::from_le_bytes(random(secrets));
            if number < USABLE {
                return Self((100_000 + number % CODES).to_string());
            }
        }
    }

    /// The secret.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A code as somebody typed or pasted it: a mailed one, one of an authenticator, or a recovery code. Only its digits and
/// letters count, in any case and script: not the blanks, dashes and marks between and around them.
#[derive(Clone)]
pub struct TypedCode(String);

impl TypedCode {
    /// Of a text.
    pub fn new(text: &str) -> Self {
        let plain = normalized(text);
        let letters_and_digits = plain.chars().filter_map(|c| match decimal_digit(c) {
            Some(digit) => char::from_digit(digit.into(), 10),
            None => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
        });
        Self(letters_and_digits.collect())
    }

    /// Its digits and letters.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[code]")
    }
}

/// Random bytes.
pub(crate) fn random<const N: usize>(secrets: &dyn Secrets) -> [u8; N] {
    let mut bytes = [0; N];
    secrets.fill(&mut bytes);
    bytes
}

/// HMAC-SHA256 of the parts, one after the other.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A random UUID of version 4.
pub(crate) fn uuid(secrets: &dyn Secrets) -> String {
    let mut bytes: [u8; 16] = random(secrets);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingSecrets;

    #[test]
    fn secrets_have_their_shapes_and_are_not_printed() {
        let secrets = CountingSecrets::default();
        assert_eq!(OneTimeSecret::link(&secrets).expose().len(), 40);
        assert_eq!(OneTimeSecret::token(&secrets).expose().len(), 64);
        for _ in 0..200 {
            let code = OneTimeSecret::code(&secrets);
            assert!(code.expose().len() == 6 && !code.expose().starts_with('0'), "{}", code.expose());
            assert_eq!(format!("{code:?}"), "[secret]");
        }
        let uuid = uuid(&secrets);
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
    }

    #[test]
    fn a_code_is_the_same_however_it_is_pasted() {
        for typed in [
            "408152",
            " 408152",
            "408152\n",
            "408 152",
            "408-152",
            "408\u{a0}152",
            "4 0 8 1 5 2",
            "408\u{2013}152",
            "408\u{2011}152",
            "\u{200b}408152\u{feff}",
            "\u{202a}408152\u{202c}",
            "４０８１５２",
            "٤٠٨١٥٢",
            "۴۰۸۱۵۲",
            "४०८१५२",
            "𝟜𝟘𝟠𝟙𝟝𝟚",
            "408152.",
            "\u{201c}408152\u{201d}",
            "408\u{202f}152",
            "4０8١52",
        ] {
            assert_eq!(TypedCode::new(typed).as_str(), "408152", "{typed:?}");
        }
        assert_eq!(TypedCode::new(" ABCD-efgh jkmn\u{2014}ＰＱＲＳ ").as_str(), "abcdefghjkmnpqrs");
        for other in ["408153", "40815", "4081522", "408152x", "x408152", "408²52", "four"] {
            assert_ne!(TypedCode::new(other).as_str(), "408152", "{other}");
        }
        assert_eq!(format!("{:?}", TypedCode::new("408152")), "[code]");
    }

    #[test]
    fn the_secret_of_a_link_is_the_same_however_it_is_pasted() {
        for pasted in ["abc123", " abc123", "abc123\r\n", "abc\n  123", "abc\u{a0}123", "\u{feff}abc\u{200b}123"] {
            assert_eq!(OneTimeSecret::pasted(pasted).expose(), "abc123", "{pasted:?}");
        }
    }

    #[test]
    fn a_keyed_hash_depends_on_its_key() {
        assert!(SecretHash::keyed("k", "123456").matches(&SecretHash::keyed("k", "123456")));
        assert!(!SecretHash::keyed("k", "123456").matches(&SecretHash::keyed("l", "123456")));
    }
}
