//! A database of another system, which is only read.

use std::fmt;
use std::time::Duration;

use futures::TryStreamExt;
use jobapp_kernel::Timestamp;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::{Collection, Cursor};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::connection::Connection;
use crate::failure::Failure;
use crate::{MongoAddress, MongoConfig, MongoStoreError};

/// How long an answer may take. A server without an index to go by reads a whole collection and sorts it, and nobody waits for it but who
/// takes it over; one that is lost is noticed without it.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Before the number of a document whose id is no object id.
const OTHER: &str = "other ";

/// A document of another system.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignDocument {
    /// Its object id, 24 digits; of one that has another id, which number it is among those.
    pub id: String,
    /// What it says: object ids and dates as texts, numbers as numbers or, where JSON has none, texts.
    pub fields: Map<String, Value>,
}

/// A database of another system. It is only read, and nothing of it need be as a store would have it.
pub struct ForeignDatabase {
    connection: Connection,
    address: MongoAddress,
    reading: Mutex<Option<Reading>>,
}

/// Documents behind the last page. It is read on there: a server without an index to go by reads everything to find the place anew.
struct Reading {
    collection: String,
    /// The id of the last document of that page.
    last: String,
    cursor: Cursor<RawDocumentBuf>,
}

/// Some documents, and those behind them unless they are known to be the last.
type Found = (Vec<RawDocumentBuf>, Option<Cursor<RawDocumentBuf>>);

impl fmt::Debug for ForeignDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignDatabase").field("address", &self.address.to_string()).finish_non_exhaustive()
    }
}

/// What another system's database was asked in vain.
#[derive(Debug, thiserror::Error)]
#[error("the collection {collection} of {location} cannot be read")]
pub struct ForeignError {
    /// The collection.
    pub collection: String,
    /// Where the server is.
    pub location: String,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl ForeignDatabase {
    /// Connects to the database.
    ///
    /// # Errors
    /// [`MongoStoreError::Open`] when it cannot be reached.
    pub async fn open(config: MongoConfig) -> Result<Self, MongoStoreError> {
        let address = config.address;
        let connection = Connection::open(&address, PATIENCE).await;
        let connection = connection.map_err(|failure| MongoStoreError::open(&address, failure))?;
        Ok(Self { connection, address, reading: Mutex::default() })
    }

    /// At most `limit` documents behind the one with the id `after`, in the order of their ids. Those whose ids are no object ids
    /// come first.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub async fn page(
        &self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ForeignDocument>, ForeignError> {
        let skipped = match after {
            None => Some(0),
            Some(after) => after.strip_prefix(OTHER).and_then(|number| number.parse().ok()),
        };
        let mut behind = self.behind(collection, after);
        if let Some(skipped) = skipped {
            let others = doc! {"_id": {"$not": {"$type": "objectId"}}};
            let (found, rest) = self.some(collection, behind.take(), others, skipped, limit).await?;
            if !found.is_empty() {
                let numbered = found.iter().zip(skipped + 1..);
                let page = numbered.map(|(raw, number)| document(raw, format!("{OTHER}{number}"))).collect();
                return Ok(self.told(collection, page, rest));
            }
        }
        let after = match after.filter(|_| skipped.is_none()).map(ObjectId::parse_str).transpose() {
            Ok(after) => after,
            Err(error) => return Err(self.failed(collection, error)),
        };
        let which = match after {
            Some(after) => doc! {"_id": {"$gt": after}},
            None => doc! {"_id": {"$type": "objectId"}},
        };
        let (found, rest) = self.some(collection, behind, which, 0, limit).await?;
        let id = |raw: &RawDocumentBuf| raw.get_object_id("_id").map_or_else(|_| String::new(), |id| id.to_hex());
        let page = found.iter().map(|raw| document(raw, id(raw))).collect();
        Ok(self.told(collection, page, rest))
    }

    /// What is behind the last page, if that ended with this document.
    fn behind(&self, collection: &str, after: Option<&str>) -> Option<Cursor<RawDocumentBuf>> {
        let reading = self.reading.lock().take()?;
        (reading.collection == collection && after == Some(reading.last.as_str())).then_some(reading.cursor)
    }

    /// Remembers what is behind a page.
    fn told(
        &self,
        collection: &str,
        page: Vec<ForeignDocument>,
        rest: Option<Cursor<RawDocumentBuf>>,
    ) -> Vec<ForeignDocument> {
        *self.reading.lock() = rest.zip(page.last()).map(|(cursor, last)| Reading {
            collection: collection.to_owned(),
            last: last.id.clone(),
            cursor,
        });
        page
    }

    /// How many documents a collection has.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub async fn count(&self, collection: &str) -> Result<u64, ForeignError> {
        let documents = self.connection.collection(collection);
        let counting = async move { Ok(documents.count_documents(doc! {}).await?) };
        self.connection.run(counting).await.map_err(|failure| self.failed(collection, failure))
    }

    /// At most `limit` of these documents, from where they were read up to. What a server has forgotten is looked for anew, and so is
    /// what came since.
    async fn some(
        &self,
        collection: &str,
        behind: Option<Cursor<RawDocumentBuf>>,
        which: Document,
        skip: u64,
        limit: usize,
    ) -> Result<Found, ForeignError> {
        if let Some(behind) = behind
            && let Ok((found, rest)) = self.connection.run(taken(behind, limit)).await
            && !found.is_empty()
        {
            return Ok((found, rest));
        }
        let documents: Collection<RawDocumentBuf> = self.connection.collection(collection).clone_with_type();
        let at_once = u32::try_from(limit).unwrap_or(u32::MAX);
        let finding = async move {
            let found = documents.find(which).sort(doc! {"_id": 1}).skip(skip).batch_size(at_once).await?;
            taken(found, limit).await
        };
        self.connection.run(finding).await.map_err(|failure| self.failed(collection, failure))
    }

    fn failed(&self, collection: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ForeignError {
        let location = self.address.to_string();
        ForeignError { collection: collection.to_owned(), location, source: source.into() }
    }
}

async fn taken(mut cursor: Cursor<RawDocumentBuf>, limit: usize) -> Result<Found, Failure> {
    let mut found = Vec::new();
    while found.len() < limit {
        match cursor.try_next().await? {
            Some(document) => found.push(document),
            None => return Ok((found, None)),
        }
    }
    Ok((found, Some(cursor)))
}

/// One that cannot be read is told with its id and nothing else: whoever looks for something in it finds it missing.
fn document(raw: &RawDocumentBuf, id: String) -> ForeignDocument {
    let fields = match Document::try_from(raw.as_ref()) {
        Ok(document) => object(document),
        Err(_) => Map::from_iter([("_id".to_owned(), Value::from(id.clone()))]),
    };
    ForeignDocument { id, fields }
}

fn object(document: Document) -> Map<String, Value> {
    document.into_iter().map(|(name, value)| (name, json(value))).collect()
}

fn json(value: Bson) -> Value {
    match value {
        Bson::Null | Bson::Undefined => Value::Null,
        Bson::Boolean(flag) => flag.into(),
        Bson::Int32(number) => number.into(),
        Bson::Int64(number) => number.into(),
        Bson::Double(number) if number.is_finite() => number.into(),
        Bson::Double(number) => number.to_string().into(),
        Bson::Decimal128(number) => number.to_string().into(),
        Bson::String(text) | Bson::Symbol(text) => text.into(),
        Bson::ObjectId(id) => id.to_hex().into(),
        Bson::DateTime(at) => {
            let millis = at.timestamp_millis();
            Timestamp::from_millis(millis).map_or_else(|_| millis.into(), |at| at.to_string().into())
        }
        Bson::Array(values) => Value::Array(values.into_iter().map(json).collect()),
        Bson::Document(document) => Value::Object(object(document)),
        other => json!({ "bson": format!("{:?}", other.element_type()) }),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::DateTime;

    use super::*;

    #[test]
    fn every_type_comes_as_what_a_reader_of_json_knows() {
        let id = ObjectId::parse_str("66f0c0ffee0000000000b001").unwrap();
        let value = doc! {
            "id": id, "at": DateTime::from_millis(1_795_486_542_000), "far": DateTime::from_millis(i64::MAX),
            "int": 7_i32, "long": 8_i64, "double": 1.5, "nan": f64::NAN, "none": Bson::Null, "text": "a",
            "decimal": Bson::Decimal128("12.50".parse().unwrap()), "list": [true, {"a": 1}], "key": Bson::MinKey
        };
        let expected = json!({
            "id": "66f0c0ffee0000000000b001", "at": "2026-11-24T02:15:42.000Z", "far": i64::MAX, "int": 7, "long": 8,
            "double": 1.5, "nan": "NaN", "none": null, "text": "a", "decimal": "12.50", "list": [true, {"a": 1}],
            "key": {"bson": "MinKey"}
        });
        assert_eq!(Value::Object(object(value)), expected);
    }
}
