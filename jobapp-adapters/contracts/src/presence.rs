//! What every presence promises.
//!
//! ```ignore
//! jobapp_contracts::presence!(super::a_fresh_one()); // a future of `jobapp_contracts::presence::Gateways`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jobapp_realtime_core::{ConnectionId, Lease, Presence};
use tokio::time::Instant;

/// Within what time the users of a gateway that was killed leave.
const AFTER_A_KILL: Duration = Duration::from_secs(30);

/// Two gateways at which nobody is yet.
#[derive(Clone)]
pub struct Gateways {
    /// What is promised about.
    pub presence: Arc<dyn Presence>,
    /// Another gateway's handle on the same users.
    pub elsewhere: Arc<dyn Presence>,
    /// What must live as long.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateways").finish_non_exhaustive()
    }
}

impl Gateways {
    async fn enters(&self, user: &str, connection: &ConnectionId) -> bool {
        self.presence.enter(user, connection).await.unwrap()
    }

    async fn leaves(&self, user: &str, connection: &ConnectionId) -> bool {
        self.presence.leave(user, connection).await.unwrap()
    }

    /// Who is online, as every gateway sees it.
    async fn online(&self) -> Vec<String> {
        let here = self.presence.online().await.unwrap();
        assert_eq!(self.elsewhere.online().await.unwrap(), here);
        here
    }
}

fn at(gateway: &str, number: u64) -> ConnectionId {
    ConnectionId { gateway: gateway.into(), number }
}

/// A user is online from his first connection to the end of his last, whichever gateway they are at.
pub async fn a_user_is_online_until_his_last_connection_closes(of: &Gateways) {
    assert!(of.online().await.is_empty());
    assert!(of.enters("Anna", &at("g", 1)).await);
    assert!(!of.enters("Anna", &at("g", 2)).await);
    assert!(!of.elsewhere.enter("Anna", &at("h", 1)).await.unwrap());
    assert!(!of.leaves("Anna", &at("g", 1)).await);
    assert!(!of.leaves("Anna", &at("g", 2)).await);
    assert_eq!(of.online().await, ["Anna"]);
    assert!(of.elsewhere.leave("Anna", &at("h", 1)).await.unwrap());
    assert!(of.online().await.is_empty());
}

/// Entering or leaving twice is doing so once.
pub async fn entering_or_leaving_twice_counts_once(of: &Gateways) {
    of.enters("Anna", &at("g", 1)).await;
    of.enters("Anna", &at("g", 1)).await;
    assert!(of.leaves("Anna", &at("g", 1)).await);
    assert!(!of.leaves("Anna", &at("g", 1)).await);
    assert!(of.online().await.is_empty());
}

/// The newest come first.
pub async fn the_newest_come_first(of: &Gateways) {
    for (number, name) in ["Bert", "Anna", "cora", "Ünal"].into_iter().enumerate() {
        of.enters(name, &at("g", number as u64)).await;
    }
    assert_eq!(of.online().await, ["Ünal", "cora", "Anna", "Bert"]);
}

/// Off is off, whatever is still connected; who enters again is online again.
pub async fn off_is_off_whatever_is_still_connected(of: &Gateways) {
    of.enters("Anna", &at("g", 1)).await;
    of.enters("Anna", &at("h", 2)).await;
    assert!(of.presence.off("Anna").await.unwrap());
    assert!(!of.elsewhere.off("Anna").await.unwrap());
    assert!(of.online().await.is_empty());
    assert!(!of.leaves("Anna", &at("g", 1)).await);
    assert!(of.enters("Anna", &at("h", 2)).await);
}

/// Whoever comes online or goes offline is told of at every gateway.
pub async fn changes_are_told_at_every_gateway(of: &Gateways) {
    let mut changes = [of.presence.changes(), of.elsewhere.changes()];
    for step in 0..2 {
        match step {
            0 => drop(of.enters("Anna", &at("g", 1)).await),
            _ => drop(of.leaves("Anna", &at("g", 1)).await),
        }
        for changes in &mut changes {
            let told = tokio::time::timeout(AFTER_A_KILL, changes.next()).await;
            assert_eq!(told.expect("a change is told"), Some(()));
        }
    }
}

/// The users of a gateway that was killed leave, and nobody else does.
pub async fn the_users_of_a_killed_gateway_leave(of: &Gateways) {
    assert_eq!(of.presence.renew("killed").await.unwrap(), Lease::Begun);
    assert_eq!(of.elsewhere.renew("alive").await.unwrap(), Lease::Begun);
    of.enters("Anna", &at("killed", 1)).await;
    of.enters("Bert", &at("killed", 2)).await;
    of.elsewhere.enter("Bert", &at("alive", 2)).await.unwrap();
    let killed = Instant::now();
    while of.elsewhere.online().await.unwrap().len() > 1 {
        assert!(killed.elapsed() <= AFTER_A_KILL);
        assert_eq!(of.elsewhere.renew("alive").await.unwrap(), Lease::Renewed);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(of.online().await, ["Bert"]);
    // Entering does not hide that the rest was forgotten.
    of.enters("Cora", &at("killed", 3)).await;
    assert_eq!(of.presence.renew("killed").await.unwrap(), Lease::Begun);
}

/// A gateway that goes takes only its own users along.
pub async fn a_gateway_that_goes_takes_only_its_own_along(of: &Gateways) {
    of.enters("Anna", &at("going", 1)).await;
    of.enters("Anna", &at("new", 1)).await;
    of.enters("Bert", &at("going", 2)).await;
    of.presence.retire("going").await.unwrap();
    assert_eq!(of.online().await, ["Anna"]);
}

/// Makes one test of each promise of `Presence`. The argument makes a future of fresh
/// [`Gateways`](crate::presence::Gateways).
#[macro_export]
macro_rules! presence {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::presence::Gateways, [$crate::presence], presence:
            a_user_is_online_until_his_last_connection_closes
            entering_or_leaving_twice_counts_once
            the_newest_come_first
            off_is_off_whatever_is_still_connected
            changes_are_told_at_every_gateway
            the_users_of_a_killed_gateway_leave
            a_gateway_that_goes_takes_only_its_own_along
        }
    };
}
