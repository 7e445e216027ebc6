//! Runs: whole ones, ones that are cut off, and ones that have nothing left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobapp_import::{ImportError, Kind, OldSystem, Options, Ours, Progress, Silent, Summary, import, position_of};
use jobapp_platform::{Address, Store};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checks::{assert_summary, assert_town, everything};
use crate::old::{Scripted, in_memory, small_town};

/// Small pages, so that there are many places to be cut off at.
const PAGE: usize = 37;

fn options() -> Options {
    Options { page: PAGE, ..Options::new("test") }
}

/// A report that stays readable.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Has whoever waits for it end the run after so many things were stored.
#[derive(Default)]
struct Axe {
    left: AtomicUsize,
    falls: Notify,
    stored: AtomicUsize,
    waited: AtomicUsize,
}

impl Progress for Axe {
    fn waits(&self, _: Kind) {
        self.waited.fetch_add(1, Ordering::Relaxed);
    }

    fn stored(&self, _: Kind) {
        self.stored.fetch_add(1, Ordering::Relaxed);
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.falls.notify_one();
        }
    }
}

/// Runs until so many things were stored; whether it was cut off.
async fn cut_off(old: &dyn OldSystem, ours: &Ours, after: usize) -> bool {
    let axe = Axe { left: AtomicUsize::new(after), ..Axe::default() };
    tokio::select! {
        biased;
        () = axe.falls.notified() => true,
        done = import(options(), old, ours, &axe) => { done.unwrap(); false }
    }
}

#[tokio::test]
async fn everything_that_can_be_is_taken_and_the_rest_is_reported_with_its_reason() {
    let (town, ours, paper) = (small_town(), in_memory(), Paper::default());
    let report: Option<Box<dyn Write + Send>> = Some(Box::new(paper.clone()));
    let summary = import(Options { report, ..options() }, &Scripted::of(&town), &ours, &Silent).await.unwrap();
    assert_summary(&town, &summary);
    assert_town(&town, &ours).await;
    let mut refused: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
    let mut noted = 0;
    for line in paper.lines() {
        let kind = line["kind"].as_str().unwrap().parse().unwrap();
        assert!(!line["reasons"][0].as_str().unwrap().is_empty(), "{line}");
        if line["outcome"] == "refused" {
            refused.entry(kind).or_default().insert(line["id"].as_str().unwrap().to_owned());
        } else {
            noted += 1;
        }
    }
    assert_eq!(refused, town.refused);
    assert_eq!(noted, summary.total().noted);
    assert!(noted > 0, "messages of a second conversation are told");
    let text = String::from_utf8(paper.0.lock().clone()).unwrap();
    assert!(!text.contains("hunter22"), "what stands in place of a hash may be a password");
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let (town, ours) = (small_town(), in_memory());
    let old = Scripted::of(&town);
    import(options(), &old, &ours, &Silent).await.unwrap();
    let before = everything(&ours).await;
    let waiting = waiting(&ours).await;
    let behind = import(options(), &old, &ours, &Silent).await.unwrap();
    assert_eq!(behind.total().read, 0, "it goes on behind the last row");
    let axe = Axe { left: AtomicUsize::new(usize::MAX), ..Axe::default() };
    let again = import(Options { again: true, ..options() }, &old, &ours, &axe).await.unwrap();
    for kind in Kind::ALL {
        let (rows, refused) = town.counts(kind);
        let counts = again.0[&kind];
        assert_eq!(
            (counts.read, counts.taken, counts.there, counts.refused),
            (rows, 0, rows - refused, refused),
            "{kind}"
        );
    }
    assert_eq!(axe.stored.load(Ordering::Relaxed), 0);
    assert_eq!(everything(&ours).await, before);
    assert_eq!(self::waiting(&ours).await, waiting, "nobody is told of anything once more");
}

async fn waiting(ours: &Ours) -> Vec<u64> {
    let mut waiting = Vec::new();
    for kind in Kind::ALL {
        waiting.push(ours.of(kind).outbox().waiting().await.unwrap());
    }
    waiting
}

#[tokio::test]
async fn a_run_that_is_cut_off_at_ten_points_comes_to_the_same() {
    let town = small_town();
    let old = Scripted::of(&town);
    let whole = in_memory();
    import(options(), &old, &whole, &Silent).await.unwrap();
    let ours = in_memory();
    // Each of them in the middle of a page, and together in every kind.
    for (cut, after) in [5, 401, 320, 90, 170, 60, 500, 333, 444, 191].into_iter().enumerate() {
        assert!(cut_off(&old, &ours, after).await, "cut {cut} came too late");
    }
    import(options(), &old, &ours, &Silent).await.unwrap();
    assert_town(&town, &ours).await;
    let (whole, ours) = (everything(&whole).await, everything(&ours).await);
    let differ: Vec<_> = whole.symmetric_difference(&ours).take(4).collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

#[tokio::test]
async fn a_run_that_is_cut_off_after_every_few_rows_comes_to_the_same() {
    let town = small_town();
    let old = Scripted::of(&town);
    let ours = in_memory();
    let mut cuts = 0;
    // Not the size of a page, so that every place in one is met.
    while cut_off(&old, &ours, 43).await {
        cuts += 1;
    }
    assert!(cuts > 40, "{cuts}");
    assert_town(&town, &ours).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_goes_into_files_and_a_run_that_is_cut_off_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let open = async |service: &str| {
        let address = Address::new("--data", "sqlite", folder.path().join(format!("{service}.db")));
        Store::open(&address, None).await.unwrap()
    };
    let stores = async || Ours {
        auth: open("auth").await,
        users: open("users").await,
        gig: open("gig").await,
        chat: open("chat").await,
        order: open("order").await,
        review: open("review").await,
        analytics: None,
    };
    let town = small_town();
    let old = Scripted::of(&town);
    let ours = stores().await;
    assert!(cut_off(&old, &ours, 700).await);
    for kind in Kind::ALL {
        ours.of(kind).close().await.unwrap();
    }
    let ours = stores().await;
    import(options(), &old, &ours, &Silent).await.unwrap();
    assert_town(&town, &ours).await;
}

#[tokio::test]
async fn a_dry_run_says_what_a_run_would_come_to_and_stores_nothing() {
    let (town, ours) = (small_town(), in_memory());
    let old = Scripted::of(&town);
    let dry = import(Options { dry_run: true, ..options() }, &old, &ours, &Silent).await.unwrap();
    assert_summary(&town, &dry);
    assert_eq!(everything(&ours).await, BTreeSet::new());
    assert_eq!(waiting(&ours).await, [0; 9]);
    assert_eq!(ours.auth.sequence().next("accounts", 1).await.unwrap(), 1, "no number was given out");
    assert!(!position_of(&ours, Kind::Accounts).await.unwrap().is_complete());
    let (_, whole) = (ours, in_memory());
    assert_eq!(import(options(), &old, &whole, &Silent).await.unwrap(), dry);
}

#[tokio::test]
async fn kinds_are_imported_one_by_one_but_none_before_those_it_speaks_of() {
    let (town, ours) = (small_town(), in_memory());
    let old = Scripted::of(&town);
    let only = |kind| Options { kinds: BTreeSet::from([kind]), ..options() };
    let early = import(only(Kind::Messages), &old, &ours, &Silent).await.unwrap_err();
    assert_eq!(
        early.to_string(),
        "the messages speak of the conversations, which are not here yet: import those first"
    );
    let mut summary = Summary::default();
    for kind in Kind::ALL {
        summary.0.extend(import(only(kind), &old, &ours, &Silent).await.unwrap().0);
    }
    assert_summary(&town, &summary);
    assert_town(&town, &ours).await;
}

#[tokio::test]
async fn a_system_that_cannot_be_read_ends_the_run_which_goes_on_later() {
    let (town, ours) = (small_town(), in_memory());
    let mut old = Scripted { away: Some(Kind::Orders), ..Scripted::of(&town) };
    let error = import(options(), &old, &ours, &Silent).await.unwrap_err();
    assert!(matches!(&error, ImportError::Old(old) if old.kind == Kind::Orders), "{error:?}");
    assert_eq!(error.to_string(), "the orders of the existing system cannot be read");
    old.away = None;
    let rest = import(options(), &old, &ours, &Silent).await.unwrap();
    assert_eq!((rest.0[&Kind::Messages].read, rest.0[&Kind::Orders].read), (0, town.counts(Kind::Orders).0));
    assert_town(&town, &ours).await;
}

#[tokio::test]
async fn rows_that_come_later_are_taken_later() {
    let (town, ours) = (small_town(), in_memory());
    let mut old = Scripted::of(&town);
    let last: Vec<_> = old.rows.get_mut(&Kind::Messages).unwrap().split_off(1000);
    import(options(), &old, &ours, &Silent).await.unwrap();
    old.rows.get_mut(&Kind::Messages).unwrap().extend(last);
    let later = import(options(), &old, &ours, &Silent).await.unwrap();
    assert_eq!((later.0[&Kind::Messages].read, later.total().read), (200, 200));
    assert_town(&town, &ours).await;
}

#[tokio::test(start_paused = true)]
async fn two_do_not_import_one_kind_at_once() {
    let (town, ours) = (small_town(), in_memory());
    let old = Scripted::of(&town);
    let leases = ours.users.leases();
    assert!(leases.take("import buyers", "another", Duration::from_secs(3600)).await.unwrap());
    let axe = Axe::default();
    let error = import(options(), &old, &ours, &axe).await.unwrap_err();
    assert!(matches!(error, ImportError::Busy(Kind::Buyers)), "{error:?}");
    assert!(axe.waited.into_inner() > 0, "and it says so");
    leases.release("import buyers", "another").await.unwrap();
    import(options(), &old, &ours, &Silent).await.unwrap();
    assert_town(&town, &ours).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_keeps_the_next_one_waiting_for_nothing() {
    let (town, ours) = (small_town(), in_memory());
    let old = Scripted::of(&town);
    let axe = Axe { left: AtomicUsize::new(700), ..Axe::default() };
    let stop = CancellationToken::new();
    let run = import(Options { stop: stop.clone(), ..options() }, &old, &ours, &axe);
    let stopping = async {
        axe.falls.notified().await;
        stop.cancel();
    };
    let error = tokio::join!(run, stopping).0.unwrap_err();
    assert!(matches!(error, ImportError::Stopped(Kind::Buyers)), "{error:?}");
    assert!(error.to_string().ends_with("run it again, and it goes on"));
    let begun = Instant::now();
    let early = import(Options { stop, ..Options::new("another") }, &old, &ours, &Silent).await.unwrap_err();
    assert!(matches!(early, ImportError::Stopped(_)), "{early:?}");
    import(Options::new("another"), &old, &ours, &Silent).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "it waited for {:?}", begun.elapsed());
    assert_town(&town, &ours).await;
}
