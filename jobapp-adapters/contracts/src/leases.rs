//! What every keeper of leases promises.
//!
//! ```ignore
//! jobapp_contracts::leases!(super::nobody_has_any()); // a future of `jobapp_contracts::leases::Desk`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jobapp_kernel::Leases;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);
/// Over before anybody looks twice.
const SHORT: Duration = Duration::from_millis(20);

/// Where leases are taken; nobody has any yet.
#[derive(Clone)]
pub struct Desk {
    /// What is promised about.
    pub leases: Arc<dyn Leases>,
    /// Another process's handle on the same leases.
    pub elsewhere: Arc<dyn Leases>,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// Fails when something never comes about.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "waited in vain until {what}");
}

/// While somebody has it nobody else gets it, in whichever process.
pub async fn a_lease_has_one_owner(desk: &Desk) {
    assert!(desk.leases.take("sweep", "a", LONG).await.unwrap());
    assert!(!desk.leases.take("sweep", "b", LONG).await.unwrap());
    assert!(!desk.elsewhere.take("sweep", "b", LONG).await.unwrap());
}

/// Another name is another lease, and so is the same name otherwise written.
pub async fn leases_are_told_apart_by_their_names(desk: &Desk) {
    for (name, owner) in [("sweep", "a"), ("Sweep", "b"), ("sweep ", "c"), ("prune", "a")] {
        assert!(desk.leases.take(name, owner, LONG).await.unwrap(), "{name:?}");
    }
}

/// Its owner may take it anew, for another time.
pub async fn its_owner_takes_a_lease_anew(desk: &Desk) {
    assert!(desk.leases.take("sweep", "a", LONG).await.unwrap());
    assert!(desk.elsewhere.take("sweep", "a", SHORT).await.unwrap());
    until("it ends", async || desk.leases.take("sweep", "b", LONG).await.unwrap()).await;
    assert!(!desk.leases.take("sweep", "a", LONG).await.unwrap());
}

/// An owner that is gone keeps nobody waiting for ever.
pub async fn a_lease_ends_by_itself(desk: &Desk) {
    assert!(desk.leases.take("sweep", "dead", SHORT).await.unwrap());
    until("it ends", async || desk.elsewhere.take("sweep", "alive", LONG).await.unwrap()).await;
}

/// Whoever renews in time keeps it.
pub async fn a_renewed_lease_goes_on(desk: &Desk) {
    assert!(desk.leases.take("sweep", "a", Duration::from_secs(10)).await.unwrap());
    assert!(desk.leases.renew("sweep", "a", LONG).await.unwrap());
    assert!(!desk.elsewhere.take("sweep", "b", LONG).await.unwrap());
    assert!(desk.leases.renew("sweep", "a", SHORT).await.unwrap(), "also for less time than is left");
    until("it ends", async || desk.elsewhere.take("sweep", "b", LONG).await.unwrap()).await;
}

/// What has ended is over, even if nobody else took it: somebody may have had it in between.
pub async fn a_lease_that_ended_is_not_renewed(desk: &Desk) {
    assert!(!desk.leases.renew("sweep", "a", LONG).await.unwrap(), "nobody ever took it");
    assert!(desk.leases.take("sweep", "a", SHORT).await.unwrap());
    tokio::time::sleep(SHORT * 3).await;
    assert!(!desk.leases.renew("sweep", "a", LONG).await.unwrap());
    assert!(desk.leases.take("sweep", "b", LONG).await.unwrap());
    assert!(!desk.leases.renew("sweep", "a", LONG).await.unwrap());
}

/// What was given back is free at once, and its owner has it no more.
pub async fn a_released_lease_is_free(desk: &Desk) {
    assert!(desk.leases.take("sweep", "a", LONG).await.unwrap());
    desk.leases.release("sweep", "a").await.unwrap();
    assert!(!desk.leases.renew("sweep", "a", LONG).await.unwrap());
    assert!(desk.elsewhere.take("sweep", "b", LONG).await.unwrap());
}

/// Who does not have it gives nothing back. Giving back twice is no mistake.
pub async fn only_its_owner_releases_a_lease(desk: &Desk) {
    desk.leases.release("sweep", "b").await.unwrap();
    assert!(desk.leases.take("sweep", "a", LONG).await.unwrap());
    for _ in 0..2 {
        desk.leases.release("sweep", "b").await.unwrap();
    }
    assert!(desk.leases.renew("sweep", "a", LONG).await.unwrap());
}

/// Anybody may ask who has it; one that ended or was released nobody has.
pub async fn who_has_a_lease_is_told(desk: &Desk) {
    let told = async |name| desk.elsewhere.owner(name).await.unwrap();
    assert_eq!(told("sweep").await, None);
    assert!(desk.leases.take("sweep", "a", LONG).await.unwrap());
    assert!(desk.leases.take("prune", "b", SHORT).await.unwrap());
    assert_eq!(told("sweep").await.as_deref(), Some("a"));
    until("it is over", async || told("prune").await.is_none()).await;
    desk.leases.release("sweep", "a").await.unwrap();
    assert_eq!(told("sweep").await, None);
}

/// However many ask at once, one gets it: the first time, and when one has ended.
pub async fn of_many_at_once_one_gets_it(desk: &Desk) {
    for round in 0..2 {
        if round == 1 {
            assert!(desk.leases.take("round 1", "dead", Duration::ZERO).await.unwrap());
        }
        let asking = (0..16).map(|number| {
            let leases = Arc::clone(if number % 2 == 0 { &desk.leases } else { &desk.elsewhere });
            let (name, owner) = (format!("round {round}"), format!("owner {number}"));
            tokio::spawn(async move { leases.take(&name, &owner, LONG).await.unwrap() })
        });
        let got = join_all(asking).await.into_iter().filter(|got| *got.as_ref().unwrap()).count();
        assert_eq!(got, 1, "round {round}");
    }
}

/// Makes one test of each promise of `Leases`. The argument makes a future of a fresh [`Desk`].
#[macro_export]
macro_rules! leases {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::leases::Desk, [$crate::leases], leases:
            a_lease_has_one_owner
            leases_are_told_apart_by_their_names
            its_owner_takes_a_lease_anew
            a_lease_ends_by_itself
            a_renewed_lease_goes_on
            a_lease_that_ended_is_not_renewed
            a_released_lease_is_free
            only_its_owner_releases_a_lease
            who_has_a_lease_is_told
            of_many_at_once_one_gets_it
        }
    };
}
