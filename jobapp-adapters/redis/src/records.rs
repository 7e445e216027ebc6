//! Which mails were sent.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use fred::interfaces::KeysInterface;
use fred::types::{Expiration, Value};
use jobapp_notifications::{Claim, ClaimToken, MailId, SentRecords, SentRecordsError};
use uuid::Uuid;

use crate::script::Script;
use crate::{Redis, RedisError};

/// What stands where a mail was sent. No claim looks like it.
const SENT: &str = "sent";
/// How long it is remembered that a mail was sent, in milliseconds: 60 days.
const REMEMBERED: i64 = 60 * 24 * 60 * 60 * 1000;

static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new("claim a mail", include_str!("scripts/claim.lua")));
static GIVE_BACK: LazyLock<Script> =
    LazyLock::new(|| Script::new("give a mail back", include_str!("scripts/release.lua")));

/// Records of sent mails that all processes share. Each is kept for 60 days.
#[derive(Debug, Clone)]
pub struct RedisSentRecords {
    redis: Redis,
}

impl RedisSentRecords {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis }
    }

    fn key(&self, id: &MailId) -> String {
        self.redis.key("mail", &id.to_string())
    }
}

fn unavailable(error: RedisError) -> SentRecordsError {
    SentRecordsError(error.into())
}

#[async_trait]
impl SentRecords for RedisSentRecords {
    async fn claim(&self, id: &MailId, time: Duration) -> Result<Claim, SentRecordsError> {
        let token = Uuid::new_v4().to_string();
        let arguments = vec![Value::from(token.as_str()), Value::from(milliseconds(time))];
        let found: Option<String> = CLAIM.run(&self.redis, vec![self.key(id)], arguments).await.map_err(unavailable)?;
        Ok(match found.as_deref() {
            None => Claim::Free(ClaimToken(token)),
            Some(SENT) => Claim::Sent,
            Some(_) => Claim::Busy,
        })
    }

    async fn record(&self, id: &MailId) -> Result<(), SentRecordsError> {
        let recording = async {
            let client = self.redis.client().await?;
            let recorded = client.set(self.key(id), SENT, Some(Expiration::PX(REMEMBERED)), None, false).await;
            recorded.map_err(|source| RedisError::Failed { attempt: "record a mail", source })
        };
        recording.await.map_err(unavailable)
    }

    async fn give_back(&self, id: &MailId, claim: &ClaimToken) -> Result<(), SentRecordsError> {
        let arguments = vec![Value::from(claim.0.as_str())];
        GIVE_BACK.run(&self.redis, vec![self.key(id)], arguments).await.map_err(unavailable)
    }
}

/// At least one: Redis knows no time that is over at once.
pub(crate) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).clamp(1, i64::from(u32::MAX) * 1000)
}
