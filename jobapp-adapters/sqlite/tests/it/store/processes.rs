//! Several processes on one file. A test runs its own program again, with the part to play in the environment.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Cause, Change, Repository, RepositoryError, Saved, in_turn};
use jobapp_sqlite::{Depth, SqliteConfig, SqliteStore, examine};
use tempfile::TempDir;

use super::file_in;

/// The environment variable with the path of the database; only a child has it.
const DATABASE: &str = "JOBAPP_TEST_DATABASE";
/// How many rounds the processes race.
const ROUNDS: u64 = 20;

/// What to do, one line each, as a parent sends it and a child obeys.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// Update kettle 1 at this version.
    Update(u64),
    /// Insert a kettle of this number and this nickname.
    Name(u64, u64),
    /// Insert a kettle with this id.
    Insert(u64),
    /// Insert a kettle of this number for this request.
    Request(u64, u64),
    /// Raise the price of kettle 1 by one, so many times at once.
    Raise(u64),
    /// Have so many writers insert kettles without end, and answer each with its number.
    Flood(u64),
}

impl Order {
    fn to_line(self) -> String {
        match self {
            Self::Update(version) => format!("update {version} 0"),
            Self::Name(number, name) => format!("name {number} {name}"),
            Self::Insert(number) => format!("insert {number} 0"),
            Self::Request(number, key) => format!("request {number} {key}"),
            Self::Raise(times) => format!("raise {times} 0"),
            Self::Flood(writers) => format!("flood {writers} 0"),
        }
    }

    fn of_line(line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| words[index].parse().unwrap();
        match words[0] {
            "update" => Self::Update(number(1)),
            "name" => Self::Name(number(1), number(2)),
            "insert" => Self::Insert(number(1)),
            "request" => Self::Request(number(1), number(2)),
            "raise" => Self::Raise(number(1)),
            "flood" => Self::Flood(number(1)),
            other => panic!("{other:?} is no order"),
        }
    }

    async fn obey(self, kettles: &dyn Repository<Kettle>) -> String {
        let boiled = vec![KettleEvent::Boiled { times: 1 }];
        let change = match self {
            Self::Raise(times) => return raise(kettles, times).await,
            Self::Flood(writers) => return flood(kettles, writers).await,
            Self::Update(version) => Change::update(version, a_kettle(1), boiled),
            Self::Name(number, name) => {
                Change::insert(Kettle { nickname: Some(format!("{name}")), ..a_kettle(number) }, boiled)
            }
            Self::Insert(number) => {
                let serial = format!("{number} of {}", std::process::id());
                Change::insert(Kettle { serial, ..a_kettle(number) }, boiled)
            }
            Self::Request(number, key) => Change::insert(a_kettle(number), boiled).caused_by(Cause::Request {
                caller: "ada".into(),
                route: "POST /kettles".into(),
                key: format!("{key}"),
                body_hash: "b".into(),
            }),
        };
        match kettles.save(change).await {
            Ok(Saved::Stored(_)) => "stored".to_owned(),
            Ok(Saved::Duplicate { id }) => format!("duplicate {id}"),
            Err(error) => error.taken_key().map_or_else(|| error.to_string(), |key| format!("taken {key}")),
        }
    }
}

/// Raises the price of kettle 1 in turn: `raised` when every one of them went through.
async fn raise(kettles: &dyn Repository<Kettle>, times: u64) -> String {
    let raise_once = || async {
        let stored = kettles.find(&id(1)).await?.expect("the kettle is stored");
        let dearer = Kettle { price: stored.value.price + 1, ..stored.value };
        kettles.save(Change::update(stored.version, dearer, vec![])).await
    };
    let one = id(1);
    let raised = join_all((0..times).map(|_| in_turn(kettles, &one, raise_once))).await;
    let failed: Vec<RepositoryError> = raised.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() { "raised".to_owned() } else { format!("{failed:?}") }
}

/// Inserts kettles until it is killed; tells the number of each once it is stored.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn flood(kettles: &dyn Repository<Kettle>, writers: u64) -> String {
    let writer = async |writer: u64| {
        for number in (writer..).step_by(usize::try_from(writers).unwrap()) {
            let change = Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }]);
            kettles.save(change).await.unwrap().version().unwrap();
            println!("answer: {number}");
        }
    };
    join_all((1..=writers).map(writer)).await;
    "the numbers are used up".to_owned()
}

/// Another process with the database open.
struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(database: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "--test-threads=1", "store::processes::child"])
            .env(DATABASE, database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, orders, answers };
        assert_eq!(process.answer(), "open");
        process
    }

    fn order(&mut self, order: Order) {
        writeln!(self.orders, "{}", order.to_line()).unwrap();
        self.orders.flush().unwrap();
    }

    /// The next line that is an answer: the test harness of the child talks as well.
    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the other process is alive");
            // The harness prints the name of the test without ending the line.
            if let Some((_, answer)) = line.trim_end().split_once("answer: ") {
                return answer.to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The part of the child: not a test when nobody plays the parent.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn child() {
    let Ok(database) = std::env::var(DATABASE) else { return };
    let store = SqliteStore::open(SqliteConfig::file(database)).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    println!("answer: open");
    for line in std::io::stdin().lines() {
        let answer = Order::of_line(&line.unwrap()).obey(&*kettles).await;
        println!("answer: {answer}");
    }
}

/// This process, with the database open, and two others.
struct Race {
    kettles: Arc<dyn Repository<Kettle>>,
    store: SqliteStore,
    others: [Process; 2],
    _folder: TempDir,
}

impl Race {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = file_in(folder.path());
        let store = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
        let kettles = store.register::<Kettle>().await.unwrap();
        let others = [Process::start(&path), Process::start(&path)];
        Self { kettles, store, others, _folder: folder }
    }

    /// Gives each process its order, as much at the same time as can be, and returns what they answered.
    async fn run(&mut self, orders: [Order; 3]) -> Vec<String> {
        let [mine, first, second] = orders;
        self.others[0].order(first);
        self.others[1].order(second);
        let mut answers = vec![mine.obey(&*self.kettles).await];
        answers.extend(self.others.iter_mut().map(Process::answer));
        answers
    }
}

fn assert_one_won(answers: &[String], lost: impl Fn(&str) -> bool) {
    assert_eq!(answers.iter().filter(|answer| *answer == "stored").count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer == "stored" || lost(answer)), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_race_for_a_version() {
    let mut race = Race::start().await;
    race.kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    for version in 1..=ROUNDS {
        let answers = race.run([Order::Update(version); 3]).await;
        assert_one_won(&answers, |answer| answer.ends_with("was changed meanwhile"));
    }
    assert_eq!(race.kettles.find(&id(1)).await.unwrap().unwrap().version, ROUNDS + 1);
    assert_eq!(race.store.outbox().waiting().await.unwrap(), ROUNDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_in_turn_of_several_processes_all_go_through() {
    let mut race = Race::start().await;
    let kettle = Kettle { price: 0, ..a_kettle(1) };
    race.kettles.save(Change::insert(kettle, vec![])).await.unwrap().version().unwrap();
    let answers = race.run([Order::Raise(30); 3]).await;
    assert!(answers.iter().all(|answer| answer == "raised"), "{answers:?}");
    assert_eq!(race.kettles.find(&id(1)).await.unwrap().unwrap().value.price, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_race_for_a_unique_value() {
    let mut race = Race::start().await;
    for round in 0..ROUNDS {
        let orders = [1, 2, 3].map(|racer| Order::Name(round * 10 + racer, round));
        assert_one_won(&race.run(orders).await, |answer| answer == "taken nickname");
    }
    assert_eq!(race.store.outbox().waiting().await.unwrap(), ROUNDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_race_for_an_id() {
    let mut race = Race::start().await;
    for round in 1..=ROUNDS {
        assert_one_won(&race.run([Order::Insert(round); 3]).await, |answer| answer == "taken id");
    }
    assert_eq!(race.store.outbox().waiting().await.unwrap(), ROUNDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_race_for_a_request() {
    let mut race = Race::start().await;
    for round in 0..ROUNDS {
        let orders = [1, 2, 3].map(|racer| Order::Request(round * 10 + racer, round));
        assert_one_won(&race.run(orders).await, |answer| answer.starts_with("duplicate "));
    }
    assert_eq!(race.kettles.scan(None, 1000).await.unwrap().len() as u64, ROUNDS);
    assert_eq!(race.store.outbox().waiting().await.unwrap(), ROUNDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_between_save_and_publish_leaves_its_events_to_the_next() {
    let folder = TempDir::new().unwrap();
    let path = file_in(folder.path());
    let mut process = Process::start(&path);
    for number in 1..=3 {
        process.order(Order::Insert(number));
        assert_eq!(process.answer(), "stored");
    }
    // `kill` sends the signal that cannot be caught.
    process.child.kill().unwrap();
    process.child.wait().unwrap();

    let store = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    assert_eq!(kettles.scan(None, 10).await.unwrap().len(), 3);
    let entries = store.outbox().lease("relay", Duration::from_secs(60), 10).await.unwrap();
    let of: Vec<String> = entries.into_iter().map(|entry| entry.aggregate_id).collect();
    assert_eq!(of, [1, 2, 3].map(|number| id(number).to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_while_it_writes_leaves_whole_changes() {
    let folder = TempDir::new().unwrap();
    let path = file_in(folder.path());
    let mut process = Process::start(&path);
    for number in 1..=500 {
        process.order(Order::Insert(number));
    }
    for _ in 0..20 {
        assert_eq!(process.answer(), "stored");
    }
    process.child.kill().unwrap();
    process.child.wait().unwrap();

    let store = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let stored = kettles.scan(None, 1000).await.unwrap().len() as u64;
    assert!(stored >= 20, "what was answered is stored");
    assert_eq!(store.outbox().waiting().await.unwrap(), stored, "every change has its event");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_while_many_share_commits_keeps_every_answered_write_once() {
    let folder = TempDir::new().unwrap();
    let path = file_in(folder.path());
    for round in 0..5 {
        let path = path.with_file_name(format!("round {round}.db"));
        let mut process = Process::start(&path);
        process.order(Order::Flood(32));
        let answered: Vec<u64> = (0..200 + round * 37).map(|_| process.answer().parse().unwrap()).collect();
        process.child.kill().unwrap();
        process.child.wait().unwrap();

        let store = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
        let kettles = store.register::<Kettle>().await.unwrap();
        let stored = kettles.scan(None, 100_000).await.unwrap();
        assert!(stored.iter().all(|one| one.version == 1), "none is there twice");
        let stored: HashSet<String> = stored.into_iter().map(|one| one.value.id.to_string()).collect();
        assert!(answered.iter().all(|number| stored.contains(&id(*number).to_string())), "what was answered is stored");
        let entries = store.outbox().lease("relay", Duration::from_secs(60), 100_000).await.unwrap();
        let events: HashSet<String> = entries.iter().map(|entry| entry.aggregate_id.clone()).collect();
        assert_eq!((entries.len(), events), (stored.len(), stored), "every change has its event, once");
        assert_eq!(examine(&path, Depth::Full).await.unwrap(), Vec::<String>::new());
    }
}
