//! What each service keeps.

use std::sync::Arc;

use jobapp_auth_service::AuthPorts;
use jobapp_chat_service::ChatPorts;
use jobapp_gig_service::GigPorts;
use jobapp_kernel::Layout;
use jobapp_order_service::OrderPorts;
use jobapp_platform::{Address, OpenError, Payments, Search, Shared, Store};
use jobapp_review_service::ReviewPorts;
use jobapp_users_service::UsersPorts;

/// The services that keep something in a store.
pub const SERVICES: [&str; 6] = ["auth", "users", "gig", "chat", "order", "review"];

/// What keeps its own among what is in the store of a program: a provider of payments of our own keeps them beside the orders.
fn parts(service: &str) -> Vec<&str> {
    if service == "order" { vec![service, "payments"] } else { vec![service] }
}

/// Brings the store of a service's program up to date with all it keeps, as its start does. Other processes may do the same at once, and
/// others go on with the old keys meanwhile.
///
/// # Errors
/// [`OpenError`] when a repository cannot be had, or the service is none of [`SERVICES`].
pub async fn declare(service: &str, store: &Store) -> Result<(), OpenError> {
    for part in parts(service) {
        declare_part(part, store).await?;
    }
    Ok(())
}

/// The same for one part: a service, or `payments`.
async fn declare_part(part: &str, store: &Store) -> Result<(), OpenError> {
    let shared = Shared::in_memory();
    match part {
        "auth" => AuthPorts::open(store, &shared).await.map(drop),
        "users" => UsersPorts::open(store, &shared).await.map(drop),
        "gig" => GigPorts::open(store, &shared, &Search::in_memory()).await.map(drop),
        "chat" => ChatPorts::open(store, &shared).await.map(drop),
        "order" => {
            let provider = payments(&Store::in_memory(), &shared).await?.provider();
            OrderPorts::open(store, &shared, provider).await.map(drop)
        }
        "payments" => payments(store, &shared).await.map(drop),
        "review" => ReviewPorts::open(store, &shared).await.map(drop),
        other => Err(OpenError::of(format!("there is no service {other}; known are {}", SERVICES.join(", ")))),
    }
}

async fn payments(store: &Store, shared: &Shared) -> Result<Payments, OpenError> {
    Payments::open(&Address::new("jobapp-ctl", "fake", ""), store, Arc::clone(&shared.clock)).await
}

/// The layout that this version wants the store of a service's program to have.
///
/// # Errors
/// As [`declare`].
pub async fn layout_of(service: &str) -> Result<Layout, OpenError> {
    let store = Store::in_memory();
    declare(service, &store).await?;
    Ok(store.layout())
}

/// The same of a store of the one binary, which keeps `payments` in one of their own.
///
/// # Errors
/// As [`declare`].
pub async fn layout_of_part(part: &str) -> Result<Layout, OpenError> {
    let store = Store::in_memory();
    declare_part(part, &store).await?;
    Ok(store.layout())
}
