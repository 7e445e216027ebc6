//! `status`: how everything is. What cannot be asked is said in its place, and the rest still answers.

mod programs;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::future::{join, join_all, join3};
use jobapp_kernel::{Inventory, Layout, Timestamp};
use jobapp_platform::{Bus, OpenError, Peers, Search};
use jobapp_runtime::error_text;
use jobapp_wire::queues;

pub use self::programs::Program;
pub use self::report::{
    BusReport, LayoutReport, OutboxReport, PeersReport, ProgramReport, QueueReport, Report, SearchReport, ServiceReport,
};
use crate::commands::migrate::steps;
use crate::output::{Answer, Form};

/// How long each part may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The service whose gigs are searched, and what it keeps them as.
const GIGS: (&str, &str) = ("gig", "gig");

/// Says how everything is: stores, outboxes, queues, dead letters, search, programs. Changes nothing.
#[derive(Debug, Clone, Args)]
pub struct StatusCommand {
    /// How old the oldest event of an outbox may be, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub max_age: u64,
    /// Also count what is stored, which takes a while where that is much.
    #[arg(long)]
    pub count: bool,
    /// How to answer.
    #[command(flatten)]
    pub form: Form,
}

/// A part that is looked at: where it is, in words without secrets, and the part itself or why it cannot be had.
pub struct Part<T> {
    /// Where it is.
    pub place: String,
    /// The part.
    pub opened: Result<T, String>,
}

impl<T> Part<T> {
    /// A part that was opened, or was not.
    pub fn of(place: impl ToString, opened: Result<T, OpenError>) -> Self {
        Self { place: place.to_string(), opened: opened.map_err(|error| error_text(&error)) }
    }

    /// A part of which nobody said where it is.
    pub fn missing(why: impl Into<String>) -> Self {
        Self { place: String::new(), opened: Err(why.into()) }
    }
}

/// The store of a service, as it is, and as this version wants it.
pub struct WatchedStore {
    /// The service.
    pub service: String,
    /// The store.
    pub store: Part<Arc<dyn Inventory>>,
    /// The layout this version wants.
    pub wanted: Layout,
}

/// All that is looked at. What is `None` is not asked about.
#[derive(Default)]
pub struct Watched {
    /// The stores.
    pub stores: Vec<WatchedStore>,
    /// The message bus.
    pub bus: Option<Part<Bus>>,
    /// The search index.
    pub search: Option<Part<Search>>,
    /// What processes share.
    pub peers: Option<Part<Peers>>,
    /// The programs.
    pub programs: Vec<Program>,
}

/// Looks at everything at once and says how it is.
///
/// # Errors
/// None of what is looked at: that is part of the answer.
pub async fn run(watched: &Watched, command: &StatusCommand, now: Timestamp) -> anyhow::Result<Answer> {
    let report = look(watched, command, now).await;
    let json = serde_json::to_value(&report)?;
    Ok(Answer { is_well: report.healthy, ..Answer::new(report.lines(), json) })
}

/// Looks at everything at once.
pub async fn look(watched: &Watched, command: &StatusCommand, now: Timestamp) -> Report {
    let services = join_all(watched.stores.iter().map(|watched| service(watched, command.count, now)));
    let bus = join_all(watched.bus.iter().map(bus));
    let peers = join_all(watched.peers.iter().map(peers));
    let programs = join_all(watched.programs.iter().map(Program::look));
    let search = join_all(watched.search.iter().map(|index| search(index, &watched.stores)));
    let (services, (mut bus, mut search), (mut peers, programs)) =
        join3(services, join(bus, search), join(peers, programs)).await;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        healthy: true,
        wrong: Vec::new(),
        services,
        bus: bus.pop(),
        search: search.pop(),
        peers: peers.pop(),
        programs,
    };
    report.wrong = judged(&report, command.max_age);
    report.healthy = report.wrong.is_empty();
    report
}

/// What a part answers, or why it does not.
async fn patiently<T, E: std::error::Error + 'static>(asking: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|error| error_text(&error)),
        Err(_) => Err(format!("it does not answer within {} seconds", PATIENCE.as_secs())),
    }
}

async fn service(watched: &WatchedStore, counts: bool, now: Timestamp) -> ServiceReport {
    let WatchedStore { service, store, wanted } = watched;
    let mut report = ServiceReport { service: service.clone(), store: store.place.clone(), ..ServiceReport::default() };
    let inventory = match &store.opened {
        Ok(inventory) => inventory,
        Err(why) => {
            report.trouble = Some(why.clone());
            return report;
        }
    };
    let asked = patiently(async {
        let (layout, backlog) = (inventory.layout().await?, inventory.backlog().await?);
        let mut stored = BTreeMap::new();
        if counts {
            for kind in layout.keys() {
                stored.insert(kind.clone(), inventory.count(kind).await?);
            }
        }
        Ok::<_, jobapp_kernel::RepositoryError>((layout, backlog, stored))
    });
    match asked.await {
        Ok((layout, backlog, stored)) => {
            let steps = steps(&layout, wanted);
            let state = match (layout.is_empty(), steps.is_empty()) {
                (_, true) => "current",
                (true, false) => "none",
                (false, false) => "differs",
            };
            let age = |oldest: Timestamp| {
                u64::try_from(now.as_millis().saturating_sub(oldest.as_millis()).max(0) / 1000).unwrap_or(0)
            };
            report.layout = Some(LayoutReport { state, steps });
            report.outbox = Some(OutboxReport {
                waiting: backlog.waiting,
                stuck: backlog.stuck,
                oldest_seconds: backlog.oldest.map(age),
            });
            report.stored = stored;
        }
        Err(why) => report.trouble = Some(why),
    }
    report
}

async fn bus(part: &Part<Bus>) -> BusReport {
    let mut report = BusReport { place: part.place.clone(), ..BusReport::default() };
    let bus = match &part.opened {
        Ok(bus) => bus,
        Err(why) => {
            report.trouble = Some(why.clone());
            return report;
        }
    };
    let lengths = bus.queues();
    // One after the other: there are few, and a broker has other things to do.
    for queue in queues::ALL {
        let queue = queue.name.to_owned();
        let found = match patiently(lengths.length(&queue)).await {
            Ok(Some(length)) => QueueReport {
                queue,
                declared: true,
                waiting: length.waiting,
                in_flight: length.in_flight,
                dead: length.dead,
                consumers: length.consumers,
                trouble: None,
            },
            Ok(None) => QueueReport { queue, ..QueueReport::default() },
            Err(why) => QueueReport { queue, trouble: Some(why), ..QueueReport::default() },
        };
        let is_gone = found.trouble.is_some();
        report.queues.push(found);
        if is_gone {
            // The others would each take as long to say the same.
            report.trouble = report.queues.last().and_then(|queue| queue.trouble.clone());
            return report;
        }
    }
    report.trouble = bus.trouble().await;
    report
}

async fn search(part: &Part<Search>, stores: &[WatchedStore]) -> SearchReport {
    let mut report = SearchReport { place: part.place.clone(), ..SearchReport::default() };
    let index = match &part.opened {
        Ok(search) => &search.index,
        Err(why) => {
            report.trouble = Some(why.clone());
            return report;
        }
    };
    let gigs =
        stores.iter().find(|watched| watched.service == GIGS.0).and_then(|watched| watched.store.opened.as_ref().ok());
    // First: what is stored meanwhile is then taken for known, and not for missing.
    if let Some(gigs) = gigs {
        // What its store has to say of itself, it says in its place.
        report.stored = patiently(gigs.count(GIGS.1)).await.ok();
    }
    let asked =
        patiently(async { Ok::<_, jobapp_gigs::SearchError>((index.needs_rebuild().await?, index.extent().await?)) });
    match asked.await {
        Ok((needs_rebuild, extent)) => {
            report.needs_rebuild = needs_rebuild;
            report.listed = extent.listed;
            report.known = extent.known;
            report.generation = extent.generation;
            report.behind = report.stored.map(|stored| stored.saturating_sub(extent.known));
        }
        Err(why) => report.trouble = Some(why),
    }
    report
}

async fn peers(part: &Part<Peers>) -> PeersReport {
    let trouble = match &part.opened {
        Ok(peers) => match tokio::time::timeout(PATIENCE, peers.trouble()).await {
            Ok(trouble) => trouble,
            Err(_) => Some(format!("it does not answer within {} seconds", PATIENCE.as_secs())),
        },
        Err(why) => Some(why.clone()),
    };
    PeersReport { place: part.place.clone(), trouble }
}

/// What of it is wrong, in words.
fn judged(report: &Report, max_age: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    for one in &report.services {
        let service = &one.service;
        wrong.extend(one.trouble.as_ref().map(|trouble| format!("the store of {service}: {trouble}")));
        if one.layout.as_ref().is_some_and(|layout| !layout.steps.is_empty()) {
            wrong.push(format!("the store of {service} is not up to date: `migrate {service}` makes it so"));
        }
        let Some(outbox) = &one.outbox else { continue };
        if outbox.stuck > 0 {
            wrong.push(format!("{} events of {service} could not be published; its log says why", outbox.stuck));
        }
        if let Some(age) = outbox.oldest_seconds.filter(|age| *age > max_age) {
            wrong.push(format!(
                "{service} has not published an event for {age} seconds: does it run, and reach the bus?"
            ));
        }
    }
    if let Some(bus) = &report.bus {
        wrong.extend(bus.trouble.as_ref().map(|trouble| format!("the message bus: {trouble}")));
        for queue in &bus.queues {
            let name = &queue.queue;
            if queue.trouble.is_none() && !queue.declared {
                wrong.push(format!("nobody has declared the queue {name}: no service has started yet"));
            }
            if queue.dead > 0 {
                wrong.push(format!("{} dead letters in {name}: see `dead-letters list {name}`", queue.dead));
            }
            if queue.declared && queue.consumers == Some(0) {
                wrong.push(format!("nobody consumes from {name}"));
            }
        }
    }
    if let Some(search) = &report.search {
        wrong.extend(search.trouble.as_ref().map(|trouble| format!("the search index: {trouble}")));
        if search.needs_rebuild {
            wrong.push("the search index must be built; a gig service that runs does so by itself".to_owned());
        }
        if let Some(behind) = search.behind.filter(|behind| *behind > 0 && !is_under_way(report)) {
            wrong.push(format!("the search index does not know {behind} stored gigs: `search rebuild` makes it anew"));
        }
    }
    if let Some(peers) = &report.peers {
        wrong.extend(peers.trouble.as_ref().map(|trouble| format!("what processes share: {trouble}")));
    }
    for program in &report.programs {
        let what = format!("the {} program at {}", program.service, program.place);
        match (&program.trouble, program.state.as_deref()) {
            (Some(trouble), _) => wrong.push(format!("{what}: {trouble}")),
            (None, Some("ready")) => {}
            (None, state) => wrong.push(format!("{what} is {}", state.unwrap_or("silent"))),
        }
        if let Some(version) = program.version.as_ref().filter(|version| *version != report.version) {
            wrong.push(format!("{what} has version {version}, this program {}", report.version));
        }
    }
    wrong
}

/// Whether news of gigs are on their way to the index.
fn is_under_way(report: &Report) -> bool {
    let in_outbox = report.services.iter().filter(|one| one.service == GIGS.0).filter_map(|one| one.outbox.as_ref());
    let queues = report.bus.iter().flat_map(|bus| &bus.queues).filter(|queue| queue.queue == queues::GIG_SEARCH.name);
    let in_outbox: u64 = in_outbox.map(|outbox| outbox.waiting).sum();
    let in_queue: u64 = queues.map(|queue| queue.waiting + queue.in_flight.unwrap_or(0)).sum();
    in_outbox + in_queue > 0
}
