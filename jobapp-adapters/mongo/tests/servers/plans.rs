//! Every question is answered by an index: as far as it can be seen here, what is asked for begins with the fields of one.

use futures::TryStreamExt;
use jobapp_contracts::fixture::Kettle;
use jobapp_kernel::Aggregate;
use mongodb::bson::{Document, doc};
use mongodb::{Collection, IndexModel};

use crate::place::Place;

/// The fields of each index of kettles, by name.
async fn indexes(place: &Place) -> Vec<(String, Document, bool)> {
    let kettles: Collection<Document> = place.database().await.collection("kettle");
    let found: Vec<IndexModel> = kettles.list_indexes().await.unwrap().try_collect().await.unwrap();
    let mut found: Vec<(String, Document, bool)> = found
        .into_iter()
        .map(|index| {
            let options = index.options.unwrap_or_default();
            (options.name.unwrap_or_default(), index.keys, options.unique.unwrap_or(false))
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_index_for_every_question() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    store.register::<Kettle>().await.unwrap();
    let found = indexes(&place).await;
    let of = |name: &str| found.iter().find(|index| index.0 == name).map(|index| index.1.clone());
    assert_eq!(of("_id_"), Some(doc! {"_id": 1}));
    assert_eq!(of("by_oldest"), Some(doc! {"oldest": 1}), "where something waits");
    assert_eq!(of("by_gone"), Some(doc! {"gone": 1}), "what is left of the deleted");
    for key in Kettle::keys() {
        let (value, sort) = (format!("k_{}", key.name), format!("s_{}", key.name));
        let keys = if key.unique {
            doc! {value: 1, "_id": 1}
        } else {
            doc! {value: 1, sort: 1, "_id": 1}
        };
        assert_eq!(of(&format!("by_{}", key.name)), Some(keys));
    }
    assert_eq!(found.len(), Kettle::keys().len() + 3, "{found:?}");
    assert!(found.iter().all(|index| !index.2), "unique is what is claimed");
}

/// Registering again, in whatever process, changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_made_once() {
    let place = Place::on_shared().await;
    place.open().await.register::<Kettle>().await.unwrap();
    let before = indexes(&place).await;
    place.open().await.register::<Kettle>().await.unwrap();
    assert_eq!(indexes(&place).await, before);
}
