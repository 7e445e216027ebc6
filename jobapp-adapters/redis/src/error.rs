//! What can go wrong with Redis.

use fred::error::Error;

/// Why Redis did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// There is no connection at the moment. Nothing was done.
    #[error("there is no connection to Redis: {why}")]
    Away {
        /// What went wrong last.
        why: String,
    },
    /// It did not answer, or with an error. It may have been done.
    #[error("Redis did not {attempt}")]
    Failed {
        /// What was attempted, as in `take a try`.
        attempt: &'static str,
        /// Why it failed.
        source: Error,
    },
    /// What is read was not all there.
    #[error("some of what Redis keeps was missed")]
    Missed,
    /// It answered something that was never stored by this version: somebody else writes to the same keys.
    #[error("Redis answered something strange: {0}")]
    Strange(String),
}

impl RedisError {
    pub(crate) fn strange(answer: &impl std::fmt::Debug) -> Self {
        Self::Strange(format!("{answer:?}").chars().take(200).collect())
    }
}
