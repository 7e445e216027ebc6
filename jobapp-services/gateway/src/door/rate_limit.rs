//! How often one may call: the generic cell rate algorithm, per address and then per user, in classes of routes.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jobapp_http::ApiError;
use jobapp_kernel::Rate;

use super::client_address::ClientAddress;
use super::rule::Rule;
use crate::table::matching::Place;
use crate::table::route::RateClass;

/// A burst, and one more every so many milliseconds.
const fn rate(burst: u32, every_ms: u64) -> Rate {
    Rate { burst, every: Duration::from_millis(every_ms) }
}

/// So many times as much.
pub(super) fn times(rate: Rate, factor: u32) -> Rate {
    let every = (rate.every / factor.max(1)).max(Duration::from_nanos(1));
    Rate { burst: rate.burst.saturating_mul(factor.max(1)), every }
}

impl RateClass {
    /// All of them, in the order of their numbers.
    const ALL: [Self; CLASSES] =
        [Self::Never, Self::General, Self::Search, Self::Upload, Self::SignIn, Self::SignUp, Self::Code, Self::Mail];

    /// Its name in headers and messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::General => "general",
            Self::Search => "search",
            Self::Upload => "upload",
            Self::SignIn => "sign-in",
            Self::SignUp => "sign-up",
            Self::Code => "code",
            Self::Mail => "mail",
        }
    }

    /// What one address and one user may do. Many people may share an address, so addresses may do more.
    pub(super) const fn rates(self) -> (Option<Rate>, Option<Rate>) {
        match self {
            Self::Never => (None, None),
            Self::General => (Some(rate(1200, 10)), Some(rate(600, 33))),
            Self::Search => (Some(rate(300, 33)), Some(rate(120, 100))),
            Self::Upload => (Some(rate(240, 250)), Some(rate(60, 1000))),
            Self::SignIn => (Some(rate(30, 4_000)), None),
            Self::SignUp => (Some(rate(20, 30_000)), None),
            Self::Code => (Some(rate(20, 6_000)), None),
            Self::Mail => (Some(rate(10, 60_000)), Some(rate(3, 60_000))),
        }
    }

    /// Whether what it limits is rare and dear: it is counted for all gateways together, and answers tell how much is left, not
    /// only refusals.
    pub(crate) const fn is_strict(self) -> bool {
        matches!(self, Self::SignIn | Self::SignUp | Self::Code | Self::Mail)
    }
}

/// Whether and how strictly rates are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Off, nobody is limited.
    pub on: bool,
    /// Everybody may do this many times as much.
    pub factor: u32,
    /// Whether programs on this very machine are left alone. For development: behind a proxy on the same machine that is
    /// not configured as one, everybody seems to be on this machine.
    pub spare_loopback: bool,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { on: true, factor: 1, spare_loopback: false }
    }
}

impl RateLimits {
    /// Whether calls from here are not limited.
    pub(super) fn spares(self, address: IpAddr) -> bool {
        !self.on || self.spare_loopback && address.is_loopback()
    }
}

/// How many keys one limiter remembers. Beyond that, keys it does not know share one allowance.
const MOST_KEYS: usize = 100_000;
/// After how many checks a limiter looks for keys to forget.
const SWEEP_EVERY: u32 = 2048;

/// How many classes there are.
const CLASSES: usize = 8;

type Keyed<C> = RateLimiter<u64, DashMapStateStore<u64>, C, StateInformationMiddleware>;

/// One rate for many keys. Keys that have their whole allowance again are forgotten.
struct Limiter<C: Clock = DefaultClock> {
    class: RateClass,
    rate: Rate,
    cells: Keyed<C>,
    clock: C,
    hasher: RandomState,
    checks: AtomicU32,
    most: usize,
    crowded: AtomicBool,
}

/// How it stands with a key after a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(super) class: RateClass,
    pub(super) rate: Rate,
    pub(super) remaining: u32,
    /// Until the next call is allowed; zero when this one was.
    pub(super) wait: Duration,
}

impl<C: Clock + Clone> Limiter<C> {
    fn new(class: RateClass, rate: Rate, clock: C, most: usize) -> Self {
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(rate.every).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        let cells = Keyed::new(quota, DashMapStateStore::default(), clock.clone());
        let (checks, crowded) = (AtomicU32::new(0), AtomicBool::new(false));
        Self { class, rate, cells, clock, hasher: RandomState::new(), checks, most, crowded }
    }

    fn check(&self, key: impl Hash) -> Standing {
        // Now and then, and not in a task of its own: without callers there is nothing new to forget.
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.sweep();
        }
        let mut key = self.hasher.hash_one(key);
        if self.crowded.load(Ordering::Relaxed) {
            // Some keys then share an allowance: strangers may slow each other down, but memory stays bounded.
            key %= self.most as u64;
        }
        match self.cells.check_key(&key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                Standing { class: self.class, rate: self.rate, remaining, wait: Duration::ZERO }
            }
            Err(not_yet) => {
                let wait = not_yet.wait_time_from(self.clock.now()).max(Duration::from_millis(1));
                Standing { class: self.class, rate: self.rate, remaining: 0, wait }
            }
        }
    }

    fn sweep(&self) {
        if self.cells.len() <= self.most / 2 {
            return;
        }
        self.cells.retain_recent();
        self.cells.shrink_to_fit();
        let crowded = self.cells.len() > self.most;
        if crowded && !self.crowded.load(Ordering::Relaxed) {
            tracing::warn!(class = self.class.name(), "too many callers at once to tell them apart");
        }
        self.crowded.store(crowded, Ordering::Relaxed);
    }
}

impl Standing {
    pub(crate) fn allowed(&self) -> bool {
        self.wait.is_zero()
    }

    /// Whole seconds until the next call is allowed.
    fn wait_seconds(&self) -> u64 {
        self.wait.as_millis().div_ceil(1000) as u64
    }

    /// Tells how it stands, in the fields of the current draft and in those clients have known for longer.
    fn tell(&self, headers: &mut HeaderMap) {
        let Rate { burst, every } = self.rate;
        let name = self.class.name();
        // The whole allowance is back after this long.
        let window = (every * burst).as_secs().max(1);
        let reset = if self.allowed() {
            (every * burst.saturating_sub(self.remaining)).as_millis().div_ceil(1000) as u64
        } else {
            self.wait_seconds()
        };
        let mut put = |name: &'static str, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("ratelimit-policy", format!("\"{name}\";q={burst};w={window}"));
        put("ratelimit", format!("\"{name}\";r={};t={reset}", self.remaining));
        put("ratelimit-limit", burst.to_string());
        put("ratelimit-remaining", self.remaining.to_string());
        put("ratelimit-reset", reset.to_string());
    }

    /// 429.
    pub(crate) fn refusal(&self) -> Response {
        let seconds = self.wait_seconds();
        let unit = if seconds == 1 { "second" } else { "seconds" };
        let text = format!("Too many requests. Please try again in {seconds} {unit}.");
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, text).at("Gateway: rate limit");
        let mut response = error.into_response();
        self.tell(response.headers_mut());
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

/// Limits how often one may call. As a rule: per address. Per user it is asked once the session is known.
#[derive(Clone)]
pub(crate) struct RateLimiting(Arc<Limiters>);

struct Limiters {
    limits: RateLimits,
    addresses: [Option<Limiter>; CLASSES],
    users: [Option<Limiter>; CLASSES],
}

impl RateLimiting {
    /// By these settings.
    pub(crate) fn new(limits: RateLimits) -> Self {
        let limiter = |class: RateClass, rate: Option<Rate>| {
            rate.map(|rate| Limiter::new(class, times(rate, limits.factor), DefaultClock::default(), MOST_KEYS))
        };
        Self(Arc::new(Limiters {
            limits,
            addresses: RateClass::ALL.map(|class| limiter(class, class.rates().0)),
            users: RateClass::ALL.map(|class| limiter(class, class.rates().1)),
        }))
    }

    /// The general allowance first, then that of the class.
    fn check(&self, limiters: &[Option<Limiter>; CLASSES], class: RateClass, key: impl Hash) -> Option<Standing> {
        if class == RateClass::Never {
            return None;
        }
        let general = limiters[RateClass::General as usize].as_ref().map(|limiter| limiter.check(&key));
        if class == RateClass::General || general.is_some_and(|general| !general.allowed()) {
            return general;
        }
        limiters[class as usize].as_ref().map(|limiter| limiter.check(&key)).or(general)
    }

    /// Counts a call of this user; the refusal, if it is one too many.
    pub(crate) fn refuse_user(&self, class: RateClass, address: ClientAddress, username: &str) -> Option<Response> {
        if self.0.limits.spares(address.0) {
            return None;
        }
        let standing = self.check(&self.0.users, class, username)?;
        (!standing.allowed()).then(|| standing.refusal())
    }
}

/// What counts as one address: an IPv6 client has a whole network of them.
pub(super) fn network(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

impl Rule for RateLimiting {
    /// What the answer tells.
    type Memory = Option<Standing>;

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, Self::Memory> {
        let ClientAddress(address) = ClientAddress::of(request.extensions());
        let class = request.extensions().get::<Place>().map_or(RateClass::General, Place::class);
        if class == RateClass::Never || self.0.limits.spares(address) {
            return ControlFlow::Continue(None);
        }
        match self.check(&self.0.addresses, class, network(address)) {
            Some(standing) if !standing.allowed() => ControlFlow::Break(standing.refusal()),
            standing => ControlFlow::Continue(standing.filter(|_| class.is_strict())),
        }
    }

    fn leave(&self, standing: Self::Memory, response: &mut Response) {
        // A refusal further in has told already.
        if let Some(standing) = standing
            && response.status() != StatusCode::TOO_MANY_REQUESTS
        {
            // Counted for all gateways, there may be less left.
            let shared = response.extensions_mut().remove::<Standing>();
            shared.unwrap_or(standing).tell(response.headers_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::super::rule::testing::{fine, request, through};
    use super::*;

    const RATE: Rate = rate(3, 1000);

    fn limiter(most: usize) -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::new(RateClass::SignIn, RATE, clock.clone(), most), clock)
    }

    #[test]
    fn after_a_burst_one_more_is_allowed_every_so_often() {
        let (limiter, clock) = limiter(10);
        let left: Vec<u32> = (0..3).map(|_| limiter.check("a").remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        assert_eq!(limiter.check("a").wait, Duration::from_secs(1));
        assert!(limiter.check("b").allowed());
        clock.advance(Duration::from_millis(1001));
        assert!(limiter.check("a").allowed());
        assert!(!limiter.check("a").allowed());
    }

    #[test]
    fn who_has_been_away_is_forgotten_and_memory_stays_bounded() {
        let (limiter, clock) = limiter(1000);
        for key in 0..20_000_u32 {
            limiter.check(key);
        }
        assert!(limiter.crowded.load(Ordering::Relaxed));
        assert!(limiter.cells.len() <= 2 * 1000 + 2 * SWEEP_EVERY as usize, "{}", limiter.cells.len());
        clock.advance(Duration::from_secs(60));
        for key in 0..SWEEP_EVERY {
            limiter.check(key);
        }
        assert!(!limiter.crowded.load(Ordering::Relaxed));
        assert!(limiter.cells.len() <= 2 * SWEEP_EVERY as usize, "{}", limiter.cells.len());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    fn of_class(class: RateClass, address: &str) -> Request {
        let mut request = request("POST", "/", &[]);
        request.extensions_mut().insert(Place::Elsewhere(class));
        request.extensions_mut().insert(ClientAddress(address.parse().unwrap()));
        request
    }

    #[tokio::test]
    async fn one_call_too_many_is_429_and_says_when_to_come_back() {
        let rule = RateLimiting::new(RateLimits::default());
        for left in (0..30).rev() {
            let response = through(rule.clone(), of_class(RateClass::SignIn, "192.0.2.1"), fine).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()["ratelimit-remaining"], left.to_string());
        }
        let response = through(rule.clone(), of_class(RateClass::SignIn, "192.0.2.1"), fine).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        let headers = response.headers();
        assert_eq!(headers["ratelimit-policy"], "\"sign-in\";q=30;w=120");
        assert_eq!(headers["ratelimit-limit"], "30");
        assert_eq!(headers["ratelimit-remaining"], "0");
        assert_eq!(headers["retry-after"], headers["ratelimit-reset"]);
        assert!(headers["ratelimit"].to_str().unwrap().starts_with("\"sign-in\";r=0;t="));
        let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=4).contains(&wait), "{wait}");
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["statusCode"], &body["status"]), (&429.into(), &"error".into()));
        let other = through(rule, of_class(RateClass::SignIn, "192.0.2.2"), fine).await;
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn the_question_who_one_is_is_never_limited() {
        let rule = RateLimiting::new(RateLimits::default());
        for _ in 0..5000 {
            let response = through(rule.clone(), of_class(RateClass::Never, "192.0.2.1"), fine).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(rule.refuse_user(RateClass::Never, ClientAddress([192, 0, 2, 1].into()), "Marta").is_none());
        }
    }

    #[test]
    fn a_user_is_counted_wherever_he_comes_from() {
        let rule = RateLimiting::new(RateLimits::default());
        let calls = (0..4_u8).map(|part| {
            let address = ClientAddress([192, 0, 2, part].into());
            rule.refuse_user(RateClass::Mail, address, "Marta").is_none()
        });
        assert_eq!(calls.collect::<Vec<_>>(), [true, true, true, false]);
        assert!(rule.refuse_user(RateClass::Mail, ClientAddress([192, 0, 2, 1].into()), "Iria").is_none());
    }

    #[test]
    fn a_factor_makes_more_of_everything_and_off_is_off() {
        let here = ClientAddress([127, 0, 0, 1].into());
        let allowed = |limits: RateLimits| {
            let rule = RateLimiting::new(limits);
            (0..100).take_while(|_| rule.refuse_user(RateClass::Mail, here, "Marta").is_none()).count()
        };
        let limits = RateLimits::default();
        assert_eq!(allowed(limits), 3);
        assert_eq!(allowed(RateLimits { factor: 4, ..limits }), 12);
        assert_eq!(allowed(RateLimits { spare_loopback: true, ..limits }), 100);
        assert_eq!(allowed(RateLimits { on: false, ..limits }), 100);
    }
}
