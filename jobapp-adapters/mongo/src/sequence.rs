//! Numbers that are given out once.

use async_trait::async_trait;
use jobapp_kernel::{RepositoryError, Sequence};
use mongodb::bson::doc;
use mongodb::options::ReturnDocument;

use crate::MongoStore;
use crate::failure::{Failure, went_in};
use crate::record::number;

/// The number that is given out next.
const NEXT: &str = "next";

#[async_trait]
impl Sequence for MongoStore {
    async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError> {
        let sequences = self.inner.connection.collection(&self.inner.names.sequences);
        let of_name = name.to_owned();
        let taking = async move {
            loop {
                let far_enough = doc! {"_id": &of_name, NEXT: {"$gte": start}};
                let count_on = sequences.find_one_and_update(far_enough, doc! {"$inc": {NEXT: 1_i64}});
                if let Some(counted) = count_on.return_document(ReturnDocument::After).await? {
                    let next = number(&counted, NEXT);
                    return next.map(|next| next - 1).ok_or_else(|| Failure::Other("it has no number".to_owned()));
                }
                let begun = doc! {"_id": &of_name, NEXT: start.saturating_add(1)};
                if went_in(sequences.insert_one(begun).await)? {
                    return Ok(start);
                }
                // Somebody else began it, maybe in the same instant. From where it is wanted now it can be counted on.
                sequences.update_one(doc! {"_id": &of_name}, doc! {"$max": {NEXT: start}}).await?;
            }
        };
        let taken = self.inner.connection.run(taking).await;
        taken.map_err(|failure| RepositoryError::unavailable(format!("take the next number of {name}"), failure))
    }
}
