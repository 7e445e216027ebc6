//! What the chat service stands on.

use std::sync::Arc;

use jobapp_chat::Chat;
use jobapp_directory::Directory;
use jobapp_platform::{OpenError, Shared, Store};

/// What the chat service stands on.
#[derive(Clone)]
pub struct ChatPorts {
    /// Its use cases, with what they ask for.
    pub chat: Chat,
    /// What all services of the process have.
    pub shared: Shared,
}

impl ChatPorts {
    /// On this store.
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had.
    pub async fn open(store: &Store, shared: &Shared) -> Result<Self, OpenError> {
        let chat = Chat {
            conversations: store.repository().await?,
            messages: store.repository().await?,
            gigs: store.repository().await?,
            deleted_gigs: store.repository().await?,
            directory: Directory::new(store.repository().await?),
            media: Arc::clone(&shared.media),
            clock: Arc::clone(&shared.clock),
            ids: Arc::clone(&shared.ids),
        };
        Ok(Self { chat, shared: shared.clone() })
    }
}
