//! What the parts of a store share.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use jobapp_kernel::{Clock, Turns};
use mongodb::Collection;
use mongodb::bson::Document;
use tokio::sync::Notify;

use crate::claims::Claims;
use crate::clock::ServerClock;
use crate::config::Headers;
use crate::connection::Connection;
use crate::entry::Tickets;
use crate::fields::Names;
use crate::{MongoAddress, Seal};

pub(crate) struct Inner {
    pub(crate) connection: Connection,
    pub(crate) names: Names,
    pub(crate) address: MongoAddress,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) server_clock: ServerClock,
    pub(crate) headers: Option<Headers>,
    pub(crate) seal: Option<Seal>,
    pub(crate) tickets: Tickets,
    pub(crate) changed: Notify,
    pub(crate) turns: Turns,
    /// The kinds of aggregates the store has, whoever registered them.
    pub(crate) kinds: RwLock<BTreeSet<String>>,
}

impl Inner {
    /// The collection of a kind of aggregate.
    pub(crate) fn kind(&self, name: &str) -> Collection<Document> {
        self.connection.collection(&self.names.of_kind(name))
    }

    /// Claims on unique values of a kind of aggregate.
    pub(crate) fn claims(&self, kind: &str) -> Claims {
        Claims { claims: self.connection.collection(&self.names.claims), own: self.kind(kind) }
    }

    /// Claims on the causes of changes to a kind of aggregate.
    pub(crate) fn causes(&self, kind: &str) -> Claims {
        Claims { claims: self.connection.collection(&self.names.inbox), own: self.kind(kind) }
    }

    /// The kinds that are known by now.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
