//! How large, how fast and how hungry the index is: `many_gigs [how many]`, ten thousand by default.
//!
//! Builds an index in a temporary folder, then starts itself again to open it, as a server would after a restart.

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jobapp_gigs::{
    Content, EveryGig, FIRST_SORT_ID, GigId, GigSearch, IndexChange, Listing, SearchDocument, SearchIndex, SearchQuery,
    Seller,
};
use jobapp_kernel::{Money, ObjectId, Ratings, RepositoryError, Timestamp};
use jobapp_tantivy::TantivySearch;

/// As the one binary has it: it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SUBJECTS: [&str; 12] = [
    "logo",
    "video",
    "song",
    "translation",
    "website",
    "portrait",
    "newsletter",
    "dashboard",
    "poster",
    "game",
    "shop",
    "novel",
];
const WORDS: [&str; 24] = [
    "modern",
    "quick",
    "hand",
    "drawn",
    "clean",
    "friendly",
    "business",
    "small",
    "detailed",
    "honest",
    "colourful",
    "simple",
    "vintage",
    "responsive",
    "animated",
    "professional",
    "bilingual",
    "careful",
    "original",
    "printed",
    "minimal",
    "playful",
    "accessible",
    "tested",
];
const CATEGORIES: [&str; 4] = ["Graphics & Design", "Programming & Tech", "Music & Audio", "Writing & Translation"];

struct Made {
    next: u64,
    count: u64,
}

#[async_trait]
impl EveryGig for Made {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        let until = (self.next + 500).min(self.count);
        let some = (self.next..until).map(change).collect();
        self.next = until;
        Ok(some)
    }
}

fn change(number: u64) -> IndexChange {
    let gig = gig(number);
    IndexChange { id: gig.id, version: 1, document: Some(Box::new(SearchDocument::from(&gig))) }
}

fn pick<'a>(words: &[&'a str], number: u64) -> &'a str {
    let place = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    words[usize::try_from(place).unwrap_or(0) % words.len()]
}

/// A gig with a description of some two hundred words.
fn gig(number: u64) -> Listing {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    let subject = pick(&SUBJECTS, number);
    // Half of its words are common ones, half are among five thousand.
    let description: Vec<String> = (0..100)
        .map(|word| number * 211 + word)
        .map(|word| format!("{} w{} ", pick(&WORDS, word), word.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 5000))
        .collect();
    Listing {
        id: GigId(ObjectId::from_bytes(bytes)),
        sort_id: FIRST_SORT_ID + i64::try_from(number).unwrap_or_default(),
        seller: Seller {
            id: jobapp_directory::SellerId(ObjectId::from_bytes(bytes)),
            username: format!("seller{}", number / 3),
            email: String::new(),
            picture: String::new(),
        },
        content: Content {
            title: format!("I will make a {} {subject} number {number}", pick(&WORDS, number)),
            description: description.concat(),
            category: pick(&CATEGORIES, number + 7).to_owned(),
            sub_categories: vec![subject.to_owned()],
            tags: vec![subject.to_owned(), pick(&WORDS, number + 3).to_owned()],
            price: Money::from_cents(500 + i64::try_from(number % 500).unwrap_or_default() * 100),
            cover_image: String::new(),
            expected_delivery: format!("{} Days Delivery", number % 7 + 1),
            basic_title: "Basic".to_owned(),
            basic_description: "One draft".to_owned(),
        },
        active: true,
        ratings: Ratings::from_counts([0, 0, 0, 0, u32::from(number.is_multiple_of(5))]),
        created_at: Timestamp::EPOCH,
    }
}

/// What the process has in memory, and how much of it is no file: kibibytes.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    (value("VmRSS:"), value("RssAnon:"))
}

fn say(what: &str, took: Duration) {
    let (resident, anonymous) = memory();
    println!("{what:<44} {took:>12.3?}   resident {resident:>7} KiB, of it no file {anonymous:>7} KiB");
}

async fn build(folder: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let index = TantivySearch::open_with(folder, Duration::from_secs(1))?;
    index.rebuild(&mut Made { next: 0, count }, &|_| {}).await?;
    say("built", began.elapsed());
    let began = Instant::now();
    for number in 0..100 {
        index.apply(vec![IndexChange { version: 2, ..change(number) }]).await?;
    }
    say("100 changes, one commit each", began.elapsed());
    while index.has_writer().await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    say("writer given up", began.elapsed());
    tokio::time::sleep(Duration::from_secs(2)).await;
    index.search(&SearchQuery::default()).await?;
    say("two seconds later", began.elapsed());
    let size: u64 = std::fs::read_dir(folder)?.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum();
    println!("on disk: {} KiB", size / 1024);
    Ok(())
}

async fn ask(folder: &Path) -> Result<(), Box<dyn Error>> {
    say("started", Duration::ZERO);
    let began = Instant::now();
    let index = TantivySearch::open(folder)?;
    say("opened, checksums included", began.elapsed());
    let query = |text: &str| SearchQuery::parse("0", "10", "forward", [("query", text)]);
    let began = Instant::now();
    index.search(&query("modern logo")).await?;
    say("first search", began.elapsed());
    for (what, query) in [
        ("two words", query("modern logo")),
        ("five words of which not all fit", query("modern logo unicorn elephant giraffe")),
        ("everything, first page", query("")),
        ("everything, offset 9,990", SearchQuery::parse("9990", "10", "forward", [])),
        ("everything, behind a cursor", SearchQuery::parse("1000005000", "10", "forward", [])),
        (
            "words, price and days",
            SearchQuery::parse("0", "10", "forward", [("query", "logo"), ("minPrice", "20"), ("delivery_time", "3")]),
        ),
    ] {
        let mut times = Vec::new();
        for _ in 0..500 {
            let began = Instant::now();
            index.search(&query).await?;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        say(&format!("{what}, median"), times[250]);
        say(&format!("{what}, 99 of 100"), times[495]);
    }
    let began = Instant::now();
    index.similar(&SearchDocument::from(&gig(77)), 5).await?;
    say("similar", began.elapsed());
    let began = Instant::now();
    index.top_rated(Some("graphics design"), 10).await?;
    say("top rated", began.elapsed());
    say("just after", Duration::ZERO);
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        index.search(&query("modern logo")).await?;
    }
    say("after ten seconds of next to nothing", Duration::ZERO);
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, ask_in, folder] = arguments.as_slice()
        && ask_in == "ask-in"
    {
        return ask(Path::new(folder)).await;
    }
    let count = arguments.get(1).map_or(Ok(10_000), |count| count.parse())?;
    let place = tempfile::tempdir()?;
    let folder = place.path().join("gigs");
    build(&folder, count).await?;
    let program = std::env::current_exe()?;
    let status = std::process::Command::new(program).arg("ask-in").arg(&folder).status()?;
    if status.success() { Ok(()) } else { Err("asking failed".into()) }
}
