//! What the auth service stands on.

use std::sync::Arc;

use jobapp_auth::Ports;
use jobapp_platform::{OpenError, Shared, Store};
use jobapp_runtime::Exclusive;

use crate::{Argon2Hasher, SystemSecrets};

/// What the auth service stands on.
#[derive(Clone)]
pub struct AuthPorts {
    /// What its use cases ask for.
    pub auth: Ports,
    /// What one process at a time does.
    pub exclusive: Exclusive,
    /// What all services of the process have. The users' tokens are also the ones that are issued.
    pub shared: Shared,
}

impl AuthPorts {
    /// On this store, with passwords hashed by [`Argon2Hasher`].
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had, or passwords cannot be hashed here.
    pub async fn open(store: &Store, shared: &Shared) -> Result<Self, OpenError> {
        let auth = Ports {
            accounts: store.repository().await?,
            sessions: store.repository().await?,
            pending: store.repository().await?,
            attempts: store.repository().await?,
            numbers: store.sequence(),
            media: Arc::clone(&shared.media),
            hasher: Arc::new(Argon2Hasher::new().map_err(OpenError::of)?),
            secrets: Arc::new(SystemSecrets),
            clock: Arc::clone(&shared.clock),
            ids: Arc::clone(&shared.ids),
        };
        Ok(Self { auth, exclusive: shared.exclusive(store), shared: shared.clone() })
    }
}
