//! The bus on SQLite keeps every promise of a bus, in a file and in memory.

use std::path::Path;
use std::sync::Arc;

use jobapp_contracts::bus::{Bus, Place, Probe, Running, in_time};
use jobapp_kernel::{
    DeadLetters, Exchange, ExchangeKind, Message, MessageId, Outcome, Publisher, Queue, Subscriber, Subscription,
    Timestamp,
};
use jobapp_sqlite::{Fault, Seal, SqliteBus, SqliteBusConfig};
use tempfile::TempDir;
use tokio::sync::Mutex;

const QUEUE: Queue = Queue {
    name: "a-queue",
    exchange: Exchange { name: "an-exchange", kind: ExchangeKind::Direct },
    routing_key: "a-key",
};

mod in_a_file {
    use super::*;

    async fn a_fresh_bus() -> Bus {
        let folder = TempDir::new().unwrap();
        Bus::of(Arc::new(open(folder.path()).await)).keeping(folder)
    }

    jobapp_contracts::bus!(a_fresh_bus());
    jobapp_contracts::bus_of_known_messages!(a_fresh_bus());
    jobapp_contracts::bus_that_counts_losses!(a_fresh_bus());
}

mod for_who_is_in_no_hurry {
    use super::*;

    async fn a_fresh_bus() -> Bus {
        let folder = TempDir::new().unwrap();
        let config = SqliteBusConfig::file(folder.path().join("bus.db")).patient(|| true);
        Bus::of(Arc::new(SqliteBus::open(config).await.unwrap())).keeping(folder)
    }

    jobapp_contracts::bus!(a_fresh_bus());
}

mod in_memory {
    use super::*;

    async fn a_fresh_bus() -> Bus {
        Bus::of(Arc::new(SqliteBus::open(SqliteBusConfig::memory()).await.unwrap()))
    }

    jobapp_contracts::bus!(a_fresh_bus());
}

mod sealed {
    use super::*;

    async fn a_fresh_bus() -> Bus {
        Bus::of(Arc::new(SqliteBus::open(SqliteBusConfig::memory().sealed(seal())).await.unwrap()))
    }

    jobapp_contracts::bus!(a_fresh_bus());
}

mod opened_again {
    use super::*;

    struct Folder {
        folder: TempDir,
        bus: Mutex<Option<SqliteBus>>,
    }

    #[async_trait::async_trait]
    impl Place for Folder {
        async fn open(&self) -> Bus {
            let bus = open(self.folder.path()).await;
            *self.bus.lock().await = Some(bus.clone());
            Bus::of(Arc::new(bus))
        }

        async fn close(&self) {
            let bus = self.bus.lock().await.take();
            bus.unwrap().close().await;
        }
    }

    async fn a_folder() -> Folder {
        Folder { folder: TempDir::new().unwrap(), bus: Mutex::new(None) }
    }

    jobapp_contracts::durable_bus!(a_folder());
}

async fn open(folder: &Path) -> SqliteBus {
    SqliteBus::open(SqliteBusConfig::file(folder.join("new").join("bus.db"))).await.unwrap()
}

fn message(id: &str) -> Message {
    Message {
        id: Some(MessageId(id.to_owned())),
        kind: "a-kind".to_owned(),
        exchange: QUEUE.exchange.name.to_owned(),
        routing_key: QUEUE.routing_key.to_owned(),
        timestamp: Timestamp::EPOCH,
        headers: [].into(),
        body: id.as_bytes().to_vec(),
    }
}

fn consume(bus: &SqliteBus, probe: &Arc<Probe>) -> Running {
    let subscriber: Arc<dyn Subscriber> = Arc::new(bus.clone());
    Running::start(&subscriber, Subscription::to(QUEUE), probe)
}

/// What the disk holds at this moment is what a killed process leaves behind.
#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_confirmed() {
    let folder = TempDir::new().unwrap();
    let bus = open(folder.path()).await;
    bus.declare(&[QUEUE]).await.unwrap();
    let stuck = Probe::gated();
    let running = consume(&bus, &stuck);
    for text in ["taken", "waiting"] {
        bus.publish_one(&message(text)).await.unwrap();
    }
    stuck.seen(1).await;

    let image = TempDir::new().unwrap();
    std::fs::create_dir(image.path().join("new")).unwrap();
    for file in ["bus.db", "bus.db-wal"] {
        std::fs::copy(folder.path().join("new").join(file), image.path().join("new").join(file)).unwrap();
    }
    running.kill().await;

    let restarted = open(image.path()).await;
    let probe = Probe::done();
    let running = consume(&restarted, &probe);
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(probe.bodies(), ["taken", "waiting"]);
    assert_eq!(probe.deliveries().iter().map(|one| one.redelivered).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn an_operator_beside_the_running_process_replays_without_disturbing_it() {
    let folder = TempDir::new().unwrap();
    let bus = open(folder.path()).await;
    bus.declare(&[QUEUE]).await.unwrap();
    let probe = Probe::answering(|one| {
        if one.message.id == Some(MessageId("ill".to_owned())) && one.queue == QUEUE.name {
            Outcome::dead("a reason")
        } else {
            Outcome::Done
        }
    });
    bus.publish_one(&message("ill")).await.unwrap();
    let running = consume(&bus, &probe);
    probe.seen(1).await;
    running.stop().await;
    let stuck = Probe::gated();
    let running = consume(&bus, &stuck);
    bus.publish_one(&message("with a handler")).await.unwrap();
    stuck.seen(1).await;

    let config = SqliteBusConfig::file(folder.path().join("new").join("bus.db")).beside_its_owner();
    let operator = SqliteBus::open(config).await.unwrap();
    let dead = operator.list(QUEUE.name, 10).await.unwrap();
    operator.replay(QUEUE.name, &dead[0].id).await.unwrap();
    operator.close().await;

    stuck.let_through(2);
    stuck.seen(2).await;
    running.stop().await;
    assert_eq!(stuck.bodies(), ["with a handler", "ill"]);
    assert!(stuck.deliveries().iter().all(|one| !one.redelivered));
}

#[tokio::test]
async fn many_publishers_share_commits() {
    let folder = TempDir::new().unwrap();
    let bus = open(folder.path()).await;
    bus.declare(&[QUEUE]).await.unwrap();
    let texts: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let publishing = texts.iter().map(|text| {
        let bus = bus.clone();
        async move { bus.publish_one(&message(text)).await }
    });
    for published in in_time("the publishers", futures::future::join_all(publishing)).await {
        published.unwrap();
    }
    let depths = bus.depths().await.unwrap();
    assert_eq!(depths[QUEUE.name].waiting, 300);
}

#[tokio::test]
async fn a_closed_bus_refuses_instead_of_waiting() {
    let bus = SqliteBus::open(SqliteBusConfig::memory()).await.unwrap();
    bus.declare(&[QUEUE]).await.unwrap();
    bus.close().await;
    in_time("the refusal", bus.publish_one(&message("late"))).await.unwrap_err();
    in_time("the refusal", bus.declare(&[QUEUE])).await.unwrap_err();
    bus.close().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let folder = TempDir::new().unwrap();
    let error = SqliteBus::open(SqliteBusConfig::file(folder.path())).await.unwrap_err();
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bus.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    SqliteBus::open(SqliteBusConfig::file(&path)).await.unwrap_err();
}

#[tokio::test]
async fn an_idle_consumer_hears_of_what_another_process_replays() {
    let folder = TempDir::new().unwrap();
    let bus = open(folder.path()).await;
    bus.declare(&[QUEUE]).await.unwrap();
    let probe =
        Probe::answering(
            |one| {
                if one.redelivered || one.attempt > 0 { Outcome::Done } else { Outcome::dead("a reason") }
            },
        );
    let running = consume(&bus, &probe);
    bus.publish_one(&message("ill")).await.unwrap();
    probe.seen(1).await;
    let operator = SqliteBus::open(SqliteBusConfig::file(folder.path().join("new").join("bus.db")).beside_its_owner());
    let operator = operator.await.unwrap();
    let letter = in_time("the dead letter", async {
        loop {
            if let Some(letter) = operator.list(QUEUE.name, 1).await.unwrap().pop() {
                return letter;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    operator.replay(QUEUE.name, &letter.id).await.unwrap();
    probe.seen(2).await;
    running.stop().await;
}

#[tokio::test]
async fn a_census_tells_whether_anything_was_published_since_the_last() {
    let bus = SqliteBus::open(SqliteBusConfig::memory()).await.unwrap();
    bus.declare(&[QUEUE]).await.unwrap();
    let empty = bus.census().await.unwrap();
    assert!(empty.is_quiet() && empty.last_stored == 0);
    bus.publish_one(&message("one")).await.unwrap();
    assert!(!bus.census().await.unwrap().is_quiet());
    let probe = Probe::done();
    let running = consume(&bus, &probe);
    probe.seen(1).await;
    running.stop().await;
    let after = bus.census().await.unwrap();
    assert!(after.is_quiet() && after.last_stored > empty.last_stored);
    assert_eq!(bus.census().await.unwrap(), after);
}

fn seal() -> Seal {
    Seal::new([7; Seal::KEY_BYTES])
}

const SECRET: &str = "reset_password?token=5eed5eed";

fn telling(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tells = |path: &std::path::PathBuf| {
        std::fs::read(path).unwrap().windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
    };
    files.filter(tells).map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// A message with a secret in its body, and one that was not handled, with the secret in the reason.
async fn leave_secrets(bus: &SqliteBus) {
    bus.declare(&[QUEUE]).await.unwrap();
    bus.publish_one(&Message { body: SECRET.as_bytes().to_vec(), ..message("ill") }).await.unwrap();
    let probe = Probe::answering(|_| Outcome::dead(format!("who knows {SECRET}?")));
    let running = consume(bus, &probe);
    probe.seen(1).await;
    running.stop().await;
    bus.publish_one(&Message { body: SECRET.as_bytes().to_vec(), ..message("waiting") }).await.unwrap();
}

#[tokio::test]
async fn no_file_of_a_sealed_bus_tells_what_is_in_its_messages() {
    let folder = TempDir::new().unwrap();
    let config = || SqliteBusConfig::file(folder.path().join("bus.db")).sealed(seal());
    let bus = SqliteBus::open(config()).await.unwrap();
    leave_secrets(&bus).await;
    assert_eq!(telling(folder.path()), Vec::<String>::new());
    let operator = SqliteBus::open(config().beside_its_owner()).await.unwrap();
    let letter = operator.list(QUEUE.name, 1).await.unwrap().remove(0);
    assert_eq!(
        (letter.message.body.as_slice(), letter.reason.as_str()),
        (SECRET.as_bytes(), &*format!("who knows {SECRET}?"))
    );
    operator.replay(QUEUE.name, &letter.id).await.unwrap();
    let probe = Probe::done();
    let running = consume(&bus, &probe);
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(probe.bodies(), [SECRET, SECRET]);
    bus.close().await;
    assert_eq!(telling(folder.path()), Vec::<String>::new());
    SqliteBus::open(SqliteBusConfig::file(folder.path().join("bus.db"))).await.expect_err("there is no key");
}

#[tokio::test]
async fn what_a_bus_had_in_clear_is_sealed_and_overwritten_once_there_is_a_key() {
    let folder = TempDir::new().unwrap();
    let config = || SqliteBusConfig::file(folder.path().join("bus.db"));
    let bus = SqliteBus::open(config()).await.unwrap();
    leave_secrets(&bus).await;
    bus.close().await;
    assert_ne!(telling(folder.path()), Vec::<String>::new(), "or the search is blind");

    let bus = SqliteBus::open(config().sealed(seal())).await.unwrap();
    assert_eq!(telling(folder.path()), Vec::<String>::new());
    assert_eq!(bus.list(QUEUE.name, 1).await.unwrap()[0].reason, format!("who knows {SECRET}?"));
    let probe = Probe::done();
    let running = consume(&bus, &probe);
    probe.seen(1).await;
    running.stop().await;
    assert_eq!(probe.bodies(), [SECRET]);
}

#[tokio::test]
async fn messages_sealed_with_a_lost_key_hold_up_nobody() {
    let folder = TempDir::new().unwrap();
    let config = |key| SqliteBusConfig::file(folder.path().join("bus.db")).sealed(Seal::new([key; Seal::KEY_BYTES]));
    let bus = SqliteBus::open(config(1)).await.unwrap();
    bus.declare(&[QUEUE]).await.unwrap();
    bus.publish_one(&message("lost")).await.unwrap();
    bus.close().await;
    let bus = SqliteBus::open(config(2)).await.unwrap();
    bus.publish_one(&message("next")).await.unwrap();
    let probe =
        Probe::answering(|one| if one.message.body == b"next" { Outcome::Done } else { Outcome::dead("unreadable") });
    let running = consume(&bus, &probe);
    probe.seen(2).await;
    running.stop().await;
    assert_eq!(bus.depths().await.unwrap()[QUEUE.name].dead, 1);
}

#[tokio::test]
async fn a_bus_whose_file_is_gone_says_so() {
    let folder = TempDir::new().unwrap();
    let bus = SqliteBus::open(SqliteBusConfig::file(folder.path().join("bus.db"))).await.unwrap();
    assert_eq!(bus.fault().await, None);
    std::fs::remove_file(folder.path().join("bus.db")).unwrap();
    assert_eq!(bus.fault().await, Some(Fault::Gone));
}
