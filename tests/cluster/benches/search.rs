//! Search over many gigs: how long building the index takes, what a search takes, and what the process holds. `cargo xtask bench search`.
//!
//! `[gigs] [indexes]`: 1000000, of `embedded,elasticsearch`.
#![expect(clippy::print_stdout, reason = "it prints figures")]

#[path = "../../../jobapp-services/all-in-one/benches/process.rs"]
#[expect(dead_code, reason = "each bench uses a part of it")]
mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use jobapp_gigs::{EveryGig, FIRST_SORT_ID, GigId, IndexChange, SearchDocument, SearchQuery};
use jobapp_kernel::{Money, ObjectId, RepositoryError};
use jobapp_platform::{Address, Search};
use jobapp_test_servers::{Kind, own};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How many different words there are.
const WORDS: f64 = 20_000.0;
/// How many words a gig has.
const LENGTH: usize = 40;
const CATEGORIES: usize = 8;
/// How many gigs are handed over at a time.
const PORTION: usize = 1_000;
/// How many searches are made.
const SEARCHES: usize = 2_000;
const AT_ONCE: usize = 8;
/// How long a search may take, one of a hundred left out, in the embedded index.
const GOAL: Duration = Duration::from_millis(20);

/// A word: few are in most gigs, most in few, as in a language.
fn word(random: &mut StdRng) -> String {
    format!("word{}", WORDS.powf(random.random::<f64>()) as u32)
}

/// Gigs that are made up, the same each time.
struct MadeUp {
    next: usize,
    count: usize,
    random: StdRng,
}

impl MadeUp {
    fn gig(&mut self) -> IndexChange {
        let random = &mut self.random;
        let id = GigId(ObjectId::from_bytes(random.random()));
        let ratings = random.random_range(0..50);
        let document = SearchDocument {
            id,
            sort_id: FIRST_SORT_ID + self.next as i64,
            active: random.random_ratio(19, 20),
            price: Money::from_cents(random.random_range(500..50_000)),
            days: Some(random.random_range(1..30)),
            words: (0..LENGTH).map(|_| word(random)).collect(),
            category: vec![format!("category{}", random.random_range(0..CATEGORIES))],
            top_rated: ratings > 0 && random.random_ratio(1, 10),
            ratings,
        };
        self.next += 1;
        IndexChange { id, version: 1, document: Some(Box::new(document)) }
    }
}

#[async_trait]
impl EveryGig for MadeUp {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        let portion = PORTION.min(self.count - self.next);
        Ok((0..portion).map(|_| self.gig()).collect())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().map_or(Ok(1_000_000), |text| text.parse()).context("how many gigs?")?;
    let indexes = arguments.next().unwrap_or_else(|| "embedded,elasticsearch".to_owned());
    println!("machine: {}", process::machine());
    for name in indexes.split(',') {
        let folder = tempfile::tempdir()?;
        let server = match name {
            "embedded" => None,
            "elasticsearch" => Some(own(Kind::Elasticsearch).await),
            other => bail!("{other} is neither embedded nor elasticsearch"),
        };
        let address = match &server {
            Some(server) => server.url().to_owned(),
            None => format!("tantivy:{}", folder.path().join("search").display()),
        };
        let search = Search::open(&Address::parse("the index", &address))?;
        let before = process::resident_mib(std::process::id())?;
        built(name, &search, count).await?;
        let after = process::resident_mib(std::process::id())?;
        asked(name, &search, server.is_none()).await?;
        let now = process::resident_mib(std::process::id())?;
        println!(
            "{name:<14} this process held {before:.0} MiB before, {after:.0} when it was built, {now:.0} after the searches"
        );
    }
    Ok(())
}

async fn built(name: &str, search: &Search, count: usize) -> anyhow::Result<()> {
    let mut gigs = MadeUp { next: 0, count, random: StdRng::seed_from_u64(7) };
    let begun = Instant::now();
    let built = search.index.rebuild(&mut gigs, &|_| {}).await?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(built == count, "{built} of {count} gigs are in the index");
    println!("{name:<14} {count} gigs are built in {took:.1} s, {:.0} a second", count as f64 / took);
    let mut news = Vec::new();
    for _ in 0..50 {
        // A new gig after the others.
        gigs.count += 1;
        let (begun, gig) = (Instant::now(), gigs.gig());
        search.index.apply(vec![gig]).await?;
        news.push(begun.elapsed());
    }
    println!("{name:<14} a new gig is found after {}", told(news));
    Ok(())
}

/// Half of these are shorter, one of a hundred is longer.
fn told(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms", at(50), at(99))
}

async fn asked(name: &str, search: &Search, has_goal: bool) -> anyhow::Result<()> {
    let random = &mut StdRng::seed_from_u64(11);
    let mut kinds: Vec<(&str, Vec<SearchQuery>)> = Vec::new();
    for (what, words, prices) in
        [("one word", 1, false), ("two words", 2, false), ("two words and a price", 2, true), ("nothing", 0, false)]
    {
        let query = |random: &mut StdRng| SearchQuery {
            words: (0..words).map(|_| word(random)).collect(),
            max_price: prices.then(|| Money::from_cents(random.random_range(1_000..50_000))),
            ..SearchQuery::default()
        };
        kinds.push((what, (0..SEARCHES).map(|_| query(random)).collect()));
    }
    for at_once in [1, AT_ONCE] {
        for (what, queries) in &kinds {
            let cpu = process::cpu_seconds(std::process::id())?;
            let begun = Instant::now();
            let one = |query| {
                let search = Arc::clone(&search.search);
                async move {
                    let begun = Instant::now();
                    search.search(query).await?;
                    anyhow::Ok(begun.elapsed())
                }
            };
            let times: Vec<Duration> =
                futures::stream::iter(queries.iter().map(one)).buffer_unordered(at_once).try_collect().await?;
            let rate = SEARCHES as f64 / begun.elapsed().as_secs_f64();
            let cpu = (process::cpu_seconds(std::process::id())? - cpu) / SEARCHES as f64 * 1e3;
            let goal = if has_goal { format!(" (goal {} ms)", GOAL.as_millis()) } else { String::new() };
            println!(
                "{name:<14} {what:<22} {at_once} at once: {rate:>6.0} a second, {}{goal}, CPU here {cpu:.2} ms",
                told(times)
            );
        }
    }
    Ok(())
}
