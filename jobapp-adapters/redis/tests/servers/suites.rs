//! Every port in Redis keeps what every one of them promises, between two processes.

use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::cache::Caches;
use jobapp_contracts::categories::Categories;
use jobapp_contracts::fanout::Gateways as Listening;
use jobapp_contracts::leases::Desk;
use jobapp_contracts::limits::Limiters;
use jobapp_contracts::mail::Records;
use jobapp_contracts::presence::Gateways as Telling;

use crate::place::Place;

async fn limiters() -> Limiters {
    let place = Place::fresh().await;
    Limiters::shared(Arc::new(place.redis().limiter()), Arc::new(place.redis().limiter()))
}

async fn records() -> Records {
    let place = Place::fresh().await;
    let elsewhere = Arc::new(place.redis().sent_records());
    Records { elsewhere, ..Records::of_one_process(Arc::new(place.redis().sent_records())) }
}

async fn events() -> Listening {
    let place = Place::fresh().await;
    let (fanout, elsewhere) = (Arc::new(place.redis().fanout()), Arc::new(place.redis().fanout()));
    Listening { fanout, elsewhere, keep: Arc::new(()) }
}

async fn gateways() -> Telling {
    let place = Place::fresh().await;
    // Long enough for a slow test, short enough to wait for a dead gateway.
    let presence = || Arc::new(place.redis().presence().with_lease(Duration::from_secs(4)));
    Telling { here: presence(), there: presence(), keep: Arc::new(()) }
}

async fn chosen() -> Categories {
    Categories::of(Arc::new(Place::fresh().await.redis().categories()))
}

async fn desk() -> Desk {
    let place = Place::fresh().await;
    let (leases, elsewhere) = (Arc::new(place.redis().leases()), Arc::new(place.redis().leases()));
    Desk { leases, elsewhere, keep: Arc::new(()) }
}

async fn caches() -> Caches {
    let place = Place::fresh().await;
    let (cache, elsewhere) = (Arc::new(place.redis().cache()), Arc::new(place.redis().cache()));
    Caches { cache, elsewhere, keep: Arc::new(()) }
}

jobapp_contracts::cache!(caches());
jobapp_contracts::limits!(limiters());
jobapp_contracts::sent_records!(records());
jobapp_contracts::fanout!(events());
jobapp_contracts::presence!(gateways());
jobapp_contracts::categories!(chosen());
jobapp_contracts::leases!(desk());
