//! What a gateway stands on beside its services.

use std::sync::Arc;

use jobapp_gigs::SelectedCategories;
use jobapp_kernel::{RateLimiter, SharedCache};
use jobapp_memory::{MemoryFanout, MemoryPresence};
use jobapp_metrics::Metrics;
use jobapp_platform::{NoParts, Peers, Vitals};
use jobapp_realtime::{Fanout, Presence};
use jobapp_telemetry::Traces;

/// What gateways share, and what they are told of the things under their services.
#[derive(Clone)]
pub struct GatewayPorts {
    /// Who is online, at all gateways together.
    pub presence: Arc<dyn Presence>,
    /// The way to the other gateways.
    pub fanout: Arc<dyn Fanout>,
    /// Which category a user looked at last.
    pub categories: Arc<dyn SelectedCategories>,
    /// Where tries of what is rare and dear are counted, such as of passwords; without one, each gateway counts its own.
    pub limiter: Option<Arc<dyn RateLimiter>>,
    /// How the things are on which the services stand.
    pub vitals: Arc<dyn Vitals>,
    /// Answers that all gateways keep together; `None` when each keeps its own.
    pub cache: Option<Arc<dyn SharedCache>>,
    /// What is counted of it.
    pub metrics: Metrics,
    /// What is traced of it.
    pub traces: Traces,
}

impl GatewayPorts {
    /// For a gateway that is the only one.
    pub fn alone(categories: Arc<dyn SelectedCategories>) -> Self {
        Self {
            presence: Arc::new(MemoryPresence::default()),
            fanout: Arc::new(MemoryFanout::keeping(0)),
            categories,
            limiter: None,
            vitals: Arc::new(NoParts),
            cache: None,
            metrics: Metrics::new(),
            traces: Traces::off(),
        }
    }

    /// For one of several gateways.
    pub fn among(peers: Peers, categories: Arc<dyn SelectedCategories>) -> Self {
        let Peers { presence, fanout, limiter, cache, .. } = peers;
        let (limiter, cache) = (Some(limiter), Some(cache));
        let (vitals, metrics, traces) = (Arc::new(NoParts), Metrics::new(), Traces::off());
        Self { presence, fanout, categories, limiter, vitals, cache, metrics, traces }
    }

    /// The same, whose strict limits hold for everybody who shares this limiter.
    #[must_use]
    pub fn sharing_limits(self, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limiter: Some(limiter), ..self }
    }

    /// The same, whose gateway is counted here.
    #[must_use]
    pub fn counted_in(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// The same, whose gateway is traced here.
    #[must_use]
    pub fn traced_in(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// The same, whose gateway tells how these things are.
    #[must_use]
    pub fn standing_on(self, vitals: Arc<dyn Vitals>) -> Self {
        Self { vitals, ..self }
    }
}
