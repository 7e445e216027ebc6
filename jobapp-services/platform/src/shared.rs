//! What the services of a process have in common.

use std::sync::Arc;

use jobapp_http::{GatewayTokens, ServiceGuard, TokenKeys, UserTokens};
use jobapp_kernel::{Clock, Ids, MediaStore, Publisher};
use jobapp_media::MemoryMedia;
use jobapp_memory::MemoryBus;
use jobapp_metrics::Metrics;
use jobapp_runtime::{Exclusive, SystemClock, SystemIds};
use jobapp_telemetry::Traces;
use secrecy::SecretString;

use crate::Store;

/// How long an access token lives, in seconds.
pub(crate) const ACCESS_SECONDS: u64 = 15 * 60;

/// What every service of a process gets. A clone is another handle.
#[derive(Clone)]
pub struct Shared {
    /// What the process goes by where several agree who does something: a name that no other has at the same time. The holder of a
    /// data folder has the name of the one before, whose leases are then its own at once, and not when they are over.
    pub process: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Stores pictures and files.
    pub media: Arc<dyn MediaStore>,
    /// Takes messages that no event stands behind, such as questions and answers.
    pub publisher: Arc<dyn Publisher>,
    /// Makes and verifies the gateway's tokens.
    pub gateway_tokens: GatewayTokens,
    /// Makes and verifies users' tokens.
    pub user_tokens: UserTokens,
    /// What is counted of all of them.
    pub metrics: Metrics,
    /// What is traced of all of them.
    pub traces: Traces,
}

impl Shared {
    /// On the system's clock, with access tokens of 15 minutes that these keys sign.
    pub fn new(
        media: Arc<dyn MediaStore>,
        publisher: Arc<dyn Publisher>,
        users: TokenKeys,
        gateway: TokenKeys,
    ) -> Self {
        Self {
            process: format!("{:016x}", rand::random::<u64>()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds::default()),
            media,
            publisher,
            gateway_tokens: GatewayTokens::new(gateway),
            user_tokens: UserTokens::new(users, ACCESS_SECONDS),
            metrics: Metrics::new(),
            traces: Traces::off(),
        }
    }

    /// Everything in memory, on keys that nobody else has: for tests, examples, and commands that only look at what is stored.
    pub fn in_memory() -> Self {
        let keys = || {
            let secret: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
            TokenKeys::single(&SecretString::from(secret))
        };
        Self::new(Arc::new(MemoryMedia::default()), Arc::new(MemoryBus::new()), keys(), keys())
    }

    /// What one of the processes on this store does at a time.
    pub fn exclusive(&self, store: &Store) -> Exclusive {
        Exclusive::new(store.leases(), self.process.clone())
    }

    /// Checks who calls a service of these audiences.
    pub fn guard(&self, audiences: &'static [&'static str]) -> Arc<ServiceGuard> {
        Arc::new(ServiceGuard { audiences, gateway: self.gateway_tokens.clone(), users: self.user_tokens.clone() })
    }
}
