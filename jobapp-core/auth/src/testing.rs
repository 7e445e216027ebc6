//! What the tests of this crate share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{AccountId, Timestamp};
use sha2::{Digest, Sha256};

use crate::account::{AccountEvent, Registration};
use crate::{Account, Device, EmailAddress, HashError, OneTimeSecret, PasswordHasher, Secrets, Username, Verified};

/// The instant this many seconds after a fixed one.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_500_000_000).unwrap().plus(Duration::from_secs(seconds))
}

/// A browser on a desk.
pub(crate) fn a_device(browser: &str) -> Device {
    Device { browser: browser.to_owned(), kind: "browser".to_owned() }
}

/// An account whose verify link carries `verify me`, known on Chrome.
pub(crate) fn an_account(id: i64, name: &str, now: Timestamp) -> (Account, Vec<AccountEvent>) {
    let registration = Registration {
        id: AccountId(id),
        username: Username::new(name).unwrap(),
        email: EmailAddress::new(&format!("{name}@example.org")).unwrap(),
        password_hash: "plain$correct horse".to_owned(),
        profile_public_id: "public".to_owned(),
        profile_picture: "https://img.example.org/1.png".to_owned(),
        country: "Portugal".to_owned(),
        devices: vec![a_device("Chrome")],
    };
    Account::register(registration, Some(OneTimeSecret::new("verify me")), now)
}

/// Bytes that look random and are the same in every run.
#[derive(Default)]
pub(crate) struct CountingSecrets(AtomicU64);

impl Secrets for CountingSecrets {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// Keeps passwords as they are, and counts what it did. Hashes that begin with `old$` should be made anew.
#[derive(Default)]
pub(crate) struct PlainHasher {
    pub(crate) hashed: AtomicUsize,
    pub(crate) verified: AtomicUsize,
    pub(crate) pretended: AtomicUsize,
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &str) -> Result<String, HashError> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        Ok(format!("plain${password}"))
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<Verified, HashError> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        let (kind, right) = hash.split_once('$').ok_or_else(|| HashError::Failed("no hash".into()))?;
        Ok(Verified { matches: right == password, needs_rehash: kind == "old" })
    }

    async fn pretend(&self, _: &str) -> Result<(), HashError> {
        self.pretended.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
