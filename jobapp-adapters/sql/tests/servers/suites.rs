//! Every promise of a store, on each server.

use std::sync::Arc;

use jobapp_contracts::Harness;
use jobapp_contracts::analytics::Totals;
use jobapp_contracts::categories::Categories;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::inventory::Shelf;
use jobapp_contracts::leases::Desk;
use jobapp_gigs::StoredCategories;
use jobapp_sql::{Namespace, Seal, SqlStore};
use jobapp_test_servers::Kind;

use crate::migrations;
use crate::place::{Place, config, harness};

async fn alone(kind: Kind) -> Harness {
    let place = Place::on_shared(kind).await;
    let url = place.url();
    harness(place, url, "kettle").await
}

async fn desk(kind: Kind) -> Desk {
    let place = Place::on_shared(kind).await;
    let (leases, elsewhere) = (place.open().await.leases(), place.open().await.leases());
    Desk { leases, elsewhere, keep: place }
}

/// A store in a namespace, looked at by a handle of its own, which needs no key.
async fn shelf(kind: Kind) -> Shelf {
    let place = Place::on_shared(kind).await;
    let config = |name: &str| config(&place.url()).namespace(Namespace::new(name).unwrap());
    let store = SqlStore::open(config("own").sealed(Seal::new([7; Seal::KEY_BYTES]))).await.unwrap();
    let (kettles, outbox) = (store.register::<Kettle>().await.unwrap(), store.outbox());
    let look = async |name| SqlStore::attach(config(name)).await.unwrap().inventory();
    let (inventory, unused) = (look("own").await, look("other").await);
    Shelf { kettles, outbox, inventory, unused, keep: place }
}

async fn totals(kind: Kind) -> Totals {
    let place = Place::on_shared(kind).await;
    Totals::of(place.open().await.analytics().await.unwrap()).keeping(place)
}

async fn categories(kind: Kind) -> Categories {
    let place = Place::on_shared(kind).await;
    Categories::of(Arc::new(StoredCategories::new(place.open().await.register().await.unwrap()))).keeping(place)
}

async fn empty(kind: Kind) -> (SqlStore, Arc<Place>) {
    let place = Place::on_shared(kind).await;
    (place.open().await, place)
}

/// The first start with a key seals what waits; the second finds it sealed.
async fn is_sealed_once(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let seal = Seal::new([7; Seal::KEY_BYTES]);
    for _ in 0..2 {
        SqlStore::open(config(&place.url()).sealed(seal.clone())).await.unwrap().close().await.unwrap();
    }
    SqlStore::open(config(&place.url())).await.unwrap_err();
}

macro_rules! on {
    ($module:ident, $kind:expr) => {
        mod $module {
            use super::*;

            jobapp_contracts::repository!(alone($kind));
            jobapp_contracts::durability!(alone($kind));
            jobapp_contracts::leases!(desk($kind));
            jobapp_contracts::inventory!(shelf($kind));
            jobapp_contracts::analytics!(totals($kind));
            jobapp_contracts::categories!(categories($kind));
            migrations::migrations!(empty($kind));

            #[tokio::test(flavor = "multi_thread")]
            async fn stores_that_are_opened_together_migrate_once() {
                let place = Place::on_shared($kind).await;
                let open = async || place.open().await;
                migrations::stores_that_are_opened_together_migrate_once(&place.open().await, open).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn an_outbox_is_sealed_once() {
                is_sealed_once($kind).await;
            }
        }
    };
}

on!(postgres, Kind::Postgres);
on!(mysql, Kind::MySql);
