//! Every promise of a store.

use std::sync::Arc;

use jobapp_contracts::Harness;
use jobapp_contracts::analytics::Totals;
use jobapp_contracts::categories::Categories;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::inventory::Shelf;
use jobapp_contracts::leases::Desk;
use jobapp_gigs::StoredCategories;
use jobapp_mongo::{MongoStore, Seal};
use jobapp_reviews::StoredAnalytics;

use crate::place::{Place, config, harness};

async fn alone() -> Harness {
    let place = Place::on_shared().await;
    let config = config(&place.url());
    harness(place, config, "kettle").await
}

async fn desk() -> Desk {
    let place = Place::on_shared().await;
    let (leases, elsewhere) = (place.open().await.leases(), place.open().await.leases());
    Desk { leases, elsewhere, keep: place }
}

/// A store in a namespace, looked at by a handle of its own, which needs no key.
async fn shelf() -> Shelf {
    let place = Place::on_shared().await;
    let sealed = config(&place.url_of("own")).sealed(Seal::new([7; Seal::KEY_BYTES]));
    let store = MongoStore::open(sealed).await.unwrap();
    let (kettles, outbox) = (store.register::<Kettle>().await.unwrap(), store.outbox());
    let look = async |name| MongoStore::attach(config(&place.url_of(name))).await.unwrap().inventory();
    let (inventory, unused) = (look("own").await, look("other").await);
    Shelf { kettles, outbox, inventory, unused, keep: place }
}

async fn totals() -> Totals {
    let place = Place::on_shared().await;
    let store = place.open().await;
    let (months, editions) = (store.register().await.unwrap(), store.register().await.unwrap());
    Totals::of(Arc::new(StoredAnalytics::new(months, editions))).keeping(place)
}

async fn categories() -> Categories {
    let place = Place::on_shared().await;
    Categories::of(Arc::new(StoredCategories::new(place.open().await.register().await.unwrap()))).keeping(place)
}

jobapp_contracts::repository!(alone());
jobapp_contracts::durability!(alone());
jobapp_contracts::leases!(desk());
jobapp_contracts::inventory!(shelf());
jobapp_contracts::analytics!(totals());
jobapp_contracts::categories!(categories());
