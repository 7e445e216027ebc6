//! How long the store takes: `cargo bench -p jobapp-sql --bench store`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Change, PageRequest};
use jobapp_sql::{SqlConfig, SqlStore};

const KETTLES: u64 = 1000;
const CALLS: u32 = 20_000;
const CALLERS: u32 = 8;
const SAVES: u32 = 1000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let store = SqlStore::open(SqlConfig::file(folder.path().join("bench.db"))).await.expect("the store opens");
    let kettles = store.register::<Kettle>().await.expect("the table can be made");
    for number in 1..=KETTLES {
        let kettle = Kettle { owner: format!("owner {}", number % 50), note: "x".repeat(600), ..a_kettle(number) };
        kettles
            .save(Change::insert(kettle, vec![]))
            .await
            .expect("the kettle is stored")
            .version()
            .expect("it has no cause");
    }

    let start = Measure::start();
    for call in 0..CALLS {
        let found = kettles.find(&id(u64::from(call) % KETTLES + 1)).await.expect("the store answers");
        assert!(found.is_some());
    }
    start.report("find by id", CALLS);

    let start = Measure::start();
    let callers = (0..CALLERS).map(|caller| {
        let kettles = Arc::clone(&kettles);
        tokio::spawn(async move {
            for call in 0..CALLS / CALLERS {
                let number = u64::from(call + caller * 7) % KETTLES + 1;
                let found = kettles.find(&id(number)).await.expect("the store answers");
                assert!(found.is_some());
            }
        })
    });
    for caller in futures::future::join_all(callers).await {
        caller.expect("a caller goes through");
    }
    start.report("find by id, eight callers at a time", CALLS);

    let start = Measure::start();
    for call in 0..CALLS {
        let serial = format!("serial {}", u64::from(call) % KETTLES + 1);
        let found = kettles.find_by(Kettle::SERIAL, serial.into()).await.expect("the store answers");
        assert!(found.is_some());
    }
    start.report("find by a unique key", CALLS);

    let start = Measure::start();
    for call in 0..CALLS / 10 {
        let owner = format!("owner {}", call % 50);
        let page = kettles.list(Kettle::OWNER, owner.into(), PageRequest::newest(20)).await.expect("the store answers");
        assert_eq!(page.items.len(), 20);
    }
    start.report("list 20", CALLS / 10);

    let start = Measure::start();
    for version in 1..=SAVES {
        let change = Change::update(version.into(), a_kettle(1), vec![KettleEvent::Boiled { times: version }]);
        kettles.save(change).await.expect("the kettle is stored").version().expect("it has no cause");
    }
    start.report("update with one event", SAVES);
}

/// Time by the clock and of the processors.
struct Measure {
    clock: Instant,
    processors: Duration,
}

impl Measure {
    fn start() -> Self {
        Self { clock: Instant::now(), processors: processors() }
    }

    #[expect(clippy::print_stdout, reason = "a benchmark reports to its terminal")]
    fn report(self, what: &str, calls: u32) {
        let (clock, processors) = (self.clock.elapsed() / calls, processors().saturating_sub(self.processors) / calls);
        println!("{what}: {clock:?} by the clock, {processors:?} of the processors");
    }
}

/// User and system time of this process, where the system tells (in hundredths of a second).
fn processors() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
