//! The gateway's settings.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jobapp_realtime::RealtimeConfig;

use crate::api::BodyLimits;
use crate::calls::guards::GuardConfig;
use crate::door::origin::Origins;
use crate::door::rate_limit::RateLimits;
use crate::identity::cookies::CookieRules;
use crate::pages::home::DemoSource;
use crate::sockets::fresh_name;

/// The gateway's settings.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where the browser client lives, such as `https://app.example.org`: allowed by CORS and the origin check. Without one,
    /// a client's development server on this machine, `http://localhost:3000`, is.
    pub client_url: Option<String>,
    /// Further origins allowed to call, beside the client's and the gateway's own.
    pub allowed_origins: Vec<String>,
    /// Where the gateway itself is reached, such as `http://localhost:4000`. Cookies are `Secure` when it is https.
    pub public_url: String,
    /// Whether the seed routes exist.
    pub seed: bool,
    /// The largest body with words only, in bytes.
    pub small_body: usize,
    /// The largest body with a picture, in bytes.
    pub picture_body: usize,
    /// The largest body with a file, in bytes.
    pub file_body: usize,
    /// How services are guarded: time-outs, calls in flight, breakers, retries.
    pub guards: GuardConfig,
    /// Proxies whose word about a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether and how strictly rates are limited.
    pub rate_limits: RateLimits,
    /// How long gigs are kept, at most; zero keeps no answers at all.
    pub cache_age: Duration,
    /// How long a session's cookies live, in seconds.
    pub session_seconds: u64,
    /// The sockets. Which origins may connect follows from the addresses above.
    pub realtime: RealtimeConfig,
    /// Whether the services are asked what they accept and answer, which makes the document of the API.
    pub services_tell: bool,
    /// Whether the pages under `/_dev` are linked from the home page.
    pub developer_mode: bool,
    /// Who knows of accounts to try it with. Asked in developer mode only.
    pub demo: Option<DemoSource>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            client_url: None,
            allowed_origins: Vec::new(),
            public_url: "http://localhost:4000".to_owned(),
            seed: false,
            small_body: 256 * 1024,
            picture_body: 20 * 1024 * 1024,
            file_body: 140 * 1024 * 1024,
            guards: GuardConfig::default(),
            trusted_proxies: Vec::new(),
            rate_limits: RateLimits::default(),
            cache_age: Duration::from_secs(60),
            session_seconds: 7 * 24 * 3600,
            realtime: RealtimeConfig::new(fresh_name(), Arc::new(|_| false)),
            services_tell: false,
            developer_mode: false,
            demo: None,
        }
    }
}

impl GatewayConfig {
    /// Whether a browser at this origin may call.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins().allows(origin)
    }

    /// The origins whose pages may call.
    pub(crate) fn origins(&self) -> Origins {
        Origins::new(&self.public_url, self.client_url.as_deref(), &self.allowed_origins)
    }

    /// How cookies are set.
    pub(crate) fn cookies(&self) -> CookieRules {
        CookieRules { secure: self.secure(), cross_site: self.cross_site(), session_seconds: self.session_seconds }
    }

    /// The largest bodies.
    pub(crate) fn bodies(&self) -> BodyLimits {
        BodyLimits { small: self.small_body, picture: self.picture_body, file: self.file_body }
    }

    /// Whether cookies must travel over https only.
    pub fn secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether the client lives on another site, so that cookies must be `SameSite=None`. The pages of our own do not. Sites are compared by the
    /// last two labels of the host, which errs on the strict side for shared suffixes.
    pub fn cross_site(&self) -> bool {
        let site = |url: &str| {
            let host =
                url.split("://").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or_default().to_lowercase();
            let labels: Vec<&str> = host.rsplit('.').take(2).collect();
            labels.join(".")
        };
        self.client_url.as_deref().is_some_and(|client| site(client) != site(&self.public_url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_whole() {
        let config = GatewayConfig { client_url: Some("https://app.example.org/".into()), ..GatewayConfig::default() };
        assert!(config.allows("https://app.example.org"));
        assert!(!config.allows("https://app.example.org.evil.test"));
        assert!(!config.allows("http://app.example.org"));
    }

    #[test]
    fn sites_ignore_ports_and_sub_domains() {
        let at = |client: Option<&str>, public: &str| {
            GatewayConfig {
                client_url: client.map(str::to_owned),
                public_url: public.into(),
                ..GatewayConfig::default()
            }
            .cross_site()
        };
        assert!(!at(Some("http://localhost:3000"), "http://localhost:4000"));
        assert!(!at(Some("https://app.example.org"), "https://api.example.org"));
        assert!(at(Some("https://app.example.org"), "https://api.other.org"));
        assert!(!at(None, "https://api.other.org"), "pages of our own are on the same site");
    }

    #[test]
    fn cookies_are_as_strict_as_the_addresses_allow() {
        let config = GatewayConfig {
            public_url: "https://api.example.org".into(),
            client_url: Some("https://app.example.org".into()),
            ..GatewayConfig::default()
        };
        let week = 7 * 24 * 3600;
        assert_eq!(config.cookies(), CookieRules { secure: true, cross_site: false, session_seconds: week });
        let local = CookieRules { secure: false, cross_site: false, session_seconds: week };
        assert_eq!(GatewayConfig::default().cookies(), local);
    }

    #[test]
    fn without_a_client_its_development_server_may_call() {
        assert!(GatewayConfig::default().allows("http://localhost:3000"));
        let config = GatewayConfig { client_url: Some("https://app.example.org".into()), ..GatewayConfig::default() };
        assert!(!config.allows("http://localhost:3000"));
    }
}
