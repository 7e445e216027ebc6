//! What every shared cache promises.
//!
//! ```ignore
//! jobapp_contracts::cache!(super::fresh()); // a future of `jobapp_contracts::cache::Caches`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jobapp_kernel::{Looked, SharedCache, Ticket};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);
/// Short enough to be waited for, and long enough that what comes next is done before its end.
const SHORT: Duration = Duration::from_millis(300);

/// A cache in which nothing is.
#[derive(Clone)]
pub struct Caches {
    /// What is promised about.
    pub cache: Arc<dyn SharedCache>,
    /// Another process's handle on the same.
    pub elsewhere: Arc<dyn SharedCache>,
    /// What must live as long, such as a connection.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caches").finish_non_exhaustive()
    }
}

async fn look(cache: &Arc<dyn SharedCache>, key: &str) -> Looked {
    cache.look(key, LONG).await.unwrap()
}

async fn ticket(cache: &Arc<dyn SharedCache>, key: &str, finding: Duration) -> Ticket {
    match cache.look(key, finding).await.unwrap() {
        Looked::Yours(ticket) => ticket,
        other => panic!("{other:?} is no ticket"),
    }
}

/// Waits until a key is to be found out anew.
async fn is_free(cache: &Arc<dyn SharedCache>, key: &str) -> Ticket {
    let waiting = async {
        loop {
            if let Looked::Yours(ticket) = look(cache, key).await {
                return ticket;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it ends")
}

/// Who misses something finds it out, others wait, and then everybody has it.
pub async fn who_misses_something_finds_it_out_for_all(of: &Caches) {
    let ticket = ticket(&of.cache, "a", LONG).await;
    for cache in [&of.cache, &of.elsewhere] {
        assert_eq!(look(cache, "a").await, Looked::Awaited);
    }
    let value: Vec<u8> = (0..=255).collect();
    assert!(of.cache.keep("a", &ticket, &value, LONG).await.unwrap());
    for cache in [&of.cache, &of.elsewhere] {
        assert_eq!(look(cache, "a").await, Looked::Kept(value.clone()));
    }
    assert!(!of.cache.keep("a", &ticket, b"again", LONG).await.unwrap(), "a ticket is used once");
}

/// Of many who miss the same at once one is to find it out.
pub async fn of_many_who_miss_it_at_once_one_finds_it_out(of: &Caches) {
    let looking = (0..64).map(|number| {
        let cache = Arc::clone(if number % 2 == 0 { &of.cache } else { &of.elsewhere });
        tokio::spawn(async move { look(&cache, "a").await })
    });
    let found: Vec<Looked> = join_all(looking).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(found.iter().filter(|found| matches!(found, Looked::Yours(_))).count(), 1);
    assert_eq!(found.iter().filter(|found| **found == Looked::Awaited).count(), 63);
}

/// A ticket that is given back is the next one's, and keeps nothing any more.
pub async fn a_ticket_that_is_given_back_is_the_next_ones(of: &Caches) {
    let first = ticket(&of.cache, "a", LONG).await;
    of.cache.give_back("a", &first).await.unwrap();
    let second = ticket(&of.elsewhere, "a", LONG).await;
    assert!(!of.cache.keep("a", &first, b"old", LONG).await.unwrap());
    of.cache.give_back("a", &first).await.unwrap();
    assert!(of.elsewhere.keep("a", &second, b"new", LONG).await.unwrap());
    of.elsewhere.give_back("a", &second).await.unwrap();
    assert_eq!(look(&of.cache, "a").await, Looked::Kept(b"new".to_vec()));
}

/// A ticket ends by itself.
pub async fn a_ticket_ends_by_itself(of: &Caches) {
    let first = ticket(&of.cache, "a", SHORT).await;
    let second = is_free(&of.elsewhere, "a").await;
    assert!(!of.cache.keep("a", &first, b"late", LONG).await.unwrap());
    assert!(of.elsewhere.keep("a", &second, b"in time", LONG).await.unwrap());
}

/// What is spoilt is gone for everybody.
pub async fn what_is_spoilt_is_gone_for_everybody(of: &Caches) {
    for key in ["a", "b", "c"] {
        let ticket = ticket(&of.cache, key, LONG).await;
        assert!(of.cache.keep(key, &ticket, b"old", LONG).await.unwrap());
    }
    of.elsewhere.spoil(&["a".to_owned(), "c".to_owned(), "unknown".to_owned()]).await.unwrap();
    assert!(matches!(look(&of.cache, "a").await, Looked::Yours(_)));
    assert_eq!(look(&of.cache, "b").await, Looked::Kept(b"old".to_vec()));
    assert!(matches!(look(&of.elsewhere, "c").await, Looked::Yours(_)));
    of.cache.spoil(&[]).await.unwrap();
}

/// What was found out before a change is not kept after it.
pub async fn what_was_found_out_before_a_change_is_not_kept(of: &Caches) {
    let before = ticket(&of.cache, "a", LONG).await;
    of.elsewhere.spoil(&["a".to_owned()]).await.unwrap();
    assert!(!of.cache.keep("a", &before, b"old", LONG).await.unwrap());
    let after = ticket(&of.cache, "a", LONG).await;
    assert!(!of.cache.keep("a", &before, b"old", LONG).await.unwrap());
    assert!(of.cache.keep("a", &after, b"", LONG).await.unwrap());
    assert_eq!(look(&of.elsewhere, "a").await, Looked::Kept(Vec::new()), "an empty value is one");
}

/// Nothing is kept for longer than was said.
pub async fn nothing_is_kept_for_longer_than_was_said(of: &Caches) {
    let ticket = ticket(&of.cache, "a", LONG).await;
    assert!(of.cache.keep("a", &ticket, b"short", SHORT).await.unwrap());
    is_free(&of.elsewhere, "a").await;
}

/// Makes one test of each promise of `SharedCache`. The argument makes a future of fresh
/// [`Caches`](crate::cache::Caches).
#[macro_export]
macro_rules! cache {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::cache::Caches, [$crate::cache], cache:
            who_misses_something_finds_it_out_for_all
            of_many_who_miss_it_at_once_one_finds_it_out
            a_ticket_that_is_given_back_is_the_next_ones
            a_ticket_ends_by_itself
            what_is_spoilt_is_gone_for_everybody
            what_was_found_out_before_a_change_is_not_kept
            nothing_is_kept_for_longer_than_was_said
        }
    };
}
