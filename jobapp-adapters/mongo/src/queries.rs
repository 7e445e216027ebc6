//! What is asked of the collection of one kind of aggregate.

use jobapp_kernel::{Aggregate, Bounds, Cursor, Direction, Key, KeyValue, PageRequest, RepositoryError};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use crate::failure::Failure;
use crate::fields::{STATE, VERSION, index_name, is_there, sort_field, stored, value_field};

/// A list to be read: from one collection, in one order.
pub(crate) struct List {
    /// What belongs to it.
    filter: Document,
    /// Of a key of many values, each is a place of its own: the field, and which of its values count.
    each: Option<(String, Document)>,
    /// The field it is sorted by; then by id.
    pub(crate) sort: String,
    direction: i32,
    /// How many to read.
    limit: i64,
}

/// What a value is loaded from, and one more field.
pub(crate) fn loaded(sort: &str) -> Document {
    doc! {VERSION: 1, STATE: 1, sort: 1}
}

/// A number of documents, as it is asked for.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// That an aggregate has this value of a key.
pub(crate) fn having<A>(key: &Key<A>, value: &KeyValue) -> Document {
    let mut filter = doc! {value_field(key.name): stored(value)};
    filter.extend(is_there());
    filter
}

/// Fails for a key that is not declared: there is no index by it.
pub(crate) fn declared<A: Aggregate>(key: &Key<A>) -> Result<(), RepositoryError> {
    if A::keys().iter().any(|declared| declared.name == key.name) {
        return Ok(());
    }
    let reason = format!("its key {} is not among its declared keys", key.name);
    Err(RepositoryError::unavailable(format!("look for a {}", A::NAME), reason))
}

/// The index by the values of a key: in the order of its lists, or of its ranges where a list has one item. Unique it is by claims.
pub(crate) fn index<A>(key: &Key<A>) -> IndexModel {
    let mut keys = doc! {value_field(key.name): 1};
    if !key.unique {
        keys.insert(sort_field(key.name), 1);
    }
    keys.insert("_id", 1);
    IndexModel::builder().keys(keys).options(IndexOptions::builder().name(index_name(key.name)).build()).build()
}

impl List {
    /// The values with this value of the key, and one more than the page has.
    pub(crate) fn of<A>(key: &Key<A>, value: &KeyValue, page: &PageRequest) -> Self {
        let sort = sort_field(key.name);
        let mut filter = having(key, value);
        behind(&mut filter, &sort, page);
        Self::new(filter, None, sort, page)
    }

    /// The values whose value of the key is within bounds, and one more than the page has.
    pub(crate) fn range<A>(key: &Key<A>, bounds: &Bounds, page: &PageRequest) -> Self {
        let sort = value_field(key.name);
        // What has no value is of no type that a bound has.
        let least = if key.int { Bson::Int64(i64::MIN) } else { Bson::String(String::new()) };
        let mut within = doc! {"$gte": bounds.from.as_ref().map_or(least, stored)};
        if let Some(until) = &bounds.until {
            within.insert("$lt", stored(until));
        }
        let mut filter = doc! {&sort: within};
        filter.extend(is_there());
        let each = key.many.then(|| {
            let mut each = filter.clone();
            behind(&mut each, &sort, page);
            (sort.clone(), each)
        });
        if !key.many {
            behind(&mut filter, &sort, page);
        }
        Self::new(filter, each, sort, page)
    }

    fn new(filter: Document, each: Option<(String, Document)>, sort: String, page: &PageRequest) -> Self {
        let direction = if page.direction == Direction::Ascending { 1 } else { -1 };
        Self { filter, each, sort, direction, limit: limit(page.limit.saturating_add(1)) }
    }

    /// Reads it.
    pub(crate) async fn read(self, collection: Collection<Document>) -> Result<Vec<Document>, Failure> {
        use futures::TryStreamExt as _;
        let order = doc! {&self.sort: self.direction, "_id": self.direction};
        let Some((field, each)) = self.each else {
            let found = collection.find(self.filter).sort(order).limit(self.limit).projection(loaded(&self.sort));
            return Ok(found.await?.try_collect().await?);
        };
        let steps = [
            doc! {"$match": self.filter},
            doc! {"$unwind": format!("${field}")},
            doc! {"$match": each},
            doc! {"$sort": order},
            doc! {"$limit": self.limit},
            // Nothing else is left of a document in FerretDB 1 anyway.
            doc! {"$project": {&field: 1}},
        ];
        let places: Vec<Document> = collection.aggregate(steps).await?.try_collect().await?;
        let ids: Vec<Bson> = places.iter().filter_map(|place| place.get("_id").cloned()).collect();
        let mut filter = doc! {"_id": {"$in": ids}};
        filter.extend(is_there());
        let found = collection.find(filter).projection(doc! {VERSION: 1, STATE: 1}).await?;
        let found: Vec<Document> = found.try_collect().await?;
        // Each comes as often as it has a place, and with what it has there.
        let at_place = |place: &Document| {
            let mut document = found.iter().find(|document| document.get("_id") == place.get("_id"))?.clone();
            document.insert(field.clone(), place.get(&field)?.clone());
            Some(document)
        };
        Ok(places.iter().filter_map(at_place).collect())
    }
}

/// What lies behind the cursor of a page. The first condition follows from the second; it is there because an index can use it.
fn behind(filter: &mut Document, sort: &str, page: &PageRequest) {
    let Some(Cursor { sort: last, id }) = &page.after else { return };
    let (further, not_before) = match page.direction {
        Direction::Ascending => ("$gt", "$gte"),
        Direction::Descending => ("$lt", "$lte"),
    };
    let last = stored(last);
    let further_on = doc! {"$or": [{sort: {further: last.clone()}}, {sort: last.clone(), "_id": {further: id}}]};
    filter.insert("$and", vec![doc! {sort: {not_before: last}}, further_on]);
}
