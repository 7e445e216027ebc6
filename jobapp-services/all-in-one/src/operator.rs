//! Commands for whoever runs the marketplace: those of `jobapp-ctl`, on a data folder.

use std::process::ExitCode;

use anyhow::Context;
use jobapp_ctl::commands::analytics::AnalyticsCommand;
use jobapp_ctl::commands::dead_letters::DeadLettersCommand;
use jobapp_ctl::commands::search::SearchCommand;
use jobapp_ctl::commands::status::{Part, StatusCommand, Watched, WatchedStore};
use jobapp_ctl::commands::{Group, analytics, dead_letters, search, status};
use jobapp_ctl::{Secrets, layout_of_part};
use jobapp_gig_service::GigPorts;
use jobapp_gigs::Indexer;
use jobapp_kernel::Clock;
use jobapp_platform::{Address, Bus, Search, Shared, Store};
use jobapp_review_service::ReviewPorts;
use jobapp_runtime::SystemClock;
use jobapp_sqlite::{Seal, SqliteBus, SqliteBusConfig};

use crate::databases::{advised, advised_to_open};
use crate::stores::{STORES, Stores};
use crate::{Folder, Settings};

/// `jobapp search …`.
pub(crate) async fn search(settings: &Settings, asked: &Group<SearchCommand>) -> anyhow::Result<ExitCode> {
    let folder = Folder::open_used(&settings.data)?;
    let stores = Box::pin(Stores::open(&folder)).await?;
    let indexer = indexer(&folder, &stores).await?;
    let answer = search::run(&indexer, &asked.command, None).await?;
    stores.close().await;
    answer.tell(asked.form)
}

/// Keeps the index of a folder like its gigs.
async fn indexer(folder: &Folder, stores: &Stores) -> anyhow::Result<Indexer> {
    let address = Address::new("--data", "tantivy", folder.within("search"));
    let search = Search::open(&address).context("the search index")?;
    let shared = Shared::in_memory();
    let opening = GigPorts::open(&stores.gig, &shared, &search);
    let ports = opening.await.map_err(advised_to_open).context("the store of gig")?;
    Ok(Indexer::new(ports.gigs, search.index))
}

/// `jobapp status`: works beside a running marketplace too, and changes nothing.
pub(crate) async fn status(settings: &Settings, command: &StatusCommand) -> anyhow::Result<ExitCode> {
    let root = &settings.data;
    Folder::require_used(root)?;
    let within = |scheme: &str, name: &str| Address::new("--data", scheme, root.join(name));
    let mut stores = Vec::new();
    for service in STORES {
        let address = within("sqlite", &format!("{service}.db"));
        let store = Part::of(&address, Store::inventory_at(&address).await);
        stores.push(WatchedStore { service: service.to_owned(), store, wanted: layout_of_part(service).await? });
    }
    let (bus, search) = (within("sqlite", "bus.db"), within("tantivy", "search"));
    let key = Secrets::read(root)?.map(|secrets| secrets.sealing_key()).transpose()?.flatten();
    let bus = Part::of(&bus, Bus::open_beside(&bus, key).await);
    let search = Part::of(&search, Search::open_beside(&search));
    let watched = Watched { stores, bus: Some(bus), search: Some(search), ..Watched::default() };
    status::run(&watched, command, SystemClock.now()).await?.tell(command.form)
}

/// `jobapp analytics …`.
pub(crate) async fn analytics(settings: &Settings, asked: &Group<AnalyticsCommand>) -> anyhow::Result<ExitCode> {
    let folder = Folder::open_used(&settings.data)?;
    let stores = Box::pin(Stores::open(&folder)).await?;
    let ports = ReviewPorts::open(&stores.review, &Shared::in_memory()).await;
    let ports = ports.map_err(advised_to_open).context("the store of review")?;
    let answer = analytics::run(&ports, &asked.command, None).await?;
    stores.close().await;
    answer.tell(asked.form)
}

/// `jobapp dead-letters …`: works beside a running marketplace too.
pub(crate) async fn dead_letters(settings: &Settings, asked: &Group<DeadLettersCommand>) -> anyhow::Result<ExitCode> {
    let path = settings.data.join("bus.db");
    if !path.exists() {
        Folder::require_used(&settings.data)?;
        // It was prepared, and never started.
        return dead_letters::of_nothing(&asked.command)?.tell(asked.form);
    }
    let seal =
        Secrets::read(&settings.data)?.map(|secrets| secrets.sealing_key()).transpose()?.flatten().map(Seal::new);
    let config = SqliteBusConfig { seal, ..SqliteBusConfig::file(path).beside_its_owner() };
    let bus = SqliteBus::open(config).await.map_err(advised).context("the bus cannot be opened")?;
    let done = dead_letters::run(&bus, &asked.command, &jobapp_ctl::asking).await;
    bus.close().await;
    done?.tell(asked.form)
}
