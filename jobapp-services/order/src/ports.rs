//! What the order service stands on.

use std::sync::Arc;

use jobapp_directory::Directory;
use jobapp_orders::{PaymentProvider, Ports};
use jobapp_platform::{OpenError, Shared, Store};
use jobapp_runtime::Exclusive;

/// What the order service stands on.
#[derive(Clone)]
pub struct OrderPorts {
    /// What its use cases ask for.
    pub orders: Ports,
    /// Says which process looks after what is left lying.
    pub exclusive: Exclusive,
    /// Who is which buyer and which seller: this service's own copies.
    pub directory: Directory,
    /// What all services of the process have.
    pub shared: Shared,
}

impl OrderPorts {
    /// On this store; `provider` takes money and gives it back.
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had.
    pub async fn open(store: &Store, shared: &Shared, provider: Arc<dyn PaymentProvider>) -> Result<Self, OpenError> {
        let orders = Ports {
            orders: store.repository().await?,
            payments: store.repository().await?,
            gigs: store.repository().await?,
            offers: store.repository().await?,
            notifications: store.repository().await?,
            provider,
            clock: Arc::clone(&shared.clock),
            ids: Arc::clone(&shared.ids),
        };
        let directory = Directory::new(store.repository().await?);
        Ok(Self { orders, exclusive: shared.exclusive(store), directory, shared: shared.clone() })
    }
}
