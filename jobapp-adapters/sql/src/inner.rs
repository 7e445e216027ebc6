//! What the parts of a store share.

use std::sync::Arc;

use jobapp_kernel::{Clock, Turns};
use sea_orm::DbBackend;
use tokio::sync::Notify;

use crate::config::Headers;
use crate::connections::Connections;
use crate::outbox::{Hands, OutboxStatements};
use crate::tables::Names;
use crate::{Location, Seal};

pub(crate) struct Inner {
    pub(crate) connections: Connections,
    pub(crate) names: Names,
    pub(crate) location: Location,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) headers: Option<Headers>,
    pub(crate) seal: Option<Seal>,
    pub(crate) changed: Notify,
    pub(crate) outbox: OutboxStatements,
    pub(crate) hands: Hands,
    pub(crate) turns: Turns,
}

impl Inner {
    pub(crate) fn backend(&self) -> DbBackend {
        self.connections.backend()
    }
}
