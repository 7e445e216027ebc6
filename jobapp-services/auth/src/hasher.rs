//! Passwords with Argon2id, and bcrypt for those of imported accounts.

mod memory;

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use async_trait::async_trait;
use jobapp_auth::{HashError, PasswordHasher, Verified};
use tokio::sync::Semaphore;

use self::memory::Memory;

/// How long a password may wait for its turn before the caller is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes with Argon2id on threads of their own, as many at a time as there are cores: each takes 19 MiB and a core for
/// some hundredths of a second. Also verifies bcrypt hashes (`$2a$`, `$2b$`, `$2y$`).
#[derive(Clone)]
pub struct Argon2Hasher {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    memory: Arc<Memory>,
    patience: Duration,
    /// The hash of a password nobody has, made at the same cost: what [`PasswordHasher::pretend`] works on.
    decoy: Arc<str>,
}

impl Argon2Hasher {
    /// 19 MiB, two passes, one lane.
    ///
    /// # Errors
    /// [`HashError`] when the system gives no random salt.
    pub fn new() -> Result<Self, HashError> {
        Self::with(Params::new(19 * 1024, 2, 1, None).map_err(failed)?)
    }

    /// As cheap as it gets, for tests. Its hashes protect nothing.
    ///
    /// # Errors
    /// [`HashError`] when the system gives no random salt.
    pub fn cheapest() -> Result<Self, HashError> {
        Self::with(Params::new(Params::MIN_M_COST, 1, 1, None).map_err(failed)?)
    }

    fn with(params: Params) -> Result<Self, HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = argon2.hash_password(b"a password nobody has").map_err(failed)?.to_string().into();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (turns, memory) = (Arc::new(Semaphore::new(cores)), Arc::default());
        Ok(Self { argon2, turns, memory, patience: PATIENCE, decoy })
    }

    /// Compares on this thread, at once, whoever waits for a turn: what a comparison costs by itself.
    ///
    /// # Errors
    /// [`HashError::Failed`] when `hash` is none.
    pub fn verify_here(&self, password: &str, hash: &str) -> Result<Verified, HashError> {
        verify(&self.argon2, &self.memory, password, hash)
    }

    /// Runs `work` on a thread of its own when it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>, &Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let waiting = self.memory.wait();
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned());
        let turn = turn.await.map_err(|_| HashError::Busy)?.map_err(failed)?;
        drop(waiting);
        let (argon2, memory) = (self.argon2.clone(), Arc::clone(&self.memory));
        let done = tokio::task::spawn_blocking(move || {
            // A caller that goes away does not free the core that still hashes for it.
            let _turn = turn;
            work(&argon2, &memory)
        });
        done.await.map_err(failed)?
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &str) -> Result<String, HashError> {
        let password = password.to_owned();
        self.run(move |argon2, _| Ok(argon2.hash_password(password.as_bytes()).map_err(failed)?.to_string())).await
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<Verified, HashError> {
        let (password, hash) = (password.to_owned(), hash.to_owned());
        self.run(move |argon2, memory| verify(argon2, memory, &password, &hash)).await
    }

    async fn pretend(&self, password: &str) -> Result<(), HashError> {
        self.verify(password, &self.decoy).await.map(drop)
    }
}

fn verify(argon2: &Argon2<'static>, memory: &Memory, password: &str, hash: &str) -> Result<Verified, HashError> {
    if hash.starts_with("$2") {
        let matches = bcrypt::verify(password, hash).map_err(failed)?;
        return Ok(Verified { matches, needs_rehash: true });
    }
    let parsed = PasswordHash::new(hash).map_err(failed)?;
    let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).map_err(failed)?;
    let version = parsed.version.map(Version::try_from).transpose().map_err(failed)?.unwrap_or_default();
    let made_with = Params::try_from(&parsed).map_err(failed)?;
    let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else {
        return Err(HashError::Failed("a hash has no salt or ends before its output".into()));
    };
    let mut output = [0; Output::MAX_LENGTH];
    let output = &mut output[..expected.len()];
    let maker = Argon2::new(algorithm, version, made_with.clone());
    let make = |blocks: &mut [Block]| {
        maker.hash_password_into_with_memory(password.as_bytes(), salt, output, blocks).map(|()| Output::new(output))
    };
    let made = memory.lend(made_with.block_count(), make).map_err(failed)?.map_err(failed)?;
    // Outputs are compared in constant time.
    let matches = made == *expected;
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    let is_current = algorithm == Algorithm::Argon2id && costs(&made_with) == costs(argon2.params());
    Ok(Verified { matches, needs_rehash: !is_current })
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> HashError {
    HashError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yes(needs_rehash: bool) -> Verified {
        Verified { matches: true, needs_rehash }
    }

    #[tokio::test]
    async fn a_hash_is_of_its_password_only() {
        let hasher = Argon2Hasher::cheapest().unwrap();
        let hash = hasher.hash("pässword").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert_ne!(hash, hasher.hash("pässword").await.unwrap(), "salted");
        assert_eq!(hasher.verify("pässword", &hash).await.unwrap(), yes(false));
        assert!(!hasher.verify("password", &hash).await.unwrap().matches);
    }

    #[tokio::test]
    async fn hashes_made_at_another_cost_or_by_bcrypt_are_good_and_want_to_be_made_anew() {
        let hasher = Argon2Hasher::cheapest().unwrap();
        let dearer = Argon2Hasher::with(Params::new(16, 2, 1, None).unwrap()).unwrap();
        let hash = dearer.hash("secret").await.unwrap();
        assert_eq!(hasher.verify("secret", &hash).await.unwrap(), yes(true));
        let bcrypt = bcrypt::hash("secret", 4).unwrap();
        for prefix in ["$2a$", "$2b$", "$2y$"] {
            let imported = bcrypt.replacen("$2b$", prefix, 1);
            assert_eq!(hasher.verify("secret", &imported).await.unwrap(), yes(true));
            assert!(!hasher.verify("other", &imported).await.unwrap().matches);
        }
    }

    #[tokio::test]
    async fn the_design_costs_are_in_the_hash() {
        let hash = Argon2Hasher::new().unwrap().hash("secret").await.unwrap();
        assert!(hash.contains("$m=19456,t=2,p=1$"), "{hash}");
    }

    #[tokio::test]
    async fn what_is_no_hash_is_a_fault_and_no_wrong_password() {
        let hasher = Argon2Hasher::cheapest().unwrap();
        for broken in ["", "plain", "$2b$", "$argon2id$"] {
            assert!(matches!(hasher.verify("x", broken).await, Err(HashError::Failed(_))), "{broken}");
        }
        hasher.pretend("x").await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_would_wait_too_long_is_told_so() {
        let hasher = Argon2Hasher { patience: Duration::ZERO, ..Argon2Hasher::cheapest().unwrap() };
        let all = u32::try_from(hasher.turns.available_permits()).unwrap();
        let turns = Arc::clone(&hasher.turns).acquire_many_owned(all).await.unwrap();
        assert!(matches!(hasher.hash("x").await, Err(HashError::Busy)));
        drop(turns);
        assert!(hasher.hash("x").await.is_ok());
    }
}
