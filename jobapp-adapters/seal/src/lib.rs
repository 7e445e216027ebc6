//! Seals what secrets pass through, so that a copy of a database without the key, which is not in it, tells none of them.

use std::borrow::Cow;
use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// What sealed bytes begin with. No JSON does, so what was stored before in clear is told apart.
const MARK: &[u8] = b"\0sealed 1\0";
/// What sealed texts begin with. No JSON does.
const TEXT_MARK: &str = "sealed 1 ";
/// Random numbers of this size never meet.
const NONCE: usize = 24;

/// The key that seals what is stored: XChaCha20-Poly1305, with a random nonce each. A sealed value is bound to its place, so it
/// cannot be moved to another one.
#[derive(Clone)]
pub struct Seal {
    key: Key,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(secret)")
    }
}

impl Seal {
    /// The bytes of a key.
    pub const KEY_BYTES: usize = 32;

    /// Seals with this key.
    pub fn new(key: [u8; Self::KEY_BYTES]) -> Self {
        Self { key: Key::from(key) }
    }

    /// These bytes, to be stored at this place.
    ///
    /// # Errors
    /// [`TooLarge`]: some 256 GiB.
    pub fn close(&self, clear: &[u8], place: &str) -> Result<Vec<u8>, TooLarge> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: clear, aad: place.as_bytes() };
        let sealed = XChaCha20Poly1305::new(&self.key)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| TooLarge { place: place.to_owned() })?;
        Ok([MARK, &nonce, &sealed].concat())
    }

    /// This text, to be stored at this place.
    ///
    /// # Errors
    /// As [`Seal::close`].
    pub fn close_text(&self, clear: &str, place: &str) -> Result<String, TooLarge> {
        Ok(format!("{TEXT_MARK}{}", hex::encode(&self.close(clear.as_bytes(), place)?[MARK.len()..])))
    }
}

/// What was stored at a place, with the key, if there is one. What was stored in clear is answered as it is.
///
/// # Errors
/// [`Unopened`].
pub fn open(seal: Option<&Seal>, stored: Vec<u8>, place: &str) -> Result<Vec<u8>, Unopened> {
    let Some(sealed) = stored.strip_prefix(MARK) else { return Ok(stored) };
    unseal(seal.ok_or(Unopened::NoKey)?, sealed, place)
}

/// As [`open`], for a text.
///
/// # Errors
/// [`Unopened`].
pub fn open_text(seal: Option<&Seal>, stored: String, place: &str) -> Result<String, Unopened> {
    let Some(digits) = stored.strip_prefix(TEXT_MARK) else { return Ok(stored) };
    let sealed = hex::decode(digits).map_err(|_| Unopened::OtherKey)?;
    let clear = unseal(seal.ok_or(Unopened::NoKey)?, &sealed, place)?;
    String::from_utf8(clear).map_err(|_| Unopened::OtherKey)
}

fn unseal(seal: &Seal, sealed: &[u8], place: &str) -> Result<Vec<u8>, Unopened> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Unopened::OtherKey)?;
    let payload = Payload { msg: sealed, aad: place.as_bytes() };
    XChaCha20Poly1305::new(&seal.key).decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unopened::OtherKey)
}

/// A text as it is to be stored.
///
/// # Errors
/// As [`Seal::close`].
pub fn close_text<'a>(seal: Option<&Seal>, clear: &'a str, place: &str) -> Result<Cow<'a, str>, TooLarge> {
    seal.map_or(Ok(Cow::Borrowed(clear)), |seal| seal.close_text(clear, place).map(Cow::Owned))
}

/// Something is larger than the cipher takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} is too large to be sealed")]
pub struct TooLarge {
    /// Where it was to be stored.
    pub place: String,
}

/// Why something sealed cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// There is no key at all.
    #[error("it is sealed, and there is no key")]
    NoKey,
    /// The key is another one, or what is stored was changed.
    #[error("it was sealed with another key, or damaged")]
    OtherKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_at_its_place_and_with_its_key_alone() {
        let (seal, other) = (Seal::new([1; 32]), Seal::new([2; 32]));
        let sealed = seal.close(b"reset_password?token=abc", "here").unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"abc"));
        assert_eq!(open(Some(&seal), sealed.clone(), "here").unwrap(), b"reset_password?token=abc");
        assert_eq!(open(Some(&seal), sealed.clone(), "there"), Err(Unopened::OtherKey));
        assert_eq!(open(Some(&other), sealed.clone(), "here"), Err(Unopened::OtherKey));
        assert_eq!(open(None, sealed.clone(), "here"), Err(Unopened::NoKey));
        assert_ne!(seal.close(b"reset_password?token=abc", "here").unwrap(), sealed, "the same twice looks otherwise");
        for length in 0..sealed.len() {
            let cut = sealed[..length].to_vec();
            assert!(open(Some(&seal), cut.clone(), "here").is_err() || length < MARK.len(), "{length}");
        }
    }

    #[test]
    fn texts_are_sealed_too_and_what_is_clear_is_read_as_it_is() {
        let seal = Seal::new([1; 32]);
        let sealed = seal.close_text(r#"{"code":"408152"}"#, "here").unwrap();
        assert!(sealed.starts_with(TEXT_MARK) && !sealed.contains("408152"));
        assert_eq!(open_text(Some(&seal), sealed.clone(), "here").unwrap(), r#"{"code":"408152"}"#);
        assert_eq!(open_text(None, sealed, "here"), Err(Unopened::NoKey));
        assert_eq!(open_text(Some(&seal), "sealed 1 xyz".to_owned(), "here"), Err(Unopened::OtherKey));
        assert_eq!(open_text(Some(&seal), r#"{"code":1}"#.to_owned(), "here").unwrap(), r#"{"code":1}"#);
        assert_eq!(open(Some(&seal), b"{}".to_vec(), "here").unwrap(), b"{}");
        assert_eq!(close_text(None, "clear", "here").unwrap(), "clear");
    }
}
