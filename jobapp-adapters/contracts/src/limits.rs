//! What every rate limiter promises.
//!
//! ```ignore
//! jobapp_contracts::limits!(super::fresh()); // a future of `jobapp_contracts::limits::Limiters`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use jobapp_kernel::{Allowance, Rate, RateLimiter};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);
/// What times may be rounded by.
const ROUNDED: Duration = Duration::from_millis(2);

/// A limiter that nobody has asked yet.
#[derive(Clone)]
pub struct Limiters {
    /// What is promised about.
    pub limiter: Arc<dyn RateLimiter>,
    /// Another process's handle on the same limits.
    pub elsewhere: Arc<dyn RateLimiter>,
    /// What must live as long, such as a connection.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Limiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiters").finish_non_exhaustive()
    }
}

impl Limiters {
    /// Two handles on the same limits.
    pub fn shared(limiter: Arc<dyn RateLimiter>, elsewhere: Arc<dyn RateLimiter>) -> Self {
        Self { limiter, elsewhere, keep: Arc::new(()) }
    }

    /// The same, with something that must live as long.
    #[must_use]
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        Self { keep: Arc::new(keep), ..self }
    }

    async fn take(&self, key: &str, rate: Rate) -> Allowance {
        self.limiter.take(key, rate).await.unwrap()
    }
}

/// A burst is allowed, and the next try is refused until there is one more.
pub async fn a_burst_is_allowed_and_no_more(of: &Limiters) {
    let rate = Rate { burst: 3, every: LONG };
    for remaining in [2, 1, 0] {
        assert_eq!(of.take("a", rate).await, Allowance { remaining, wait: Duration::ZERO });
    }
    let refused = of.take("a", rate).await;
    assert!(!refused.allowed() && refused.remaining == 0 && refused.wait <= LONG + ROUNDED, "{refused:?}");
}

/// A burst of one is one.
pub async fn a_burst_of_one_is_one(of: &Limiters) {
    let rate = Rate { burst: 1, every: LONG };
    assert_eq!(of.take("a", rate).await, Allowance { remaining: 0, wait: Duration::ZERO });
    assert!(!of.take("a", rate).await.allowed());
}

/// A refused try takes nothing: who keeps trying waits no longer.
pub async fn a_refused_try_takes_nothing(of: &Limiters) {
    let rate = Rate { burst: 2, every: LONG };
    of.take("a", rate).await;
    of.take("a", rate).await;
    let first = of.take("a", rate).await.wait;
    for _ in 0..20 {
        let again = of.take("a", rate).await.wait;
        assert!(again > Duration::ZERO && again <= first + ROUNDED, "{again:?} after {first:?}");
    }
}

/// Each key has an allowance of its own, whatever is in it.
pub async fn keys_are_apart(of: &Limiters) {
    let rate = Rate { burst: 1, every: LONG };
    let long = "x".repeat(500);
    for key in ["a", "A", "b", "a:b", "a b", "a\n", "é", "*", "", &long] {
        assert!(of.take(key, rate).await.allowed(), "{key:?}");
    }
    for key in ["a", "*", "", &long] {
        assert!(!of.take(key, rate).await.allowed(), "{key:?}");
    }
}

/// Processes take from the same allowance.
pub async fn processes_share_an_allowance(of: &Limiters) {
    let rate = Rate { burst: 4, every: LONG };
    for number in 0..4 {
        let limiter = if number % 2 == 0 { &of.limiter } else { &of.elsewhere };
        assert_eq!(limiter.take("a", rate).await.unwrap().remaining, 3 - number);
    }
    for limiter in [&of.limiter, &of.elsewhere] {
        assert!(!limiter.take("a", rate).await.unwrap().allowed());
    }
}

/// Of many who try at once a burst is allowed.
pub async fn of_many_at_once_a_burst_is_allowed(of: &Limiters) {
    let rate = Rate { burst: 5, every: LONG };
    let trying = (0..64).map(|number| {
        let limiter = Arc::clone(if number % 2 == 0 { &of.limiter } else { &of.elsewhere });
        tokio::spawn(async move { limiter.take("a", rate).await.unwrap().allowed() })
    });
    let allowed = join_all(trying).await.into_iter().filter(|allowed| *allowed.as_ref().unwrap()).count();
    assert_eq!(allowed, 5);
}

/// One more is allowed after the time that was told, and not before.
pub async fn one_more_is_allowed_when_it_was_said(of: &Limiters) {
    let rate = Rate { burst: 2, every: Duration::from_millis(300) };
    let mut before = Instant::now();
    let mut asked = of.take("a", rate).await;
    while asked.allowed() {
        before = Instant::now();
        asked = of.take("a", rate).await;
    }
    let waited = async {
        while !of.elsewhere.take("a", rate).await.unwrap().allowed() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.expect("one more is allowed");
    assert!(before.elapsed() + ROUNDED >= asked.wait, "{:?} is sooner than {:?}", before.elapsed(), asked.wait);
}

/// The whole burst comes back with time, and never more than that.
pub async fn the_whole_burst_comes_back_and_no_more(of: &Limiters) {
    let rate = Rate { burst: 3, every: Duration::from_millis(10) };
    for _ in 0..3 {
        of.take("a", rate).await;
    }
    let full = async {
        loop {
            let remaining = of.take("a", rate).await.remaining;
            assert!(remaining <= 2, "{remaining}");
            if remaining == 2 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), full).await.expect("the burst comes back");
}

/// Makes one test of each promise of `RateLimiter`. The argument makes a future of fresh
/// [`Limiters`](crate::limits::Limiters).
#[macro_export]
macro_rules! limits {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::limits::Limiters, [$crate::limits], limits:
            a_burst_is_allowed_and_no_more
            a_burst_of_one_is_one
            a_refused_try_takes_nothing
            keys_are_apart
            processes_share_an_allowance
            of_many_at_once_a_burst_is_allowed
            one_more_is_allowed_when_it_was_said
            the_whole_burst_comes_back_and_no_more
        }
    };
}
