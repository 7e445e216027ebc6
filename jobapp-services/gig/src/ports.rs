//! What the gig service stands on.

use std::sync::Arc;

use jobapp_directory::Directory;
use jobapp_gigs::{Gig, SelectedCategories, StoredCategories};
use jobapp_kernel::{Repository, Sequence};
use jobapp_platform::{OpenError, Search, Shared, Store};
use jobapp_runtime::Exclusive;

/// What the gig service stands on.
#[derive(Clone)]
pub struct GigPorts {
    /// The gigs.
    pub gigs: Arc<dyn Repository<Gig>>,
    /// Who is which seller: this service's own copies.
    pub directory: Directory,
    /// Numbers the gigs.
    pub numbers: Arc<dyn Sequence>,
    /// The index.
    pub search: Search,
    /// Says which process builds the index anew.
    pub exclusive: Exclusive,
    /// Which categories users looked at. The gateway's sockets tell it.
    pub categories: Arc<dyn SelectedCategories>,
    /// What all services of the process have.
    pub shared: Shared,
}

impl GigPorts {
    /// On this store and this index.
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had.
    pub async fn open(store: &Store, shared: &Shared, search: &Search) -> Result<Self, OpenError> {
        Ok(Self {
            gigs: store.repository().await?,
            directory: Directory::new(store.repository().await?),
            numbers: store.sequence(),
            search: search.clone(),
            exclusive: shared.exclusive(store),
            categories: Arc::new(StoredCategories::new(store.repository().await?)),
            shared: shared.clone(),
        })
    }
}
