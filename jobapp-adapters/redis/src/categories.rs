//! Which category users looked at last.

use async_trait::async_trait;
use fred::interfaces::KeysInterface;
use fred::types::Expiration;
use jobapp_gigs::{LONGEST_CATEGORY, SearchError, SelectedCategories};

use crate::{Redis, RedisError};

/// How long a choice is remembered, in milliseconds: 180 days.
const REMEMBERED: i64 = 180 * 24 * 60 * 60 * 1000;

/// The categories users looked at last: gateways are told of them, the gig service asks. Each is kept for 180 days.
#[derive(Debug, Clone)]
pub struct RedisCategories {
    redis: Redis,
}

impl RedisCategories {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis }
    }

    fn key(&self, username: &str) -> String {
        self.redis.key("category", &username.to_lowercase())
    }
}

fn failed(attempt: &'static str) -> impl Fn(fred::error::Error) -> SearchError {
    move |source| SearchError::unavailable(RedisError::Failed { attempt, source })
}

#[async_trait]
impl SelectedCategories for RedisCategories {
    async fn of(&self, username: &str) -> Result<Option<String>, SearchError> {
        let client = self.redis.client().await.map_err(SearchError::unavailable)?;
        client.get(self.key(username)).await.map_err(failed("tell a category"))
    }

    async fn select(&self, username: &str, category: &str) -> Result<(), SearchError> {
        let category: String = category.chars().take(LONGEST_CATEGORY).collect();
        let client = self.redis.client().await.map_err(SearchError::unavailable)?;
        let kept = client.set(self.key(username), category, Some(Expiration::PX(REMEMBERED)), None, false).await;
        kept.map_err(failed("remember a category"))
    }
}
