//! What every store tells whoever looks after it.
//!
//! ```ignore
//! jobapp_contracts::inventory!(super::a_shelf()); // a future of `jobapp_contracts::inventory::Shelf`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Aggregate, Backlog, Change, Inventory, Layout, MessageId, Outbox, Repository};

use crate::fixture::{Kettle, KettleEvent, a_kettle};

const LONG: Duration = Duration::from_secs(60);

/// An empty store of kettles, and a look at it.
#[derive(Clone)]
pub struct Shelf {
    /// The kettles.
    pub kettles: Arc<dyn Repository<Kettle>>,
    /// Their outbox.
    pub outbox: Arc<dyn Outbox>,
    /// The look at them; another handle of the same store, where several can be had.
    pub inventory: Arc<dyn Inventory>,
    /// A look at a place where nobody has kept anything.
    pub unused: Arc<dyn Inventory>,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
    /// Stores a kettle that has boiled.
    async fn boil(&self, number: u64) {
        let change = Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }]);
        self.kettles.save(change).await.unwrap().version().unwrap();
    }

    async fn backlog(&self) -> Backlog {
        self.inventory.backlog().await.unwrap()
    }
}

/// By its name, with every key as it is declared.
pub async fn the_layout_is_what_was_declared(shelf: &Shelf) {
    let keys = Kettle::keys().iter().map(|key| (key.name.to_owned(), key.declaration())).collect();
    assert_eq!(shelf.inventory.layout().await.unwrap(), Layout::from([(Kettle::NAME.to_owned(), keys)]));
}

/// And asking makes nothing.
pub async fn where_nobody_kept_anything_there_is_nothing(shelf: &Shelf) {
    for _ in 0..2 {
        assert_eq!(shelf.unused.layout().await.unwrap(), Layout::new());
        assert_eq!(shelf.unused.backlog().await.unwrap(), Backlog::default());
        assert_eq!(shelf.unused.count(Kettle::NAME).await.unwrap(), 0);
    }
}

/// Those that are there now.
pub async fn values_are_counted(shelf: &Shelf) {
    assert_eq!(shelf.inventory.count(Kettle::NAME).await.unwrap(), 0);
    for number in 1..=3 {
        shelf.boil(number).await;
    }
    let gone = Change::delete(1, a_kettle(2), vec![KettleEvent::Boiled { times: 2 }]);
    shelf.kettles.save(gone).await.unwrap().version().unwrap();
    assert_eq!(shelf.inventory.count(Kettle::NAME).await.unwrap(), 2);
}

/// Whatever it is called: it is no part of a question.
pub async fn of_an_unknown_kind_there_is_nothing(shelf: &Shelf) {
    shelf.boil(1).await;
    for kind in ["teapot", "", "jobapp_outbox", "kettle\" --", "kettle`"] {
        assert_eq!(shelf.inventory.count(kind).await.unwrap(), 0, "{kind:?}");
    }
}

/// Leased or not, what was not cleared waits.
pub async fn what_waits_is_counted(shelf: &Shelf) {
    assert_eq!(shelf.backlog().await, Backlog::default());
    shelf.boil(1).await;
    shelf.boil(2).await;
    shelf.outbox.lease("a", LONG, 1).await.unwrap();
    let backlog = shelf.backlog().await;
    assert_eq!((backlog.waiting, backlog.stuck), (2, 0));
}

/// Until it is published.
pub async fn the_oldest_is_the_one_that_was_stored_first(shelf: &Shelf) {
    shelf.boil(1).await;
    shelf.boil(2).await;
    let entries = shelf.outbox.lease("a", LONG, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
    for entry in &entries {
        assert_eq!(shelf.backlog().await.oldest, Some(entry.recorded_at));
        shelf.outbox.clear("a", std::slice::from_ref(&entry.id)).await.unwrap();
    }
    assert_eq!(shelf.backlog().await, Backlog::default());
}

/// Those behind it are not.
pub async fn what_could_not_be_published_is_stuck(shelf: &Shelf) {
    shelf.boil(1).await;
    shelf.boil(2).await;
    let entries = shelf.outbox.lease("a", LONG, 10).await.unwrap();
    let held: (MessageId, Duration) = (entries[0].id.clone(), LONG);
    shelf.outbox.hold_back("a", &[held]).await.unwrap();
    let backlog = shelf.backlog().await;
    assert_eq!((backlog.waiting, backlog.stuck), (2, 1));
}

/// Makes one test of each promise of `Inventory`. The argument makes a future of a fresh
/// [`Shelf`](crate::inventory::Shelf).
#[macro_export]
macro_rules! inventory {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::inventory::Shelf, [$crate::inventory], inventory:
            the_layout_is_what_was_declared
            where_nobody_kept_anything_there_is_nothing
            values_are_counted
            of_an_unknown_kind_there_is_nothing
            what_waits_is_counted
            the_oldest_is_the_one_that_was_stored_first
            what_could_not_be_published_is_stuck
        }
    };
}
