//! How often one may do what is rare and dear, at all gateways together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobapp_kernel::{Allowance, Rate, RateLimiter};
use jobapp_runtime::error_text;

use super::client_address::ClientAddress;
use super::rate_limit::{RateLimits, Standing, network, times};
use crate::table::route::RateClass;

/// How long the limiter may take: nobody waits longer for the sake of a limit.
const PATIENCE: Duration = Duration::from_millis(500);

/// Counts the calls of strict classes where all gateways count them. Each gateway counts for itself as well, before it asks: that is
/// what holds while the limiter is away.
pub(crate) struct SharedRates {
    limits: RateLimits,
    limiter: Arc<dyn RateLimiter>,
    /// Whether the limiter was away when it was asked last.
    away: AtomicBool,
}

impl SharedRates {
    /// By these settings, counted there.
    pub(crate) fn new(limits: RateLimits, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limits, limiter, away: AtomicBool::new(false) }
    }

    /// Counts a call: how it stands with the address, or with the user if he has no try left. `None` when it cannot be told.
    pub(crate) async fn check(
        &self,
        class: RateClass,
        address: ClientAddress,
        username: Option<&str>,
    ) -> Option<Standing> {
        if self.limits.spares(address.0) {
            return None;
        }
        let (of_address, of_user) = class.rates();
        let mut told = None;
        if let Some(rate) = of_address {
            let key = format!("{}:address:{:x}", class.name(), network(address.0));
            let standing = self.take(class, &key, rate).await?;
            if !standing.allowed() {
                return Some(standing);
            }
            told = Some(standing);
        }
        if let (Some(rate), Some(username)) = (of_user, username) {
            let key = format!("{}:user:{username}", class.name());
            if let Some(standing) = self.take(class, &key, rate).await
                && !standing.allowed()
            {
                return Some(standing);
            }
        }
        told
    }

    async fn take(&self, class: RateClass, key: &str, rate: Rate) -> Option<Standing> {
        let rate = times(rate, self.limits.factor);
        let fault = match tokio::time::timeout(PATIENCE, self.limiter.take(key, rate)).await {
            Ok(Ok(Allowance { remaining, wait })) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("rates are counted for all gateways again");
                }
                return Some(Standing { class, rate, remaining, wait });
            }
            Ok(Err(error)) => error_text(&error),
            Err(_) => "it does not answer".to_owned(),
        };
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = fault, "rates are counted at each gateway alone for now");
        }
        None
    }
}
