//! What is beside the API: pages for people, the document of the API, health.

mod account;
mod beside;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod reference;
pub(crate) mod vitals;

use axum::Router;
use axum::routing::get;

pub(crate) use beside::answer;
use health::Health;
use home::Home;
use reference::Document;

/// Every page of the gateway's own. `document` is the API's; in developer mode the pages say where mails and payments are.
pub(crate) fn router(home: Home, health: Health, document: Document, developer_mode: bool) -> Router {
    let probes = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/gateway-health", get(health::health))
        .with_state(health);
    Router::new()
        .route("/", get(home::home))
        .with_state(home)
        .merge(probes)
        .merge(reference::router(document, developer_mode))
        .merge(account::router(developer_mode))
}
