//! What every hasher of passwords promises.
//!
//! ```ignore
//! jobapp_contracts::hasher!(super::a_fresh_one()); // a future of `jobapp_contracts::hasher::Hashing`
//! ```

use std::fmt;
use std::sync::Arc;

use jobapp_auth::{HashError, PasswordHasher};

/// A hasher.
#[derive(Clone)]
pub struct Hashing(pub Arc<dyn PasswordHasher>);

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing").finish_non_exhaustive()
    }
}

/// Longer than what some ways of hashing look at.
fn long(end: &str) -> String {
    format!("{}{end}", "three green boats ".repeat(8))
}

/// A hash is of its password and of no other, however alike and however long they are.
pub async fn a_hash_is_of_its_password(Hashing(hasher): &Hashing) {
    let hash = hasher.hash(&long("a")).await.unwrap();
    let verified = hasher.verify(&long("a"), &hash).await.unwrap();
    assert!(verified.matches && !verified.needs_rehash);
    for other in [long("b"), long("A"), long(""), String::new(), long("a\0")] {
        assert!(!hasher.verify(&other, &hash).await.unwrap().matches, "{other:?}");
    }
}

/// Two hashes of one password are not the same, and neither shows it.
pub async fn equal_passwords_have_other_hashes(Hashing(hasher): &Hashing) {
    let [one, other] =
        [hasher.hash("three green boats").await.unwrap(), hasher.hash("three green boats").await.unwrap()];
    assert_ne!(one, other);
    assert!(!one.contains("boats"));
    for hash in [one, other] {
        assert!(hasher.verify("three green boats", &hash).await.unwrap().matches);
    }
}

/// What the existing system hashed is verified, and should be hashed anew.
pub async fn a_hash_of_the_existing_system_counts(Hashing(hasher): &Hashing) {
    // bcrypt with four rounds.
    let hash = bcrypt::hash("three green boats", 4).unwrap();
    let verified = hasher.verify("three green boats", &hash).await.unwrap();
    assert!(verified.matches && verified.needs_rehash);
    assert!(!hasher.verify("three green boots", &hash).await.unwrap().matches);
}

/// What is no hash is an error and never a match.
pub async fn what_is_no_hash_matches_nothing(Hashing(hasher): &Hashing) {
    for hash in ["", "three green boats", "$2b$", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$AAAA"] {
        let error = hasher.verify("three green boats", hash).await.unwrap_err();
        assert!(matches!(error, HashError::Failed(_)), "{hash}: {error:?}");
    }
}

/// For an account that does not exist as much is done, and nothing told.
pub async fn pretending_works(Hashing(hasher): &Hashing) {
    hasher.pretend("three green boats").await.unwrap();
    hasher.pretend("").await.unwrap();
}

/// Makes one test of each promise of `PasswordHasher`. The argument makes a future of a
/// [`Hashing`](crate::hasher::Hashing).
#[macro_export]
macro_rules! hasher {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::hasher::Hashing, [$crate::hasher], hasher:
            a_hash_is_of_its_password
            equal_passwords_have_other_hashes
            a_hash_of_the_existing_system_counts
            what_is_no_hash_matches_nothing
            pretending_works
        }
    };
}
