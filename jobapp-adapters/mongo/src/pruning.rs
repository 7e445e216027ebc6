//! Forgetting what nobody can ask for any more.

use std::time::Duration;

use futures::TryStreamExt;
use jobapp_kernel::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use crate::failure::Failure;
use crate::fields::{GONE, INBOX, OLDEST, STAMP};
use crate::inbox;
use crate::inner::Inner;
use crate::queries::limit;
use crate::record::{id_of, texts};

/// How long a handled cause is remembered.
const INBOX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long what is left of a deleted aggregate stays at least: longer than anybody who read it can be about to write.
const GONE_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How many go at a time.
const STEP: usize = 500;

impl Inner {
    /// Forgets causes that were handled more than 30 days before `now`.
    pub(crate) async fn forget_causes(&self, now: Timestamp) -> Result<u64, Failure> {
        let old = now.minus(INBOX_AGE).as_millis();
        let forgotten = self.connection.collection(&self.names.inbox).delete_many(doc! {"at": {"$lt": old}}).await?;
        Ok(forgotten.deleted_count)
    }

    /// Removes what is left of some aggregates that were deleted a day before `now` and have no events any more. Returns how many may
    /// have been looked at: when it is none, nothing is left to do.
    pub(crate) async fn bury(&self, kind: &str, now: Timestamp) -> Result<usize, Failure> {
        let own = self.kind(kind);
        let old = doc! {GONE: {"$lt": now.minus(GONE_AGE).as_millis()}, OLDEST: {"$exists": false}};
        let fields = doc! {STAMP: 1, INBOX: 1};
        let found: Vec<Document> = own.find(old).limit(limit(STEP)).projection(fields).await?.try_collect().await?;
        let causes = self.causes(kind);
        for document in &found {
            let id = id_of(document)?;
            // A cause outlives its aggregate.
            inbox::remember(&causes.claims, id, &texts(document, INBOX), now.as_millis()).await?;
            let stamp = document.get(STAMP).cloned().unwrap_or(Bson::Null);
            own.delete_one(doc! {"_id": id, STAMP: stamp, GONE: {"$exists": true}, OLDEST: {"$exists": false}}).await?;
        }
        Ok(found.len())
    }
}
