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
use futures::future::join_all;
use jobapp_realtime_core::{Change, Online, Presence, Watch};
use tokio::time::Instant;

/// Within what time the users of a gateway that was killed leave.
const AFTER_A_KILL: Duration = Duration::from_secs(30);

/// Two gateways at which nobody is yet: `one` uses `here` and `two` uses `there`.
#[derive(Clone)]
pub struct Gateways {
    /// What is promised about.
    pub here: Arc<dyn Presence>,
    /// Another gateway's handle on the same users.
    pub there: Arc<dyn Presence>,
    /// What must live as long.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateways").finish_non_exhaustive()
    }
}

impl Gateways {
    /// Who is online, as every gateway sees it.
    async fn online(&self) -> Vec<String> {
        let here = self.here.watch().await.unwrap().online;
        assert_eq!(self.there.watch().await.unwrap().online, here);
        here
    }

    /// Both gateways are alive, and these are at them.
    async fn are_at(&self, one: &[&str], two: &[&str]) {
        self.here.renew("one", &users(one)).await.unwrap();
        self.there.renew("two", &users(two)).await.unwrap();
    }
}

fn users(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn came(name: &str) -> Change {
    Change::Came(name.into())
}

fn went(name: &str) -> Change {
    Change::Went(name.into())
}

async fn told(watch: &mut Watch) -> Change {
    let told = tokio::time::timeout(AFTER_A_KILL, watch.changes.next()).await.expect("a change is told");
    told.expect("the changes go on")
}

/// A user is online from when he is at the first gateway until he has left the last.
pub async fn a_user_is_online_until_he_has_left_the_last_gateway(of: &Gateways) {
    of.are_at(&[], &[]).await;
    assert!(of.online().await.is_empty());
    assert!(of.here.enter("one", "Anna").await.unwrap());
    assert!(!of.there.enter("two", "Anna").await.unwrap());
    assert!(!of.here.leave("one", "Anna").await.unwrap());
    assert_eq!(of.online().await, ["Anna"]);
    assert!(of.there.leave("two", "Anna").await.unwrap());
    assert!(of.online().await.is_empty());
}

/// Entering or leaving twice is doing so once; who was not there does not leave.
pub async fn entering_or_leaving_twice_counts_once(of: &Gateways) {
    of.are_at(&[], &[]).await;
    assert!(of.here.enter("one", "Anna").await.unwrap());
    assert!(!of.here.enter("one", "Anna").await.unwrap());
    assert!(!of.there.leave("two", "Anna").await.unwrap());
    assert!(!of.here.leave("one", "anna").await.unwrap(), "names are compared as they are");
    assert!(of.here.leave("one", "Anna").await.unwrap());
    assert!(!of.here.leave("one", "Anna").await.unwrap());
    assert!(of.online().await.is_empty());
}

/// The newest come first: who enters, and who is found to be there, in the order in which they are named.
pub async fn the_newest_come_first(of: &Gateways) {
    of.are_at(&["Bert", "Anna"], &[]).await;
    for name in ["cora", "Ünal"] {
        of.there.enter("two", name).await.unwrap();
    }
    of.here.enter("one", "cora").await.unwrap();
    assert_eq!(of.online().await, ["Ünal", "cora", "Anna", "Bert"]);
}

/// Each gateway is told who comes and goes after it began to watch, in the same order, and nothing else.
pub async fn changes_are_told_at_every_gateway(of: &Gateways) {
    of.are_at(&["Bert"], &[]).await;
    let mut watches = [of.here.watch().await.unwrap(), of.there.watch().await.unwrap()];
    for name in ["Anna", "Bert"] {
        of.there.enter("two", name).await.unwrap();
    }
    of.here.leave("one", "Bert").await.unwrap();
    of.there.leave("two", "Anna").await.unwrap();
    of.are_at(&["Cora"], &["Bert"]).await;
    for watch in &mut watches {
        assert_eq!(watch.online, ["Bert"]);
        for change in [came("Anna"), went("Anna"), came("Cora")] {
            assert_eq!(told(watch).await, change);
        }
    }
}

/// Whoever is online at once, what a gateway makes of the changes is what is so.
pub async fn changes_lead_to_what_is_so(of: &Gateways) {
    of.are_at(&["Zoe"], &[]).await;
    let mut watch = of.there.watch().await.unwrap();
    let mut known = Online::new(std::mem::take(&mut watch.online).into_iter());
    let coming_and_going = (0..8).map(|number| {
        let (presence, gateway) = if number % 2 == 0 { (&of.here, "one") } else { (&of.there, "two") };
        let presence = Arc::clone(presence);
        tokio::spawn(async move {
            let user = format!("User {}", number % 4);
            for _ in 0..20 {
                presence.enter(gateway, &user).await.unwrap();
                presence.leave(gateway, &user).await.unwrap();
            }
            presence.enter(gateway, &user).await.unwrap();
        })
    });
    for done in join_all(coming_and_going).await {
        done.unwrap();
    }
    // What is told last.
    of.here.enter("one", "Last").await.unwrap();
    loop {
        let change = told(&mut watch).await;
        known.apply(&change);
        if change == came("Last") {
            break;
        }
    }
    assert_eq!(known.newest_first().collect::<Vec<_>>(), of.online().await);
    assert_eq!(of.online().await.len(), 6);
}

/// A gateway whose word that somebody came was lost says so again, and he is online.
pub async fn an_enter_that_was_lost_is_made_up_for(of: &Gateways) {
    of.are_at(&["Bert"], &[]).await;
    let mut watch = of.there.watch().await.unwrap();
    for _ in 0..2 {
        of.here.renew("one", &users(&["Bert", "Anna"])).await.unwrap();
        assert_eq!(of.online().await, ["Anna", "Bert"]);
    }
    of.here.enter("one", "Cora").await.unwrap();
    assert_eq!([told(&mut watch).await, told(&mut watch).await], [came("Anna"), came("Cora")], "each is told once");
}

/// A gateway whose word that somebody went was lost says so again, and he is offline, unless he is at another.
pub async fn a_leave_that_was_lost_is_made_up_for(of: &Gateways) {
    of.are_at(&["Anna", "Bert"], &["Bert"]).await;
    let mut watch = of.there.watch().await.unwrap();
    for _ in 0..2 {
        of.here.renew("one", &[]).await.unwrap();
        assert_eq!(of.online().await, ["Bert"]);
    }
    of.there.leave("two", "Bert").await.unwrap();
    assert_eq!([told(&mut watch).await, told(&mut watch).await], [went("Anna"), went("Bert")], "each is told once");
}

/// What a gateway says of its own users says nothing of those of another.
pub async fn gateways_do_not_speak_for_each_other(of: &Gateways) {
    of.are_at(&["Anna"], &["Bert"]).await;
    of.are_at(&["Anna"], &["Bert"]).await;
    assert_eq!(of.online().await, ["Bert", "Anna"]);
}

/// The users of a gateway that was killed leave, and nobody else does.
pub async fn the_users_of_a_killed_gateway_leave(of: &Gateways) {
    of.are_at(&["Anna", "Bert"], &["Bert"]).await;
    let mut watch = of.there.watch().await.unwrap();
    let killed = Instant::now();
    while of.there.watch().await.unwrap().online.len() > 1 {
        assert!(killed.elapsed() <= AFTER_A_KILL);
        of.there.renew("two", &users(&["Bert"])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(of.online().await, ["Bert"]);
    assert_eq!(told(&mut watch).await, went("Anna"));
    // Taken for dead, it says who is there.
    of.here.enter("one", "Cora").await.unwrap();
    of.here.renew("one", &users(&["Anna", "Cora"])).await.unwrap();
    let mut online = of.online().await;
    online.sort();
    assert_eq!(online, ["Anna", "Bert", "Cora"]);
}

/// A gateway that goes takes only its own users along.
pub async fn a_gateway_that_goes_takes_only_its_own_along(of: &Gateways) {
    of.are_at(&["Anna", "Bert"], &["Anna"]).await;
    for _ in 0..2 {
        of.here.retire("one").await.unwrap();
        assert_eq!(of.online().await, ["Anna"]);
    }
}

/// Makes one test of each promise of `Presence`. The argument makes a future of fresh
/// [`Gateways`](crate::presence::Gateways).
#[macro_export]
macro_rules! presence {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::presence::Gateways, [$crate::presence], presence:
            a_user_is_online_until_he_has_left_the_last_gateway
            entering_or_leaving_twice_counts_once
            the_newest_come_first
            changes_are_told_at_every_gateway
            changes_lead_to_what_is_so
            an_enter_that_was_lost_is_made_up_for
            a_leave_that_was_lost_is_made_up_for
            gateways_do_not_speak_for_each_other
            the_users_of_a_killed_gateway_leave
            a_gateway_that_goes_takes_only_its_own_along
        }
    };
}
