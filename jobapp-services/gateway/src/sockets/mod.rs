//! Sockets: who is behind them, and what gateways tell each other.

pub(crate) mod handshake;
pub(crate) mod news;

use std::sync::Arc;

use jobapp_gigs::SelectedCategories;
use jobapp_realtime::{Fanout, Presence, Realtime, RealtimeConfig, RealtimePorts};

use crate::door::origin::Origins;
use handshake::Handshakes;
use news::Following;

/// What gateways share about sockets.
pub(crate) struct Shared {
    pub(crate) presence: Arc<dyn Presence>,
    pub(crate) fanout: Arc<dyn Fanout>,
    pub(crate) categories: Arc<dyn SelectedCategories>,
}

/// Starts the realtime server of a gateway.
pub(crate) async fn start(
    config: &RealtimeConfig,
    origins: Origins,
    handshakes: Handshakes,
    news: Following,
    shared: Shared,
) -> Realtime {
    let Shared { presence, fanout, categories } = shared;
    let mut config = config.clone();
    config.allow_origin = Arc::new(move |origin| origins.allows(origin));
    let (handshake, news) = (Arc::new(handshakes), Arc::new(news));
    Realtime::start(config, RealtimePorts { handshake, presence, fanout, news, categories }).await
}

/// The name of a gateway: another one after each start.
pub(crate) fn fresh_name() -> String {
    use jobapp_kernel::Ids;
    format!("gateway-{}", jobapp_runtime::SystemIds::default().object_id())
}
