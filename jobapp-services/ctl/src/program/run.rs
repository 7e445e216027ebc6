//! Opens what a command touches, and runs it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::future::join_all;
use jobapp_auth::{Auth, Policy};
use jobapp_auth_service::AuthPorts;
use jobapp_gigs::{Gig, Indexer};
use jobapp_kernel::{Clock, MediaStore};
use jobapp_media::MediaLimits;
use jobapp_platform::config::{Bodies, Places, Sources, Tokens, Web, secret};
use jobapp_platform::{Address, Bus, Media, MediaConfig, Peers, Search, Shared, Store, keep_private};
use jobapp_review_service::ReviewPorts;
use jobapp_runtime::{Exclusive, LogFormat, SystemClock, error_text, start_logging};

use super::command_line::{Cli, Command};
use super::import;
use super::settings::{self, Settings};
use super::stores::open;
use crate::commands::analytics::AnalyticsCommand;
use crate::commands::dead_letters::DeadLettersCommand;
use crate::commands::hold::{self, HoldCommand};
use crate::commands::migrate::{self, MigrateCommand, Migrated};
use crate::commands::operators::OperatorsCommand;
use crate::commands::search::SearchCommand;
use crate::commands::status::{self, Part, Program, Watched, WatchedStore};
use crate::commands::{analytics, dead_letters, keys, operators, search, sessions};
use crate::output::{Answer, Usage, asking, exit_code, say};
use crate::services::{SERVICES, layout_of};

/// Does what the command line says. Failures are one message on standard error and exit code 1, or 2 where a command was not given
/// what it needs.
pub fn run(cli: Cli) -> ExitCode {
    keep_private();
    match prepared(cli) {
        Ok(code) => code,
        Err(error) => exit_code(&error),
    }
}

fn prepared(cli: Cli) -> anyhow::Result<ExitCode> {
    let logging = start_logging(LogFormat::Auto, &cli.log, "ctl", None);
    let logging = logging.map_err(|error| Usage(error_text(error.as_ref())))?;
    let sources = Sources::new().of_this_process();
    let sources = match &cli.config {
        Some(file) => sources.file(file).map_err(|error| Usage(error_text(&error)))?,
        None => sources,
    };
    let settings = Settings::of(sources).map_err(|error| Usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the system gives no threads")?;
    let outcome = runtime.block_on(Box::pin(start(cli.command, &settings)));
    // Blocking work that nobody waits for any more must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(2));
    drop(logging);
    outcome
}

async fn start(command: Command, settings: &Settings) -> anyhow::Result<ExitCode> {
    match command {
        Command::Status(command) => {
            let watched = watched(settings).await?;
            status::run(&watched, &command, SystemClock.now()).await?.tell(command.form)
        }
        Command::Migrate(command) => migrate(settings, &command).await?.tell(command.form),
        Command::Hold(command) => hold(settings, &command).await,
        Command::DeadLetters(group) => dead_letters(settings, &group.command).await?.tell(group.form),
        Command::Search(group) => search(settings, &group.command).await?.tell(group.form),
        Command::Analytics(group) => analytics(settings, &group.command).await?.tell(group.form),
        Command::Sessions(group) => {
            let (store, auth) = auth(settings, None).await?;
            let done = sessions::run(&auth, &group.command).await;
            store.close().await?;
            done?.tell(group.form)
        }
        Command::Operators(group) => operators(settings, &group.command).await?.tell(group.form),
        Command::Import(command) => import::run(settings, &command).await?.tell(command.form),
        Command::Keys { data, group } => {
            let missing = || Usage("the data folder is missing: name it with --data or JOBAPP_DATA".to_owned());
            keys::run(&data.ok_or_else(missing)?, &group.command, SystemClock.now())?.tell(group.form)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::definition(), "jobapp-ctl", &mut script);
            say(String::from_utf8(script).context("the script is no text")?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// All that there is, as far as it is known where.
async fn watched(settings: &Settings) -> anyhow::Result<Watched> {
    let opening = SERVICES.map(|service| async move {
        let store = match settings.want(|reader| settings::store_of(reader, service)) {
            Ok(address) => Part::of(&address, Store::inventory_at(&address).await),
            Err(why) => Part::missing(why),
        };
        Ok(WatchedStore { service: service.to_owned(), store, wanted: layout_of(service).await? })
    });
    let stores = join_all(opening).await.into_iter().collect::<anyhow::Result<_>>()?;
    let bus = match settings.want(|reader| Some((Places::bus(reader)?, settings::sealing_key(reader)?))) {
        Ok((address, key)) => Part::of(&address, Bus::open_beside(&address, key).await),
        Err(why) => Part::missing(why),
    };
    let search = match settings.want(|reader| Places::of(reader, &Places::SEARCH)) {
        Ok(address) => Part::of(&address, Search::open_beside(&address)),
        Err(why) => Part::missing(why),
    };
    let peers = match settings.want(|reader| Places::of(reader, &Places::PEERS)) {
        Ok(address) => Part::of(&address, Peers::open(&address)),
        Err(why) => Part::missing(why),
    };
    let programs = settings.need(settings::programs)?;
    let programs = programs.iter().map(|(service, address)| Program::at(service, address)).collect();
    Ok(Watched { stores, bus: Some(bus), search: Some(search), peers: Some(peers), programs })
}

async fn migrate(settings: &Settings, command: &MigrateCommand) -> anyhow::Result<Answer> {
    let all = SERVICES
        .iter()
        .filter(|service| command.services.is_empty() || command.services.iter().any(|wanted| wanted == *service));
    let chosen: Vec<&str> = all.copied().collect();
    // Every one that is missing is told at once.
    let places = settings.need(|reader| {
        let places: Vec<Option<Address>> = chosen.iter().map(|service| settings::store_of(reader, service)).collect();
        let key = settings::sealing_key(reader)?;
        Some((places.into_iter().collect::<Option<Vec<_>>>()?, key))
    })?;
    let (places, key) = places;
    let mut migrated = Migrated::default();
    for (service, address) in chosen.into_iter().zip(places) {
        let place = address.to_string();
        let done = async {
            let inventory = Store::inventory_at(&address).await?;
            if command.plan {
                return migrate::plan(&mut migrated, service, &place, &*inventory).await;
            }
            let existing = inventory.layout().await?;
            let store = Store::open(&address, key).await?;
            let done = migrate::migrate(&mut migrated, service, &place, &existing, &store).await;
            store.close().await?;
            done
        };
        // In a box: the futures of database drivers are large.
        if let Err(error) = Box::pin(done).await {
            migrated.failed(service, &place, &error_text(error.as_ref()));
        }
    }
    Ok(migrated.answer())
}

async fn hold(settings: &Settings, command: &HoldCommand) -> anyhow::Result<ExitCode> {
    let (places, bus, key) = settings.need(|reader| {
        let places: Vec<Option<Address>> = SERVICES.iter().map(|service| settings::store_of(reader, service)).collect();
        let (bus, key) = (Places::bus(reader), settings::sealing_key(reader)?);
        Some((places.into_iter().collect::<Option<Vec<_>>>()?, bus?, key))
    })?;
    let owner = format!("jobapp-ctl@{:016x}", rand::random::<u64>());
    let (mut stores, mut holders) = (Vec::new(), Vec::new());
    for (service, address) in SERVICES.iter().zip(&places) {
        let store = open(address, key).await?;
        holders.push(((*service).to_owned(), Exclusive::new(store.leases(), &owner)));
        stores.push(store);
    }
    let address = bus;
    let bus = Bus::open_beside(&address, key).await.with_context(|| format!("the message bus {address}"))?;
    let done = hold::run(&holders, &*bus.queues(), command).await;
    bus.close().await;
    for store in stores {
        store.close().await?;
    }
    // What a signal ended has no code of its own.
    let code = done?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

async fn dead_letters(settings: &Settings, command: &DeadLettersCommand) -> anyhow::Result<Answer> {
    let (address, key) = settings.need(|reader| Some((Places::bus(reader)?, settings::sealing_key(reader)?)))?;
    let bus = Bus::open_beside(&address, key).await.with_context(|| format!("the message bus {address}"))?;
    let done = dead_letters::run(&*bus.dead_letters(), command, &asking).await;
    bus.close().await;
    done
}

async fn search(settings: &Settings, command: &SearchCommand) -> anyhow::Result<Answer> {
    let (address, index, key) = settings.need(|reader| {
        let (store, index) = (settings::store_of(reader, "gig"), Places::of(reader, &Places::SEARCH));
        let key = settings::sealing_key(reader)?;
        Some((store?, index?, key))
    })?;
    let index = Search::open(&index).with_context(|| format!("the search index {index}"))?.index;
    let store = open(&address, key).await?;
    let done = async {
        let total = store.inventory().count("gig").await?;
        let indexer = Indexer::new(store.repository::<Gig>().await?, index);
        search::run(&indexer, command, Some(total)).await
    };
    let done = Box::pin(done).await;
    store.close().await?;
    done
}

async fn analytics(settings: &Settings, command: &AnalyticsCommand) -> anyhow::Result<Answer> {
    let (address, elsewhere, key) = settings.need(|reader| {
        let (store, elsewhere) = (settings::store_of(reader, "review"), settings::analytics(reader)?);
        let key = settings::sealing_key(reader)?;
        Some((store?, elsewhere, key))
    })?;
    let store = open(&address, key).await?;
    let elsewhere = match elsewhere {
        Some(address) => Some(open(&address, key).await?),
        None => None,
    };
    let done = async {
        let total = store.inventory().count("review").await?;
        let model = elsewhere.as_ref().unwrap_or(&store).analytics().await?;
        let ports = ReviewPorts::with_analytics(&store, &Shared::in_memory(), model).await?;
        analytics::run(&ports, command, Some(total)).await
    };
    let done = Box::pin(done).await;
    if let Some(elsewhere) = elsewhere {
        elsewhere.close().await?;
    }
    store.close().await?;
    done
}

async fn operators(settings: &Settings, command: &OperatorsCommand) -> anyhow::Result<Answer> {
    // A new account gets a picture.
    let media = match command {
        OperatorsCommand::Add { email: Some(_), .. } => Some(media(settings)?),
        _ => None,
    };
    let links = settings.need(settings::links)?;
    let (store, auth) = auth(settings, media).await?;
    let link = |place: &str| format!("Set the password within an hour. The link is good once:\n{links}{place}");
    let done = operators::run(&auth, command, &link).await;
    store.close().await?;
    done
}

/// What the use cases of accounts stand on.
async fn auth(settings: &Settings, media: Option<Arc<dyn MediaStore>>) -> anyhow::Result<(Store, Auth)> {
    let (address, key) = settings.need(|reader| {
        let store = settings::store_of(reader, "auth");
        let key = settings::sealing_key(reader)?;
        Some((store?, key))
    })?;
    let store = open(&address, key).await?;
    let mut shared = Shared::in_memory();
    if let Some(media) = media {
        shared.media = media;
    }
    let ports = Box::pin(AuthPorts::open(&store, &shared)).await.with_context(|| format!("the store {address}"))?;
    Ok((store, Auth::new(ports.auth, Policy::default())))
}

fn media(settings: &Settings) -> anyhow::Result<Arc<dyn MediaStore>> {
    let (address, key, web, bodies) = settings.need(|reader| {
        let media = Places::of(reader, &Places::MEDIA);
        let key = reader.required(&Tokens::GATEWAY, secret);
        let (web, bodies) = (Web::read(reader), Bodies::read(reader));
        Some((media?, key?, web, bodies))
    })?;
    let limits = MediaLimits::within(bodies.picture, bodies.file);
    let config = MediaConfig::signed_by(&key, web.gateway(), limits);
    let media = Media::open(&address, config).with_context(|| format!("the store of media {address}"))?;
    Ok(media.store())
}
