//! What the users service stands on.

use std::sync::Arc;

use jobapp_platform::{OpenError, Shared, Store};
use jobapp_users::Ports;

use crate::dice::ThreadDice;

/// What the users service stands on.
#[derive(Clone)]
pub struct UsersPorts {
    /// What its use cases ask for.
    pub users: Ports,
    /// What all services of the process have.
    pub shared: Shared,
}

impl UsersPorts {
    /// On this store.
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had.
    pub async fn open(store: &Store, shared: &Shared) -> Result<Self, OpenError> {
        let users = Ports {
            buyers: store.repository().await?,
            sellers: store.repository().await?,
            numbers: store.sequence(),
            clock: Arc::clone(&shared.clock),
            ids: Arc::clone(&shared.ids),
            dice: Arc::new(ThreadDice),
        };
        Ok(Self { users, shared: shared.clone() })
    }
}
