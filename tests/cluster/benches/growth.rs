//! What a list, a look-up and a save take as a store grows: a person's orders, the newest of a long conversation, one thing by its number, a
//! change, a new one. Flat is the goal. `cargo xtask bench growth`.
//!
//! `[stores] [sizes]`: of `sqlite,postgres,mysql,mongodb`, and how many rows each is measured at: `1000,100000,1000000`.
#![expect(clippy::print_stdout, reason = "it prints figures")]

#[path = "../../../jobapp-services/all-in-one/benches/process.rs"]
#[expect(dead_code, reason = "each bench uses a part of it")]
mod process;

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::{StreamExt, TryStreamExt};
use jobapp_kernel::{
    Aggregate, Change, InvalidState, Key, KeyValue, ObjectId, PageRequest, Repository, Saved, Timestamp,
};
use jobapp_platform::{Address, Store};
use jobapp_test_servers::{Kind, OwnServer, own};
use serde::{Deserialize, Serialize};

/// How many rows one owner has: a person with many orders.
const OF_ONE: usize = 20;
/// How many rows of the whole are one long conversation, as the newest of it are asked for; at most.
const LONG: usize = 10_000;
/// How many a page of the long one has.
const PAGE: usize = 500;
/// How many are stored at the same time while a store is filled.
const WRITERS: usize = 64;
/// How often each question is asked.
const TIMES: usize = 300;
/// What a row weighs, about: an order with its offer.
const BODY: usize = 1_000;
/// Who has the long conversation.
const TALKATIVE: &str = "talkative";

/// Something like an order or a message: numbered, of somebody, in the order of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    id: ObjectId,
    number: String,
    owner: String,
    at: Timestamp,
    text: String,
}

impl Row {
    const NUMBER: Key<Self> = Key::<Self>::text("number", |row| vec![row.number.as_str().into()]).unique();
    const OWNER: Key<Self> =
        Key::<Self>::text("owner", |row| vec![row.owner.as_str().into()]).sorted_by(|row| row.at.into());

    fn of(index: usize) -> anyhow::Result<Self> {
        let owner = if index.is_multiple_of(2) && index / 2 < LONG { TALKATIVE.to_owned() } else { owner(index) };
        let at = Timestamp::from_millis(1_790_000_000_000 + index as i64 * 1_000)?;
        let id = ObjectId::from_bytes(rand::random());
        Ok(Self { id, number: number(index), owner, at, text: "x".repeat(BODY) })
    }
}

fn owner(index: usize) -> String {
    format!("owner-{}", index / OF_ONE)
}

fn number(index: usize) -> String {
    format!("JO{index:010}")
}

impl Aggregate for Row {
    const NAME: &'static str = "row";
    type Id = ObjectId;
    type Event = String;
    type State = Self;

    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Row::NUMBER, Row::OWNER] }
    }

    fn to_state(&self) -> Self {
        self.clone()
    }

    fn from_state(state: Self) -> Result<Self, InvalidState> {
        Ok(state)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let stores = arguments.next().unwrap_or_else(|| "sqlite,postgres,mysql,mongodb".to_owned());
    let sizes = arguments.next().unwrap_or_else(|| "1000,100000,1000000".to_owned());
    let sizes: Vec<usize> = sizes.split(',').map(str::parse).collect::<Result<_, _>>().context("sizes are numbers")?;
    println!("machine: {}", process::machine());
    println!("rows of {BODY} bytes; milliseconds, p50 and p99 of {TIMES}");
    for name in stores.split(',') {
        let place = Place::start(name).await?;
        let store = Store::open(&Address::parse("the store", &place.address), None).await?;
        let rows = store.repository::<Row>().await?;
        let (mut filled, mut first) = (0, None);
        for size in &sizes {
            let begun = Instant::now();
            fill(&*rows, filled, *size).await?;
            let rate = (*size - filled) as f64 / begun.elapsed().as_secs_f64();
            filled = *size;
            let taken = Taken::measured(&*rows, filled).await?;
            let grown = first.get_or_insert(taken).compared(&taken);
            println!("{name:<9} {size:>9} rows, filled at {rate:>6.0} a second: {taken}; {grown}");
        }
        store.close().await?;
    }
    Ok(())
}

/// Where a store is, and what goes away with it.
struct Place {
    address: String,
    _folder: Option<tempfile::TempDir>,
    _server: Option<OwnServer>,
}

impl Place {
    async fn start(name: &str) -> anyhow::Result<Self> {
        let kind = match name {
            "sqlite" => {
                let folder = tempfile::tempdir()?;
                let address = format!("sqlite:{}", folder.path().join("bench.db").display());
                return Ok(Self { address, _folder: Some(folder), _server: None });
            }
            "postgres" => Kind::Postgres,
            "mysql" => Kind::MySql,
            "mongodb" => Kind::MongoDb,
            other => bail!("{other} is none of sqlite, postgres, mysql, mongodb"),
        };
        let server = own(kind).await;
        Ok(Self { address: server.url().to_owned(), _folder: None, _server: Some(server) })
    }
}

async fn fill(rows: &dyn Repository<Row>, from: usize, to: usize) -> anyhow::Result<()> {
    let saves = (from..to).map(|index| async move {
        let saved = rows.save(Change::insert(Row::of(index)?, Vec::new())).await?;
        ensure!(saved == Saved::Stored(1), "{index}: {saved:?}");
        anyhow::Ok(())
    });
    futures::stream::iter(saves).buffer_unordered(WRITERS).try_collect().await
}

/// Half of the times are shorter, and one of a hundred is longer.
#[derive(Debug, Clone, Copy)]
struct Times {
    half: Duration,
    most: Duration,
}

impl Times {
    async fn of<T>(question: impl AsyncFn(usize) -> anyhow::Result<T>) -> anyhow::Result<Self> {
        let mut times = Vec::with_capacity(TIMES);
        for turn in 0..TIMES {
            let begun = Instant::now();
            question(turn).await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(Self { half: times[TIMES / 2], most: times[TIMES * 99 / 100] })
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} {:.2}", self.half.as_secs_f64() * 1e3, self.most.as_secs_f64() * 1e3)
    }
}

/// What each question took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    list: Times,
    conversation: Times,
    look_up: Times,
    change: Times,
    insert: Times,
}

impl Taken {
    async fn measured(rows: &dyn Repository<Row>, size: usize) -> anyhow::Result<Self> {
        let some = || rand::random_range(0..size);
        Ok(Self {
            list: Times::of(async |_| {
                let page = rows.list(Row::OWNER, owner(some()).as_str().into(), PageRequest::newest(OF_ONE)).await?;
                ensure!(page.items.len() <= OF_ONE, "a page is too long");
                Ok(())
            })
            .await?,
            conversation: Times::of(async |_| {
                let page = rows.list(Row::OWNER, TALKATIVE.into(), PageRequest::newest(PAGE)).await?;
                ensure!(page.items.len() == PAGE.min(size / 2), "{} in the conversation", page.items.len());
                Ok(())
            })
            .await?,
            look_up: Times::of(async |_| {
                let number = number(some());
                rows.find_by(Row::NUMBER, KeyValue::from(number.as_str())).await?.with_context(|| number)
            })
            .await?,
            change: Times::of(async |_| {
                let number = number(some());
                let found =
                    rows.find_by(Row::NUMBER, KeyValue::from(number.as_str())).await?.with_context(|| number)?;
                Ok(rows.save(Change::update(found.version, found.value, Vec::new())).await?)
            })
            .await?,
            insert: Times::of(async |turn| {
                let row = Row { number: format!("new-{size}-{turn}"), owner: format!("new-{size}"), ..Row::of(0)? };
                Ok(rows.save(Change::insert(row, Vec::new())).await?)
            })
            .await?,
        })
    }

    /// How many times what it took at first each takes now.
    fn compared(&self, now: &Self) -> String {
        let pairs = [
            (self.list, now.list),
            (self.conversation, now.conversation),
            (self.look_up, now.look_up),
            (self.change, now.change),
            (self.insert, now.insert),
        ];
        let ratio = |(then, now): (Times, Times)| format!("{:.1}", now.half.as_secs_f64() / then.half.as_secs_f64());
        format!("p50 to that of the first size: {}", pairs.map(ratio).join(", "))
    }
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { list, conversation, look_up, change, insert } = self;
        write!(f, "list {list}, {PAGE} newest {conversation}, look-up {look_up}, change {change}, new {insert}")
    }
}
