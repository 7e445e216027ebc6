//! What becomes of an index that is closed, damaged, old or half built.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_contracts::search::{Source, deleted, gig, saved};
use jobapp_gigs::{EveryGig, GigSearch, IndexChange, SearchError, SearchIndex, SearchQuery};
use jobapp_kernel::RepositoryError;
use jobapp_tantivy::TantivySearch;

async fn total(index: &TantivySearch) -> usize {
    index.search(&SearchQuery::default()).await.unwrap().total
}

/// An index of two gigs, closed again.
async fn an_index_of_two(folder: &Path) {
    let index = TantivySearch::open(folder).unwrap();
    index.rebuild(&mut Source::of(vec![saved(&gig(1, "logo"), 1)]), &|_| {}).await.unwrap();
    index.apply(vec![saved(&gig(2, "logo"), 1), saved(&gig(3, "logo"), 1), deleted(&gig(3, "logo"), 2)]).await.unwrap();
}

async fn is_behind(index: &TantivySearch) -> bool {
    matches!(index.search(&SearchQuery::default()).await, Err(SearchError::Incomplete))
        && index.needs_rebuild().await.unwrap()
}

#[tokio::test]
async fn what_was_applied_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    an_index_of_two(folder.path()).await;
    let index = TantivySearch::open(folder.path()).unwrap();
    assert!(!index.needs_rebuild().await.unwrap());
    assert_eq!(total(&index).await, 2);
    index.apply(vec![saved(&gig(3, "logo"), 1)]).await.unwrap();
    assert_eq!(total(&index).await, 2, "what was deleted is still known to be");
}

#[tokio::test]
async fn a_new_folder_needs_to_be_built() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivySearch::open(folder.path().join("a").join("b")).unwrap();
    assert!(is_behind(&index).await);
}

#[tokio::test]
async fn a_missing_or_damaged_file_sets_the_index_aside() {
    for damage in [remove, shorten, flip_a_bit, garble_meta] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("gigs");
        an_index_of_two(&folder).await;
        damage(&folder);
        let index = TantivySearch::open(&folder).unwrap();
        assert!(is_behind(&index).await);
        assert!(place.path().join("gigs.set-aside").exists());
        index.rebuild(&mut Source::of(vec![saved(&gig(7, "logo"), 1)]), &|_| {}).await.unwrap();
        assert_eq!(total(&index).await, 1);
        drop(index);
        assert!(!TantivySearch::open(&folder).unwrap().needs_rebuild().await.unwrap());
    }
}

fn segment_file(folder: &Path) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "fast"));
    files.sort();
    files.swap_remove(0)
}

fn remove(folder: &Path) {
    fs::remove_file(segment_file(folder)).unwrap();
}

fn shorten(folder: &Path) {
    let file = segment_file(folder);
    let bytes = fs::read(&file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

fn flip_a_bit(folder: &Path) {
    let file = segment_file(folder);
    let mut bytes = fs::read(&file).unwrap();
    bytes[3] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn garble_meta(folder: &Path) {
    fs::write(folder.join("meta.json"), "{").unwrap();
}

#[tokio::test]
async fn what_is_no_index_is_set_aside_and_never_lost() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("gigs");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("letter.txt"), "dear").unwrap();
    assert!(is_behind(&TantivySearch::open(&folder).unwrap()).await);
    assert_eq!(fs::read_to_string(place.path().join("gigs.set-aside/letter.txt")).unwrap(), "dear");
}

#[tokio::test]
async fn an_index_that_was_never_complete_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivySearch::open(folder.path().join("gigs")).unwrap();
    index.apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap();
    assert!(is_behind(&index).await);
    drop(index);
    assert!(is_behind(&TantivySearch::open(folder.path().join("gigs")).unwrap()).await);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "").unwrap();
    assert!(TantivySearch::open(place.path().join("file").join("gigs")).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_writer_is_given_up_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivySearch::open_with(folder.path(), Duration::from_millis(20)).unwrap();
    index.rebuild(&mut Source::of(Vec::new()), &|_| {}).await.unwrap();
    for number in 1..=3 {
        index.apply(vec![saved(&gig(number, "logo"), 1)]).await.unwrap();
        tokio::time::timeout(Duration::from_secs(20), async {
            while index.has_writer().await {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the writer is given up");
    }
    assert_eq!(total(&index).await, 3);
}

/// Gives one gig and then nothing, ever.
struct Endless<'a> {
    given: &'a AtomicBool,
}

#[async_trait]
impl EveryGig for Endless<'_> {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        if self.given.swap(true, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(vec![saved(&gig(9, "half"), 1)])
    }
}

#[tokio::test]
async fn a_rebuild_that_is_given_up_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    an_index_of_two(folder.path()).await;
    let index = TantivySearch::open(folder.path()).unwrap();
    let given = AtomicBool::new(false);
    let mut source = Endless { given: &given };
    let rebuild = index.rebuild(&mut source, &|_| {});
    tokio::select! {
        _ = rebuild => panic!("it cannot end"),
        () = async { while !given.load(Ordering::SeqCst) { tokio::task::yield_now().await; } } => {}
    }
    assert_eq!(total(&index).await, 2);
    index.apply(vec![saved(&gig(4, "logo"), 1)]).await.unwrap();
    assert_eq!(total(&index).await, 3);
}

#[tokio::test]
async fn many_small_changes_do_not_pile_up_files() {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivySearch::open_with(folder.path(), Duration::from_millis(10)).unwrap();
    index.rebuild(&mut Source::of(Vec::new()), &|_| {}).await.unwrap();
    for version in 1..=60 {
        index.apply((1..=5).map(|number| saved(&gig(number, "logo"), version)).collect()).await.unwrap();
    }
    assert_eq!(total(&index).await, 5);
    tokio::time::timeout(Duration::from_secs(20), async {
        while index.has_writer().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the writer is given up");
    let segments = fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "idx"));
    assert!(segments.count() < 20);
}

fn remove_folder(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
}

fn move_folder(folder: &Path) {
    fs::rename(folder, folder.with_extension("elsewhere")).unwrap();
}

fn empty_folder(folder: &Path) {
    remove_folder(folder);
    fs::create_dir(folder).unwrap();
}

fn remove_meta(folder: &Path) {
    fs::remove_file(folder.join("meta.json")).unwrap();
}

#[tokio::test]
async fn a_folder_that_is_removed_while_it_is_open_is_noticed_by_a_search_and_made_again() {
    for harm in [remove_folder, move_folder, empty_folder, remove_meta] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("gigs");
        an_index_of_two(&folder).await;
        let index = TantivySearch::open(&folder).unwrap();
        // With a writer that is open, as well.
        index.apply(vec![saved(&gig(4, "logo"), 1)]).await.unwrap();
        harm(&folder);
        index.search(&SearchQuery::default()).await.unwrap_err();
        assert!(is_behind(&index).await);
        index.rebuild(&mut Source::of(vec![saved(&gig(7, "logo"), 1)]), &|_| {}).await.unwrap();
        index.apply(vec![saved(&gig(8, "logo"), 1)]).await.unwrap();
        assert_eq!(total(&index).await, 2);
        drop(index);
        assert_eq!(total(&TantivySearch::open(&folder).unwrap()).await, 2, "it is on disk");
    }
}

#[tokio::test]
async fn a_folder_that_is_removed_while_it_is_open_takes_no_changes_and_needs_to_be_built() {
    for harm in [remove_folder, move_folder, empty_folder, remove_meta] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("gigs");
        an_index_of_two(&folder).await;
        let index = TantivySearch::open(&folder).unwrap();
        harm(&folder);
        index.apply(vec![saved(&gig(4, "logo"), 1)]).await.expect_err("nobody would find it after a restart");
        assert!(index.needs_rebuild().await.unwrap());

        let other = place.path().join("unasked");
        an_index_of_two(&other).await;
        let index = TantivySearch::open(&other).unwrap();
        harm(&other);
        assert!(index.needs_rebuild().await.unwrap(), "without a search or a change");
        index.rebuild(&mut Source::of(vec![saved(&gig(7, "logo"), 1)]), &|_| {}).await.unwrap();
        assert_eq!(total(&index).await, 1);
    }
}

#[tokio::test]
async fn a_look_at_an_index_tells_what_is_wrong_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("gigs");
    an_index_of_two(&folder).await;
    assert_eq!(jobapp_tantivy::examine(&folder), None);
    flip_a_bit(&folder);
    assert!(jobapp_tantivy::examine(&folder).unwrap().contains("damaged"));
    assert!(!place.path().join("gigs.set-aside").exists());
    assert!(jobapp_tantivy::examine(&place.path().join("none")).is_some());
}
