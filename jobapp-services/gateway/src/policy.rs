//! What an operator may say about what the gateway lets in and keeps.

use std::time::Duration;

use ipnet::IpNet;
use jobapp_platform::config::{Reader, Setting, networks};

use crate::{GatewayConfig, RateLimits};

/// What the gateway lets in and keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Proxies whose word about a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether and how strictly rates are limited.
    pub rate_limits: RateLimits,
    /// How long the gateway keeps answers about gigs.
    pub cache_age: Duration,
}

impl Policy {
    /// Proxies that are believed.
    pub const TRUSTED_PROXIES: Setting = Setting::new(
        "trusted_proxies",
        &["JOBAPP_TRUSTED_PROXIES"],
        "addresses or networks such as 10.0.0.0/8, separated by commas",
    )
    .about("Proxies before the gateway, separated by commas: addresses or networks whose X-Forwarded-For is believed")
    .or("none");
    /// How often one may call.
    pub const RATE_LIMITS: Setting = Setting::new(
        "rate_limits",
        &["JOBAPP_RATE_LIMITS"],
        "auto, on, off or a factor from 1 to 1000000",
    )
    .about("How often one may call: on, off, a factor such as 10, or auto, which spares this machine in developer mode")
    .or("auto");
    /// How long answers are kept.
    pub const CACHE_SECONDS: Setting =
        Setting::new("cache_seconds", &["JOBAPP_CACHE_SECONDS"], "a number of seconds up to 65535")
            .about("How long the gateway keeps answers about gigs, in seconds; 0 keeps none")
            .or("60");

    /// Reads the section. Unless somebody says otherwise, this machine is spared if `spare_loopback`.
    pub fn read(reader: &mut Reader, spare_loopback: bool) -> Self {
        let limits = RateLimits { spare_loopback, ..RateLimits::default() };
        let cache_seconds: u16 = reader.or(&Self::CACHE_SECONDS, 60, |text| text.parse().ok());
        Self {
            trusted_proxies: reader.or(&Self::TRUSTED_PROXIES, Vec::new(), networks),
            rate_limits: reader.or(&Self::RATE_LIMITS, limits, |text| rate_limits(text, spare_loopback)),
            cache_age: Duration::from_secs(cache_seconds.into()),
        }
    }

    /// A gateway with these settings, and this policy.
    pub fn applied_to(self, config: GatewayConfig) -> GatewayConfig {
        let Self { trusted_proxies, rate_limits, cache_age } = self;
        GatewayConfig { trusted_proxies, rate_limits, cache_age, ..config }
    }
}

fn rate_limits(text: &str, spare_loopback: bool) -> Option<RateLimits> {
    let on = RateLimits::default();
    match text.to_ascii_lowercase().as_str() {
        "auto" => Some(RateLimits { spare_loopback, ..on }),
        "on" => Some(on),
        "off" => Some(RateLimits { on: false, ..on }),
        factor => factor
            .parse()
            .ok()
            .filter(|factor| (1..=1_000_000).contains(factor))
            .map(|factor| RateLimits { factor, ..on }),
    }
}
