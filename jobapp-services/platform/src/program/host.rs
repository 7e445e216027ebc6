//! What a program is opened on.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use jobapp_media::MediaLimits;
use jobapp_metrics::Metrics;
use jobapp_runtime::Shutdown;
use jobapp_telemetry::Traces;

use super::Base;
use crate::developer::guarded;
use crate::{
    Address, Analytics, Bus, Media, MediaConfig, OpenError, Part, Peers, Readiness, Search, Shared, Store, Vitals,
    WaitError, until_there,
};

/// What a program is opened on: what all services of a process have in common, and a way to wait for what is missing.
pub struct Host {
    base: Base,
    service: &'static str,
    bus: Bus,
    media: Option<Media>,
    shared: Shared,
    readiness: Readiness,
    shutdown: Shutdown,
}

impl Host {
    /// Opens what all programs stand on. Waits for what is missing.
    pub(super) async fn open(
        base: Base,
        service: &'static str,
        (metrics, traces): (Metrics, Traces),
        readiness: Readiness,
        shutdown: Shutdown,
    ) -> Result<Self, WaitError> {
        let bus =
            until_there("the message broker", &readiness, shutdown.token(), || Bus::open(&base.bus, base.sealing_key));
        let bus = bus.await?;
        let media = until_there("the store of media", &readiness, shutdown.token(), async || media(&base)).await?;
        let shared = Shared { metrics, traces, ..Shared::in_memory() };
        let shared = match (&base.users, &media) {
            (Some(users), Some(media)) => {
                let (user_tokens, gateway_tokens) = users.tokens.tokens();
                Shared { media: media.store(), user_tokens, gateway_tokens, ..shared }
            }
            _ => shared,
        };
        let publisher = shared.traces.publisher(service, bus.system(), bus.publisher());
        let shared = Shared { publisher, ..shared };
        if let Some(media) = &media {
            readiness.stands_on(Arc::new(TheMedia(media.clone())));
        }
        Ok(Self { base, service, bus, media, shared, readiness, shutdown })
    }

    /// The settings that all programs have.
    pub const fn base(&self) -> &Base {
        &self.base
    }

    /// What all services of a process have in common.
    pub const fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The pages that show media, or send on to where they are shown.
    pub fn media_pages(&self) -> Router {
        self.media.as_ref().map(Media::router).unwrap_or_default()
    }

    /// These pages, if developers are helped, for who reaches them by a name of this machine.
    pub fn for_developers(&self, pages: Router) -> Router {
        if self.base.developer_mode { guarded(pages, self.base.web.gateway()) } else { Router::new() }
    }

    pub(super) const fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Opens the service's store. On a server that others share it has tables of its own, by the service's name, unless the address
    /// says otherwise. The process is not ready while the store is in trouble.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn store(&self, address: &Address) -> Result<Store, WaitError> {
        let address = address.clone().in_namespace(self.service);
        let store = self.until_there("the database", || Store::open(&address, self.base.sealing_key)).await?;
        let store = store.traced(&self.shared.traces);
        self.readiness.stands_on(Arc::new(OneStore(store.clone())));
        Ok(store)
    }

    /// Opens what several processes share. It need not be there yet; while it is away, the process goes by what it knows itself.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn peers(&self, address: &Address) -> Result<Peers, WaitError> {
        let peers = self.until_there("what processes share", async || Peers::open(address)).await?;
        self.readiness.stands_on(Arc::new(ThePeers(peers.clone())));
        Ok(peers)
    }

    /// Opens the search index. It need not be there yet; while it is away, the store answers.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn search(&self, address: &Address) -> Result<Search, WaitError> {
        let search = self.until_there("the search index", async || Search::open(address)).await?;
        self.readiness.stands_on(Arc::new(TheSearch(search.clone())));
        Ok(search)
    }

    /// Opens the analytics of reviews in a database of their own. On a server that others share they have tables of their own, by the
    /// service's name, unless the address says otherwise. They need not be there yet; while they are away, reviews are written and
    /// read all the same.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn analytics(&self, address: &Address) -> Result<Analytics, WaitError> {
        let (address, key) = (address.clone().in_namespace(self.service), self.base.sealing_key);
        let opening = async || Analytics::open(&address, key, self.shutdown.token().clone());
        let analytics = self.until_there("the analytics", opening).await?;
        self.readiness.stands_on(Arc::new(TheAnalytics(analytics.clone())));
        Ok(analytics)
    }

    /// How the things are on which the process stands, for who tells that himself.
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Tries until it succeeds, and says meanwhile what is missing.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn until_there<T, F>(&self, what: &str, attempt: impl FnMut() -> F) -> Result<T, WaitError>
    where
        F: Future<Output = Result<T, OpenError>>,
    {
        until_there(what, &self.readiness, self.shutdown.token(), attempt).await
    }
}

/// Opens the store of media. Addresses of private files are signed with a key made of a secret that no client sees a use of.
pub(super) fn media(base: &Base) -> Result<Option<Media>, OpenError> {
    let Some(users) = &base.users else { return Ok(None) };
    let limits = MediaLimits::within(base.bodies.picture, base.bodies.file);
    let config = MediaConfig::signed_by(&users.tokens.gateway, base.web.gateway(), limits);
    Media::open(&users.media, config).map(Some)
}

struct OneStore(Store);

#[async_trait]
impl Vitals for OneStore {
    async fn parts(&self) -> Vec<Part> {
        vec![Part::vital("the database", self.0.trouble().await)]
    }
}

struct ThePeers(Peers);

#[async_trait]
impl Vitals for ThePeers {
    async fn parts(&self) -> Vec<Part> {
        vec![Part { is_vital: false, ..Part::vital("what processes share", self.0.trouble().await) }]
    }
}

struct TheAnalytics(Analytics);

#[async_trait]
impl Vitals for TheAnalytics {
    async fn parts(&self) -> Vec<Part> {
        vec![Part { is_vital: false, ..Part::vital("the analytics", self.0.trouble().await) }]
    }
}

struct TheSearch(Search);

#[async_trait]
impl Vitals for TheSearch {
    async fn parts(&self) -> Vec<Part> {
        vec![Part { is_vital: false, ..Part::vital("the search index", self.0.trouble().await) }]
    }
}

struct TheMedia(Media);

#[async_trait]
impl Vitals for TheMedia {
    async fn parts(&self) -> Vec<Part> {
        vec![Part { is_vital: false, ..Part::vital("the store of media", self.0.trouble()) }]
    }
}
