//! Several processes on one folder. Most tests have two indexes in one process, which the locks tell apart like processes; where a
//! process has to die, a test runs its own program again, with the part to play in the environment.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_contracts::search::{Source, deleted, gig, saved};
use jobapp_gigs::{EveryGig, GigSearch, IndexChange, SearchError, SearchIndex, SearchQuery};
use jobapp_kernel::RepositoryError;
use jobapp_tantivy::TantivySearch;
use tantivy::directory::error::LockError;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tempfile::TempDir;
use tokio::sync::Notify;

/// The environment variable with the folder of the index; only a child has it.
const FOLDER: &str = "JOBAPP_TEST_FOLDER";
/// The environment variable with what a child does.
const PART: &str = "JOBAPP_TEST_PART";
/// So long nobody has to wait.
const FOREVER: Duration = Duration::from_secs(120);

async fn total(index: &TantivySearch) -> usize {
    index.search(&SearchQuery::default()).await.unwrap().total
}

async fn found(index: &TantivySearch, text: &str) -> usize {
    index.search(&SearchQuery::parse("0", "10", "forward", [("query", text)])).await.unwrap().total
}

async fn is_behind(index: &TantivySearch) -> bool {
    matches!(index.search(&SearchQuery::default()).await, Err(SearchError::Incomplete))
        && index.needs_rebuild().await.unwrap()
}

async fn build(index: &TantivySearch, gigs: Vec<IndexChange>) {
    index.rebuild(&mut Source::of(gigs), &|_| {}).await.unwrap();
}

/// A complete and empty index that two have open.
async fn two_on_one_folder() -> (TempDir, TantivySearch, TantivySearch) {
    let place = tempfile::tempdir().unwrap();
    let one = TantivySearch::open(place.path().join("gigs")).unwrap();
    build(&one, Vec::new()).await;
    let other = TantivySearch::open(place.path().join("gigs")).unwrap();
    (place, one, other)
}

async fn until(what: impl AsyncFn() -> bool) {
    tokio::time::timeout(FOREVER, async {
        while !what().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it never came true");
}

fn has_writer(folder: &Path) -> bool {
    let lock = MmapDirectory::open(folder).unwrap().acquire_lock(&INDEX_WRITER_LOCK);
    matches!(lock, Err(LockError::LockBusy))
}

/// Whether somebody waits until nobody writes.
fn has_waiter(folder: &Path) -> bool {
    File::open(folder.join(".jobapp-next.lock")).unwrap().try_lock().is_err()
}

#[tokio::test]
async fn what_one_writes_the_other_finds_at_once() {
    let (_place, one, other) = two_on_one_folder().await;
    for number in 1..=8 {
        one.apply(vec![saved(&gig(number, "logo"), 1)]).await.unwrap();
        assert_eq!(total(&other).await, usize::try_from(number).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_writer_is_given_up_when_another_waits_for_it() {
    let (place, one, other) = two_on_one_folder().await;
    one.apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap();
    assert!(has_writer(&place.path().join("gigs")), "it is kept when nobody waits");
    for number in 0..5 {
        // Neither of them would be idle for so long that another write could wait for that.
        other.apply(vec![saved(&gig(100 + number, "logo"), 1)]).await.unwrap();
        one.apply(vec![saved(&gig(200 + number, "logo"), 1)]).await.unwrap();
    }
    assert_eq!((total(&one).await, total(&other).await), (11, 11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_without_a_pause_gives_way_too() {
    let (_place, one, other) = two_on_one_folder().await;
    let busy = async {
        let mut version = 0;
        loop {
            // Always one under way and two that wait.
            let next = |number| one.apply(vec![saved(&gig(number, "busy"), version)]);
            let (first, second, third) = tokio::join!(next(1), next(2), next(3));
            first.and(second).and(third).unwrap();
            version += 1;
        }
    };
    let asking = async {
        for number in 11..=15 {
            other.apply(vec![saved(&gig(number, "logo"), 1)]).await.unwrap();
        }
    };
    tokio::select! {
        () = busy => unreachable!(),
        () = asking => {}
    }
    assert_eq!(found(&other, "logo").await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_many_at_the_same_time_are_all_found_by_all() {
    let (place, one, other) = two_on_one_folder().await;
    let third = TantivySearch::open(place.path().join("gigs")).unwrap();
    let write = |index: TantivySearch, from: u64| {
        tokio::spawn(async move {
            for number in from..from + 8 {
                index.apply(vec![saved(&gig(number, "logo"), 1)]).await.unwrap();
            }
        })
    };
    for done in [write(one.clone(), 100), write(other.clone(), 200), write(third.clone(), 300)] {
        done.await.unwrap();
    }
    for index in [&one, &other, &third] {
        assert_eq!(total(index).await, 24);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_news_change_nothing_whoever_wrote_the_newer_ones() {
    let (_place, one, other) = two_on_one_folder().await;
    one.apply(vec![saved(&gig(1, "new"), 5)]).await.unwrap();
    other.apply(vec![saved(&gig(1, "old"), 4)]).await.unwrap();
    assert_eq!((found(&other, "new").await, found(&other, "old").await), (1, 0));
    other.apply(vec![deleted(&gig(1, "new"), 7)]).await.unwrap();
    one.apply(vec![saved(&gig(1, "old"), 6)]).await.unwrap();
    assert_eq!((total(&one).await, total(&other).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_race_with_versions_end_with_the_newest() {
    let (_place, one, other) = two_on_one_folder().await;
    for round in 0..5_u64 {
        let (older, newer) = (round * 2 + 1, round * 2 + 2);
        let older = one.apply(vec![saved(&gig(1, &format!("w{older}")), older)]);
        let newer = other.apply(vec![saved(&gig(1, &format!("w{newer}")), newer)]);
        let (older, newer) = tokio::join!(older, newer);
        older.and(newer).unwrap();
        assert_eq!((total(&one).await, found(&one, &format!("w{}", round * 2 + 2)).await), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_others_are_removed_once_nobody_needs_them() {
    let (place, one, other) = two_on_one_folder().await;
    let folder = place.path().join("gigs");
    drop(other);
    for version in 1..=10 {
        // These come and go, so that nobody is left who made their files.
        let guest = TantivySearch::open(&folder).unwrap();
        for (index, version) in [(&guest, 2 * version), (&one, 2 * version + 1)] {
            index.apply((1..=3).map(|number| saved(&gig(number, "logo"), version)).collect()).await.unwrap();
            index.apply(vec![saved(&gig(9 + version, "logo"), version)]).await.unwrap();
        }
    }
    drop(one);
    let index = tantivy::Index::open_in_dir(&folder).unwrap();
    let writer: tantivy::IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    writer.garbage_collect_files().wait().unwrap();
    let segments = index.searchable_segment_metas().unwrap();
    let is_needed = |name: &str| {
        let of = segments.iter().find(|segment| name.starts_with(&segment.id().uuid_string()));
        let deleted = of.and_then(tantivy::SegmentMeta::delete_opstamp);
        name == "meta.json"
            || of.is_some()
                && (!name.ends_with(".del") || deleted.is_some_and(|at| name.ends_with(&format!(".{at}.del"))))
    };
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let forgotten: Vec<String> = names.filter(|name| !name.starts_with('.') && !is_needed(name)).collect();
    assert_eq!(forgotten, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_start_on_an_empty_folder_at_once_both_work_in_the_end() {
    for make_folder in [true, false].repeat(3) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("gigs");
        if make_folder {
            fs::create_dir(&folder).unwrap();
        }
        let barrier = std::sync::Barrier::new(2);
        let open = || {
            barrier.wait();
            TantivySearch::open(&folder).unwrap()
        };
        let (one, other) = std::thread::scope(|scope| {
            let (one, other) = (scope.spawn(open), scope.spawn(open));
            (one.join().unwrap(), other.join().unwrap())
        });
        let heal = async |index: &TantivySearch| {
            if index.needs_rebuild().await.unwrap() {
                build(index, vec![saved(&gig(1, "logo"), 1), saved(&gig(2, "logo"), 1)]).await;
            }
        };
        tokio::join!(heal(&one), heal(&other));
        one.apply(vec![saved(&gig(3, "logo"), 1)]).await.unwrap();
        other.apply(vec![saved(&gig(4, "logo"), 1)]).await.unwrap();
        assert_eq!((total(&one).await, total(&other).await), (4, 4));
        assert!(!place.path().join("gigs.set-aside").exists(), "what one made the other takes");
    }
}

#[tokio::test]
async fn what_one_has_built_the_other_need_not_build() {
    let place = tempfile::tempdir().unwrap();
    let one = TantivySearch::open(place.path().join("gigs")).unwrap();
    let other = TantivySearch::open(place.path().join("gigs")).unwrap();
    assert!(is_behind(&other).await);
    build(&one, vec![saved(&gig(1, "logo"), 1)]).await;
    assert!(!other.needs_rebuild().await.unwrap());
    assert_eq!(total(&other).await, 1);
}

fn remove_folder(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
}

fn empty_folder(folder: &Path) {
    remove_folder(folder);
    fs::create_dir(folder).unwrap();
}

fn remove_meta(folder: &Path) {
    fs::remove_file(folder.join("meta.json")).unwrap();
}

fn garble_meta(folder: &Path) {
    let garbled = folder.join("garbled");
    fs::write(&garbled, "{").unwrap();
    fs::rename(garbled, folder.join("meta.json")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_one_makes_anew_the_other_takes() {
    for harm in [remove_folder, empty_folder, remove_meta, garble_meta] {
        for noticed_by_both in [false, true] {
            let (place, one, other) = two_on_one_folder().await;
            let folder = place.path().join("gigs");
            other.apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap();
            harm(&folder);
            assert!(one.needs_rebuild().await.unwrap());
            if noticed_by_both {
                other.search(&SearchQuery::default()).await.unwrap_err();
                assert!(is_behind(&other).await);
            }
            build(&one, vec![saved(&gig(7, "logo"), 1), saved(&gig(8, "logo"), 1)]).await;
            let aside = place.path().join("gigs.set-aside");
            drop(fs::remove_dir_all(&aside));
            assert!(!other.needs_rebuild().await.unwrap());
            assert_eq!(total(&other).await, 2);
            other.apply(vec![saved(&gig(9, "logo"), 1)]).await.unwrap();
            assert_eq!((total(&one).await, total(&other).await), (3, 3));
            assert!(!aside.exists(), "the other one set it aside in its turn");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_another_was_faster_with_makes_nothing_anew() {
    let (place, one, other) = two_on_one_folder().await;
    remove_meta(&place.path().join("gigs"));
    assert!(one.needs_rebuild().await.unwrap() && other.needs_rebuild().await.unwrap());
    build(&one, vec![saved(&gig(7, "logo"), 1)]).await;
    fs::remove_dir_all(place.path().join("gigs.set-aside")).unwrap();
    // Asked for before it knew.
    build(&other, vec![saved(&gig(7, "logo"), 1), saved(&gig(8, "logo"), 1)]).await;
    assert!(!place.path().join("gigs.set-aside").exists());
    assert_eq!((total(&one).await, total(&other).await), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_make_it_anew_at_once_set_aside_what_was_damaged_and_nothing_else() {
    for _ in 0..3 {
        let (place, one, other) = two_on_one_folder().await;
        let folder = place.path().join("gigs");
        fs::write(folder.join("letter.txt"), "dear").unwrap();
        remove_meta(&folder);
        assert!(one.needs_rebuild().await.unwrap() && other.needs_rebuild().await.unwrap());
        let rebuild = |index: &TantivySearch| {
            let index = index.clone();
            tokio::spawn(async move { build(&index, vec![saved(&gig(7, "logo"), 1)]).await })
        };
        let (first, second) = (rebuild(&one), rebuild(&other));
        first.await.unwrap();
        second.await.unwrap();
        assert_eq!((total(&one).await, total(&other).await), (1, 1));
        assert!(place.path().join("gigs.set-aside/letter.txt").exists(), "it is no longer what was set aside last");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_others_write_to_is_never_taken_for_damaged() {
    let (place, one, _other) = two_on_one_folder().await;
    let writing = tokio::spawn(async move {
        for version in 1..=30 {
            one.apply((1..=3).map(|number| saved(&gig(number, "logo"), version)).collect()).await.unwrap();
        }
    });
    while !writing.is_finished() {
        assert_eq!(jobapp_tantivy::examine(&place.path().join("gigs")), None);
    }
    writing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_index_that_another_built_anew_in_its_place_is_whole_again() {
    let (place, one, other) = two_on_one_folder().await;
    let meta = place.path().join("gigs").join("meta.json");
    one.apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap();
    assert_eq!(total(&other).await, 1);
    let elsewhere = place.path().join("meta.json");
    fs::rename(&meta, &elsewhere).unwrap();
    assert!(other.needs_rebuild().await.unwrap());
    fs::rename(&elsewhere, &meta).unwrap();
    one.apply(vec![saved(&gig(2, "logo"), 1)]).await.unwrap();
    assert!(is_behind(&other).await, "what it found damaged is still part of it");
    other.apply(vec![saved(&gig(3, "logo"), 1)]).await.expect_err("it has to be built first");
    build(&one, vec![saved(&gig(7, "logo"), 1)]).await;
    assert!(!other.needs_rebuild().await.unwrap());
    assert_eq!(total(&other).await, 1);
    assert!(!place.path().join("gigs.set-aside").exists());
}

/// Gives its gigs once it may.
struct Paused {
    gigs: Vec<IndexChange>,
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

#[async_trait]
impl EveryGig for Paused {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        if self.gigs.len() == 2 {
            self.begun.notify_one();
            self.go_on.notified().await;
        }
        Ok(self.gigs.pop().into_iter().collect())
    }
}

/// Starts to build an index of a gig at version 3 and another one, and goes on when it is told.
async fn begin_to_build(index: &TantivySearch) -> (Arc<Notify>, tokio::task::JoinHandle<Result<usize, SearchError>>) {
    let (begun, go_on) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let gigs = vec![saved(&gig(2, "built"), 1), saved(&gig(1, "built"), 3)];
    let mut source = Paused { gigs, begun: Arc::clone(&begun), go_on: Arc::clone(&go_on) };
    let index = index.clone();
    let rebuild = tokio::spawn(async move { index.rebuild(&mut source, &|_| {}).await });
    begun.notified().await;
    (go_on, rebuild)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_another_builds_is_compared_with_what_was_built() {
    let (place, one, other) = two_on_one_folder().await;
    one.apply(vec![saved(&gig(9, "gone"), 1)]).await.unwrap();
    let (go_on, rebuild) = begin_to_build(&one).await;
    assert_eq!(found(&other, "gone").await, 1, "until it is built what was there before is found");
    let told = {
        let other = other.clone();
        tokio::spawn(async move { other.apply(vec![saved(&gig(1, "told"), 2), saved(&gig(3, "told"), 1)]).await })
    };
    until(async || has_waiter(&place.path().join("gigs"))).await;
    go_on.notify_one();
    assert_eq!(rebuild.await.unwrap().unwrap(), 2);
    told.await.unwrap().unwrap();
    for index in [&one, &other] {
        assert_eq!((found(index, "built").await, found(index, "told").await, found(index, "gone").await), (2, 1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_whose_folder_another_replaced_harms_nothing() {
    let (place, one, other) = two_on_one_folder().await;
    let (go_on, rebuild) = begin_to_build(&one).await;
    fs::rename(place.path().join("gigs"), place.path().join("elsewhere")).unwrap();
    build(&other, vec![saved(&gig(7, "logo"), 1)]).await;
    go_on.notify_one();
    rebuild.await.unwrap().expect_err("nobody would find what it built");
    assert_eq!((total(&one).await, total(&other).await), (1, 1));
    one.apply(vec![saved(&gig(8, "logo"), 1)]).await.unwrap();
    assert_eq!((total(&one).await, total(&other).await), (2, 2));
}

#[tokio::test]
async fn a_file_that_a_killed_process_left_does_not_stop_the_next_change() {
    let (place, one, _other) = two_on_one_folder().await;
    let folder = place.path().join("gigs");
    one.apply(vec![saved(&gig(1, "logo"), 1), saved(&gig(2, "logo"), 1)]).await.unwrap();
    drop(one);
    // Who is killed between the list of what is deleted and the commit leaves the list, and the next one makes one of the same name.
    let meta = tantivy::Index::open_in_dir(&folder).unwrap().load_metas().unwrap();
    let names = (0..20).map(|later| format!("{}.{}.del", meta.segments[0].id().uuid_string(), meta.opstamp + later));
    let managed = folder.join(".managed.json");
    let mut known = fs::read_to_string(&managed).unwrap().trim_end().trim_end_matches(']').to_owned();
    for name in names {
        fs::write(folder.join(&name), "half").unwrap();
        known.push_str(&format!(",{name:?}"));
    }
    fs::write(managed, known + "]").unwrap();
    let index = TantivySearch::open(&folder).unwrap();
    index.apply(vec![saved(&gig(1, "sign"), 2)]).await.unwrap();
    assert_eq!((total(&index).await, found(&index, "sign").await), (2, 1));
}

/// Another process that has the index open.
struct Process {
    child: Child,
    /// The lines it tells.
    told: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn start(folder: &Path, part: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "--test-threads=1", "sharing::child"])
            .env(FOLDER, folder)
            .env(PART, part)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, told }
    }

    /// Waits until it tells this. What runs on this thread waits as well, so tests have others.
    fn tells(&mut self, what: &str) {
        assert!(self.told.any(|line| line.unwrap().contains(what)), "it ended without telling {what:?}");
    }

    fn kill(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Plays its part in a process of its own; among the other tests it has nothing to do.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let index = TantivySearch::open(folder).unwrap();
    match std::env::var(PART).unwrap().as_str() {
        "keep the writer" => {
            index.apply(vec![saved(&gig(1, "child"), 1)]).await.unwrap();
            println!("written");
            // Nothing gives up the writer as nothing else runs on this thread.
            loop {
                std::thread::park();
            }
        }
        "stop while building" => {
            let (_go_on, rebuild) = begin_to_build(&index).await;
            println!("begun");
            rebuild.await.unwrap().unwrap();
        }
        "write without end" => {
            for version in 1.. {
                index.apply((1..=3).map(|number| saved(&gig(number, "child"), version)).collect()).await.unwrap();
                println!("written");
            }
        }
        part => panic!("{part:?} is no part"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_find_what_others_wrote_and_take_turns() {
    let place = tempfile::tempdir().unwrap();
    let index = TantivySearch::open(place.path().join("gigs")).unwrap();
    build(&index, Vec::new()).await;
    let mut child = Process::start(&place.path().join("gigs"), "write without end");
    child.tells("written");
    for number in 100..110 {
        index.apply(vec![saved(&gig(number, "logo"), 1)]).await.unwrap();
        child.tells("written");
    }
    assert_eq!((found(&index, "child").await, found(&index, "logo").await), (3, 10));
    child.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_killed_with_the_writer_keeps_nobody_waiting() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("gigs");
    let index = TantivySearch::open_with(&folder, Duration::from_millis(1)).unwrap();
    build(&index, Vec::new()).await;
    until(async || !index.has_writer().await).await;
    for (version, part, tells) in [(1, "keep the writer", "written"), (2, "stop while building", "begun")] {
        let mut child = Process::start(&folder, part);
        child.tells(tells);
        assert!(has_writer(&folder), "otherwise nobody could have to wait");
        let waiting = {
            let index = index.clone();
            tokio::spawn(async move { index.apply(vec![saved(&gig(50, "logo"), version)]).await })
        };
        until(async || has_waiter(&folder)).await;
        child.kill();
        waiting.await.unwrap().unwrap();
        assert_eq!((found(&index, "child").await, found(&index, "logo").await), (1, 1));
        assert!(!index.needs_rebuild().await.unwrap());
        until(async || !index.has_writer().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_process_is_killed_the_index_is_whole_and_can_be_changed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("gigs");
    let index = TantivySearch::open(&folder).unwrap();
    build(&index, Vec::new()).await;
    for round in 1..=10 {
        let mut child = Process::start(&folder, "write without end");
        for _ in 0..round {
            child.tells("written");
        }
        child.kill();
        index.apply(vec![saved(&gig(100 + round, "logo"), 1)]).await.unwrap();
        index.apply((1..=3).map(|number| saved(&gig(number, "child"), 1_000_000 * round)).collect()).await.unwrap();
        assert_eq!(found(&index, "logo").await, usize::try_from(round).unwrap());
        assert_eq!(found(&index, "child").await, 3);
        assert_eq!(jobapp_tantivy::examine(&folder), None);
    }
}
