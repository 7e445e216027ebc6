//! The program on SQLite files, as its users see it: standard output, standard error, exit codes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use jobapp_auth::{Auth, Device, Policy, SignUp};
use jobapp_auth_service::AuthPorts;
use jobapp_kernel::{
    Delivery, Handler, Message, MessageId, Outcome, Publisher, Queues, Subscriber, Subscription, Timestamp,
};
use jobapp_platform::{Address, Shared, Store};
use jobapp_sqlite::{SqliteBus, SqliteBusConfig};
use jobapp_wire::queues;
use serde_json::Value;
use tempfile::TempDir;

/// A marketplace on files, of which nothing is made yet.
struct World {
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

/// What the program left.
#[derive(Debug)]
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    #[track_caller]
    fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{self:#?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    #[track_caller]
    fn failed(&self, code: i32, parts: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:#?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing in {self:#?}");
        }
    }
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let place = |scheme: &str, name: &str| format!("{scheme}:{}", folder.path().join(name).display());
        let variables = [
            ("JOBAPP_AUTH_STORE", place("sqlite", "auth.db")),
            ("JOBAPP_USERS_STORE", place("sqlite", "users.db")),
            ("JOBAPP_GIG_STORE", place("sqlite", "gig.db")),
            ("JOBAPP_CHAT_STORE", place("sqlite", "chat.db")),
            ("JOBAPP_ORDER_STORE", place("sqlite", "order.db")),
            ("JOBAPP_REVIEW_STORE", place("sqlite", "review.db")),
            ("JOBAPP_BUS", place("sqlite", "bus.db")),
            ("JOBAPP_SEARCH", place("tantivy", "search")),
            ("JOBAPP_PEERS", "memory:".to_owned()),
        ];
        Self { variables: variables.into(), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_jobapp-ctl"))
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The bus, with every queue.
    async fn bus(&self) -> SqliteBus {
        let bus = SqliteBus::open(SqliteBusConfig::file(self.path("bus.db"))).await.unwrap();
        bus.declare(&queues::ALL).await.unwrap();
        bus
    }

    /// Whatever there is on disk.
    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }
}

struct Hopeless;

#[async_trait::async_trait]
impl Handler for Hopeless {
    async fn handle(&self, _: &Delivery) -> Outcome {
        Outcome::dead("the moon is wrong")
    }
}

async fn let_die(bus: &SqliteBus, count: u64) {
    let queue = queues::ORDER_REVIEW;
    for number in 0..count {
        let message = Message {
            id: Some(MessageId(format!("m-{number}"))),
            kind: "a-kind".to_owned(),
            exchange: queue.exchange.name.to_owned(),
            routing_key: queue.routing_key.to_owned(),
            timestamp: Timestamp::EPOCH,
            headers: BTreeMap::new(),
            body: b"{}".to_vec(),
        };
        bus.publish_one(&message).await.unwrap();
    }
    let lengths = bus.clone();
    let all_dead = async move {
        while lengths.length(queue.name).await.unwrap().unwrap().dead < count {
            tokio::task::yield_now().await;
        }
    };
    bus.consume(Subscription::to(queue), Arc::new(Hopeless), Box::pin(all_dead)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_nobody_has_used_is_told_and_left_as_it_is_until_it_is_migrated() {
    let world = World::new();
    let status = world.run(&["status", "--json"]).json(1);
    assert_eq!(
        (status["healthy"].as_bool(), status["version"].as_str()),
        (Some(false), Some(env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(status["services"][0]["layout"]["state"], "none");
    assert!(status["bus"]["trouble"].as_str().unwrap().contains("there is no message bus"), "{status}");
    assert!(status["search"]["trouble"].as_str().unwrap().contains("no search index"), "{status}");
    let plan = world.run(&["migrate", "--plan", "--json"]).json(0);
    assert_eq!(plan["stores"].as_array().unwrap().len(), 6);
    assert_eq!(plan["stores"][0]["steps"][0]["change"], "make");
    assert_eq!(world.files(), 0, "nothing was made");

    let migrated = world.run(&["migrate", "--json", "auth"]).json(0);
    assert_eq!(
        (migrated["stores"].as_array().unwrap().len(), migrated["stores"][0]["done"].as_bool()),
        (1, Some(true))
    );
    world.run(&["migrate", "--json"]).json(0);
    let plan = world.run(&["migrate", "--plan", "--json"]).json(0);
    assert!(plan["stores"].as_array().unwrap().iter().all(|store| store["steps"] == serde_json::json!([])), "{plan}");
    assert_eq!(world.run(&["search", "rebuild", "--json"]).json(0)["documents"], 0);
    world.bus().await.close().await;

    let status = world.run(&["status", "--json", "--count"]).json(0);
    assert_eq!((status["healthy"].as_bool(), status["wrong"].as_array().unwrap().len()), (Some(true), 0));
    assert_eq!(status["services"][2]["stored"]["gig"], 0);
    assert_eq!(status["services"][2]["outbox"]["waiting"], 0);
    assert_eq!(status["bus"]["queues"][0]["inFlight"], 0);
    assert_eq!(status["search"]["needsRebuild"], false);
    let told = world.run(&["status"]);
    assert!(told.code == 0 && told.stdout.ends_with("Nothing is wrong.\n") && told.stderr.is_empty(), "{told:#?}");
}

#[test]
fn several_migrators_at_once_end_well() {
    let world = World::new();
    std::thread::scope(|scope| {
        let migrators: Vec<_> = (0..4).map(|_| scope.spawn(|| world.run(&["migrate", "--json"]))).collect();
        for migrator in migrators {
            migrator.join().unwrap().json(0);
        }
    });
    let plan = world.run(&["migrate", "--plan", "--json"]).json(0);
    assert!(plan["stores"].as_array().unwrap().iter().all(|store| store["steps"] == serde_json::json!([])), "{plan}");
}

#[test]
fn a_store_that_cannot_be_had_does_not_keep_the_others_from_being_migrated() {
    let mut world = World::new();
    let file = world.path("notes.txt");
    std::fs::write(&file, "no database, just many words that are none").unwrap();
    world.variables.insert("JOBAPP_USERS_STORE", format!("sqlite:{}", file.display()));
    let migrated = world.run(&["migrate", "--json"]).json(1);
    let stores = migrated["stores"].as_array().unwrap();
    assert_eq!(stores.iter().filter(|store| store["done"] == true).count(), 5, "{migrated}");
    assert!(stores[1]["trouble"].as_str().is_some_and(|why| why.contains("notes.txt")), "{migrated}");
}

#[test]
fn a_command_needs_the_settings_of_what_it_touches_and_names_those_that_are_missing() {
    let mut world = World::new();
    world.variables.retain(|name, _| *name == "JOBAPP_GIG_STORE");
    world.run(&["migrate", "--plan", "gig", "--json"]).json(0);
    world.run(&["migrate"]).failed(2, &["JOBAPP_AUTH_STORE or JOBAPP_STORE or MYSQL_DB", "JOBAPP_REVIEW_STORE"]);
    world.run(&["search", "rebuild"]).failed(2, &["JOBAPP_SEARCH or ELASTIC_SEARCH_URL"]);
    world.run(&["dead-letters", "list"]).failed(2, &["JOBAPP_BUS or RABBITMQ_ENDPOINT"]);
    world.run(&["keys", "list"]).failed(2, &["--data"]);
    world.run(&["migrate", "tea"]).failed(2, &["possible values: auth"]);
    let status = world.run(&["status", "--json"]).json(1);
    assert!(status["bus"]["trouble"].as_str().unwrap().contains("JOBAPP_BUS"), "{status}");
    assert_eq!(status["services"][2]["layout"]["state"], "none", "{status}");
}

#[test]
fn one_file_is_no_database_of_several_services_and_secrets_are_not_told() {
    let mut world = World::new();
    let file = world.path("all.db");
    world.variables.clear();
    world.variables.insert("DATABASE_URL", format!("sqlite:{}", file.display()));
    world
        .run(&["migrate", "gig", "chat"])
        .failed(2, &["a file has one service", "JOBAPP_GIG_STORE", "JOBAPP_CHAT_STORE"]);
    world.variables.insert("DATABASE_URL", "oracle://jobapp:hush@db.test/market".to_owned());
    let told = world.run(&["migrate", "gig", "--json"]);
    assert!(told.json(1)["stores"][0]["trouble"].as_str().unwrap().contains("known are"), "{told:#?}");
    let status = world.run(&["status", "--json"]);
    for ended in [&told, &status] {
        assert!(!ended.stdout.contains("hush") && !ended.stderr.contains("hush"), "{ended:#?}");
    }
}

#[test]
fn settings_may_stand_in_a_file_and_a_line_that_is_none_is_told() {
    let world = World::new();
    let lines: Vec<String> = world
        .variables
        .iter()
        .map(|(name, value)| format!("{} = {value:?}\n", name.trim_start_matches("JOBAPP_").to_lowercase()))
        .collect();
    let file = world.path("ctl.toml");
    std::fs::write(&file, lines.concat()).unwrap();
    let bare = World { variables: BTreeMap::new(), ..World::new() };
    bare.run(&["--config", file.to_str().unwrap(), "migrate", "--json"]).json(0);
    assert!(world.path("review.db").exists());
    std::fs::write(&file, "colour = \"blue\"\n").unwrap();
    bare.run(&["migrate", "--config", file.to_str().unwrap()]).failed(2, &["colour", "line 1"]);
    bare.run(&["status", "--config", "/nowhere.toml"]).failed(2, &["/nowhere.toml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_replayed_and_dropped_beside_a_running_marketplace() {
    let world = World::new();
    world.run(&["dead-letters", "list"]).failed(1, &["there is no message bus"]);
    let bus = world.bus().await;
    let_die(&bus, 4).await;
    let listed = world.run(&["dead-letters", "list", "--json"]).json(0);
    let letters = listed["deadLetters"].as_array().unwrap();
    assert_eq!((letters.len(), letters[0]["reason"].as_str()), (4, Some("the moon is wrong")));
    let id = |number: usize| letters[number]["id"].as_str().unwrap();
    let queue = queues::ORDER_REVIEW.name;
    assert_eq!(world.run(&["dead-letters", "show", queue, id(1), "--json"]).json(0)["messageId"], "m-1");
    assert!(world.run(&["status", "--json"]).json(1)["wrong"].to_string().contains("4 dead letters"));

    let replayed = world.run(&["dead-letters", "replay", queue, id(0), "--json"]).json(0);
    assert_eq!(replayed["replayed"][0]["id"], id(0));
    world.run(&["dead-letters", "replay", queue, id(0)]).failed(1, &["has no dead letter"]);
    world.run(&["dead-letters", "drop", "tea", "1"]).failed(2, &["there is no queue tea"]);
    world.run(&["dead-letters", "replay", "--all"]).failed(2, &["3 dead letters?", "--yes"]);
    world.run(&["dead-letters", "replay", queue]).failed(2, &["<ID>"]);
    let dropped = world.run(&["dead-letters", "drop", queue, id(3), "--json"]).json(0);
    assert_eq!(dropped["dropped"][0]["id"], id(3));
    let replayed = world.run(&["dead-letters", "replay", queue, "--all", "--yes", "--json"]).json(0);
    assert_eq!(replayed["replayed"].as_array().unwrap().len(), 2);
    let length = bus.length(queue).await.unwrap().unwrap();
    assert_eq!((length.waiting, length.dead), (3, 0));
    bus.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_sessions_are_looked_after() {
    let mut world = World::new();
    world
        .run(&["operators", "add", "Boss", "--email", "boss@example.org"])
        .failed(2, &["JOBAPP_MEDIA", "GATEWAY_JWT_TOKEN"]);
    world.variables.insert("JOBAPP_MEDIA", format!("file:{}", world.path("media").display()));
    world.variables.insert("GATEWAY_JWT_TOKEN", "01234567890123456789012345678901".to_owned());
    world.variables.insert("CLIENT_URL", "https://app.example.org".to_owned());
    world.run(&["operators", "add", "Boss"]).failed(1, &["there is no account Boss", "--email"]);
    let added = world.run(&["operators", "add", "Boss", "--email", "boss@example.org"]);
    assert!(added.code == 0 && added.stdout.contains("https://app.example.org/reset_password?token="), "{added:#?}");
    let listed = world.run(&["operators", "list", "--json"]).json(0);
    assert_eq!(
        (listed["operators"][0]["username"].as_str(), listed["operators"][0]["email"].as_str()),
        (Some("Boss"), Some("boss@example.org"))
    );
    assert_eq!(world.run(&["operators", "remove", "Boss", "--json"]).json(0)["isChanged"], true);
    assert_eq!(world.run(&["operators", "list", "--json"]).json(0)["operators"], serde_json::json!([]));

    let address = Address::parse("JOBAPP_AUTH_STORE", &world.variables["JOBAPP_AUTH_STORE"]);
    let store = Store::open(&address, None).await.unwrap();
    let auth = Auth::new(AuthPorts::open(&store, &Shared::in_memory()).await.unwrap().auth, Policy::default());
    let marta = SignUp {
        username: "Marta".into(),
        email: "marta@example.org".into(),
        password: "correct horse".into(),
        country: "Portugal".into(),
        picture: "https://img.example.org/marta.png".into(),
        device: Device::or_unknown(Some("Chrome".to_owned()), None),
    };
    auth.sign_up(marta, None).await.unwrap();
    let listed = world.run(&["sessions", "list", "Marta", "--json"]).json(0);
    let id = listed["sessions"][0]["id"].as_str().unwrap().to_owned();
    world.run(&["sessions", "end", "Marta", "nonsense"]).failed(2, &["nonsense is no id"]);
    world.run(&["sessions", "end", "Nobody"]).failed(1, &["there is no account Nobody"]);
    assert_eq!(world.run(&["sessions", "end", "Marta", &id, "--json"]).json(0)["ended"], 1);
    assert_eq!(world.run(&["sessions", "end", "Marta", "--json"]).json(0)["ended"], 0);
    assert_eq!(world.run(&["sessions", "list", "Marta", "--json"]).json(0)["sessions"], serde_json::json!([]));
    store.close().await.unwrap();
}

#[test]
fn shells_learn_to_complete_commands_and_help_has_examples() {
    let world = World::new();
    for (shell, part) in [("bash", "complete -F"), ("zsh", "#compdef jobapp-ctl"), ("fish", "complete -c jobapp-ctl")] {
        let script = world.run(&["completions", shell]);
        assert!(script.code == 0 && script.stdout.contains(part) && script.stdout.contains("dead-letters"), "{shell}");
    }
    let help = world.run(&["--help"]);
    for part in ["Examples:", "Exit codes:", "JOBAPP_GIG_STORE", "RABBITMQ_ENDPOINT"] {
        assert!(help.code == 0 && help.stdout.contains(part), "{part}: {help:#?}");
    }
    world.run(&[]).failed(2, &["Usage:"]);
}
