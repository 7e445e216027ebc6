//! A database of another system, which is only read.

use std::fmt;

use futures::TryStreamExt;
use jobapp_kernel::Timestamp;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use serde_json::{Map, Value, json};

use crate::connection::Connection;
use crate::failure::Failure;
use crate::{MongoAddress, MongoConfig, MongoStoreError};

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
}

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
        let connection =
            Connection::open(&address).await.map_err(|failure| MongoStoreError::open(&address, failure))?;
        Ok(Self { connection, address })
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
        let at_most = i64::try_from(limit).unwrap_or(i64::MAX);
        let skipped = match after {
            None => Some(0),
            Some(after) => after.strip_prefix(OTHER).and_then(|number| number.parse().ok()),
        };
        if let Some(skipped) = skipped {
            let others = doc! {"_id": {"$not": {"$type": "objectId"}}};
            let found = self.find(collection, others, skipped, at_most).await?;
            if !found.is_empty() {
                let numbered = found.into_iter().zip(skipped + 1..);
                return Ok(numbered.map(|(raw, number)| document(&raw, format!("{OTHER}{number}"))).collect());
            }
        }
        let after = match after.filter(|_| skipped.is_none()).map(ObjectId::parse_str).transpose() {
            Ok(after) => after,
            Err(error) => return Err(self.failed(collection, error)),
        };
        let behind = match after {
            Some(after) => doc! {"_id": {"$gt": after}},
            None => doc! {"_id": {"$type": "objectId"}},
        };
        let found = self.find(collection, behind, 0, at_most).await?;
        let id = |raw: &RawDocumentBuf| raw.get_object_id("_id").map_or_else(|_| String::new(), |id| id.to_hex());
        Ok(found.iter().map(|raw| document(raw, id(raw))).collect())
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

    async fn find(
        &self,
        collection: &str,
        which: Document,
        skip: u64,
        limit: i64,
    ) -> Result<Vec<RawDocumentBuf>, ForeignError> {
        let documents = self.connection.collection(collection).clone_with_type::<RawDocumentBuf>();
        let finding = async move {
            let found = documents.find(which).sort(doc! {"_id": 1}).skip(skip).limit(limit).await?;
            found.try_collect().await.map_err(Failure::from)
        };
        self.connection.run(finding).await.map_err(|failure: Failure| self.failed(collection, failure))
    }

    fn failed(&self, collection: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ForeignError {
        let location = self.address.to_string();
        ForeignError { collection: collection.to_owned(), location, source: source.into() }
    }
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
