//! The seal of an outbox that was in clear.

use futures::TryStreamExt;
use jobapp_seal::Seal;
use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};

use crate::entry;
use crate::failure::Failure;
use crate::fields::{OUTBOX, STAMP, WAITS};
use crate::inner::Inner;
use crate::outbox::something_waits;
use crate::queries::limit;
use crate::record::{id_of, texts};

/// What says among the kinds that the outbox is sealed. No aggregate is called so.
const SEALED: &str = "(sealed)";
/// How many documents are read at a time.
const STEP: usize = 100;

impl Inner {
    /// Seals what waits in the outbox in clear, once. What the server keeps in its files and logs of what was there is its operator's.
    pub(crate) async fn seal_outbox(&self) -> Result<(), Failure> {
        let kinds = self.connection.collection(&self.names.kinds);
        let is_sealed = kinds.find_one(doc! {"_id": SEALED}).await?.is_some();
        let Some(seal) = self.seal.as_ref().filter(|_| !is_sealed) else {
            return match (is_sealed, &self.seal) {
                (true, None) => Err(Failure::Other("its outbox is sealed, and no key was given".to_owned())),
                _ => Ok(()),
            };
        };
        for kind in self.kinds() {
            seal_kind(&self.kind(&kind), &kind, seal).await?;
        }
        kinds.update_one(doc! {"_id": SEALED}, doc! {"$set": {"is": true}}).upsert(true).await?;
        Ok(())
    }
}

async fn seal_kind(collection: &Collection<Document>, kind: &str, seal: &Seal) -> Result<(), Failure> {
    let mut after = String::new();
    loop {
        let mut filter = something_waits();
        filter.insert("_id", doc! {"$gt": &after});
        let fields = doc! {OUTBOX: 1, STAMP: 1, WAITS: 1};
        let found = collection.find(filter).sort(doc! {"_id": 1}).limit(limit(STEP)).projection(fields);
        let documents: Vec<Document> = found.await?.try_collect().await?;
        let Some(last) = documents.last() else { return Ok(()) };
        after = id_of(last)?.to_owned();
        for document in documents {
            let id = id_of(&document)?.to_owned();
            let mut read = Some(document);
            // Anew, when the aggregate was stored or cleared meanwhile.
            while let Some(document) = read {
                if seal_one(collection, kind, &document, seal).await? {
                    break;
                }
                read = collection.find_one(doc! {"_id": &id}).await?;
            }
        }
    }
}

/// Seals what waits in a document. Returns whether it was still as it was read.
async fn seal_one(
    collection: &Collection<Document>,
    kind: &str,
    document: &Document,
    seal: &Seal,
) -> Result<bool, Failure> {
    let id = id_of(document)?;
    let mut is_clear = false;
    let entries: Vec<String> = entry::waiting(texts(document, OUTBOX))
        .into_iter()
        .map(|entry| {
            let sealed = entry.sealed(kind, id, seal);
            is_clear |= sealed.is_some();
            sealed.unwrap_or(entry.text)
        })
        .collect();
    if !is_clear {
        return Ok(true);
    }
    let same = |field: &str| document.get(field).cloned().unwrap_or(Bson::Null);
    let filter = doc! {"_id": id, STAMP: same(STAMP), WAITS: same(WAITS)};
    Ok(collection.update_one(filter, doc! {"$set": {OUTBOX: entries}}).await?.matched_count == 1)
}
