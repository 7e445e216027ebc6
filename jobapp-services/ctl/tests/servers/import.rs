//! The import of a whole town: killed, run again, and with nothing left to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jobapp_auth::{Account, Auth, Device, Login, Origin, Policy, SignIn, SignedIn};
use jobapp_auth_service::AuthPorts;
use jobapp_ctl::Secrets;
use jobapp_import::{Kind, Ours, Places};
use jobapp_kernel::Aggregate;
use jobapp_platform::{Address, SealingKey, Shared, Store};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::checks::{assert_town, every, everything};
use crate::database::Databases;
use crate::town::{Nul, Size, Town, name, password};

/// How long anything that must come about may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A town that is large enough for every way to be broken that happens often.
const SMALL: &str = "420,1200,260";

/// People, messages and orders, such as `10000,50000,5000`.
fn size(said: &str) -> Size {
    let numbers: Vec<usize> = said.split(',').map(|number| number.trim().parse().unwrap()).collect();
    let [people, messages, orders] = numbers[..] else { panic!("{said} is not people,messages,orders") };
    Size { people, messages, orders }
}

/// Where the town moves: the data folder of a one binary, or databases.
enum Goal {
    Folder,
    Servers { stores: Box<[Address; 6]>, key: SealingKey },
}

/// A town that is to move, and where to.
struct Move {
    town: Town,
    databases: Databases,
    goal: Goal,
    home: TempDir,
    variables: BTreeMap<String, String>,
    page: String,
}

fn variables_of(places: &Places) -> BTreeMap<String, String> {
    let places = [
        ("AUTH", &places.auth),
        ("USERS", &places.users),
        ("GIG", &places.gig),
        ("CHAT", &places.chat),
        ("ORDER", &places.order),
        ("REVIEW", &places.review),
    ];
    let said = places.into_iter().filter_map(|(name, place)| Some((format!("JOBAPP_OLD_{name}"), place.clone()?)));
    said.collect()
}

fn program(variables: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp-ctl"));
    command.env_clear().envs(variables).args(["import", "--json"]).stdin(Stdio::null());
    command
}

impl Move {
    async fn new(size: Size, is_to_servers: bool) -> Self {
        let town = Town::of(size, Nul::InMySql);
        let databases = Databases::new().await;
        for (kind, rows) in &town.rows {
            databases.fill(*kind, rows).await;
        }
        let home = tempfile::tempdir().unwrap();
        let mut variables = variables_of(&databases.places());
        let goal = if is_to_servers {
            let places = databases.ours();
            let stores = places.map(|(service, place)| {
                variables.insert(format!("JOBAPP_{}_STORE", service.to_uppercase()), place.clone());
                Address::parse("place", &place).in_namespace(service)
            });
            let key: SealingKey = [7; 32];
            variables.insert("JOBAPP_SEALING_KEY".to_owned(), "07".repeat(32));
            Goal::Servers { stores: Box::new(stores), key }
        } else {
            drop(Secrets::open(home.path()).unwrap());
            variables.insert("JOBAPP_DATA".to_owned(), home.path().display().to_string());
            Goal::Folder
        };
        let rows: u64 = Kind::ALL.iter().map(|kind| town.counts(*kind).0).sum();
        let page = (rows / 100).clamp(20, 500).to_string();
        Self { town, databases, goal, home, variables, page }
    }

    fn report(&self) -> PathBuf {
        self.home.path().join("report.jsonl")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = program(&self.variables);
        command.args(["--page", &self.page, "--report"]).arg(self.report()).args(more);
        command
    }

    /// Runs it to its end, as somebody who goes on after a kill.
    fn run(&self, code: i32, more: &[&str]) -> Value {
        let Output { status, stdout, stderr } = self.command(more).args(["--owner", "test"]).output().unwrap();
        let stderr = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(code), "{more:?}: {stderr}");
        serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{more:?}: {error}: {stderr}"))
    }

    fn spawn(&self, more: &[&str]) -> Child {
        self.command(more).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// How many lines the report has.
    fn told(&self) -> usize {
        fs::read(self.report()).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count())
    }

    /// Waits until it has told of so many rows more. Whether it is still running then.
    fn tells(&self, child: &mut Child, more: usize) -> bool {
        let (enough, given_up) = (self.told() + more, Instant::now() + PATIENCE);
        while self.told() < enough {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < given_up, "it tells of nothing");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.try_wait().unwrap().is_none()
    }

    /// Opens the stores as those do whose they are.
    async fn open(&self) -> Ours {
        let open = async |address: &Address, key| Store::open(address, key).await.unwrap();
        let (stores, of_auth, of_others) = match &self.goal {
            Goal::Servers { stores, key } => ((**stores).clone(), Some(*key), Some(*key)),
            Goal::Folder => {
                let file =
                    |service: &str| Address::new("--data", "sqlite", self.home.path().join(format!("{service}.db")));
                let key = Secrets::open(self.home.path()).unwrap().sealing_key().unwrap();
                (["auth", "users", "gig", "chat", "order", "review"].map(file), key, None)
            }
        };
        let [auth, users, gig, chat, order, review] = &stores;
        Ours {
            auth: open(auth, of_auth).await,
            users: open(users, of_others).await,
            gig: open(gig, of_others).await,
            chat: open(chat, of_others).await,
            order: open(order, of_others).await,
            review: open(review, of_others).await,
            analytics: None,
        }
    }

    /// Moves, killed ten times and stopped once; goes through everything again; signs in.
    async fn all(self) {
        let town = &self.town;
        let mut since = Instant::now();
        let dry = self.run(1, &["--dry-run"]);
        took("trying", &mut since);
        assert_eq!(dry["isDryRun"], true);
        fs::remove_file(self.report()).unwrap();
        // From the first kind to the last: a tenth of what there is to tell and some more is left at the end.
        let refused: u64 = Kind::ALL.iter().map(|kind| town.counts(*kind).1).sum();
        let enough = usize::try_from(refused).unwrap() / 12;
        for kill in 0..10 {
            let mut child = self.spawn(&["--owner", "test"]);
            assert!(self.tells(&mut child, enough.max(1 + kill % 3)), "kill {kill} came too late");
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // One that is asked to stop leaves all to whoever comes next.
        let mut child = self.spawn(&["--owner", "test"]);
        assert!(self.tells(&mut child, 1), "it was asked too late");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&stderr);
        assert!(status.code() == Some(1) && told.contains("was stopped: run it again"), "{status}: {told}");
        let ours = self.open().await;
        for kind in Kind::ALL {
            let (leases, name) = (ours.of(kind).leases(), format!("import {kind}"));
            assert!(
                leases.take(&name, "another", Duration::from_secs(60)).await.unwrap(),
                "{kind} is not left to others"
            );
            leases.release(&name, "another").await.unwrap();
        }
        close(ours).await;
        took("moving until it is stopped", &mut since);

        let rest = self.run(1, &[]);
        took("moving the rest", &mut since);
        for kind in Kind::ALL {
            let (rows, refused) = town.counts(kind);
            let of = &dry["kinds"][kind.name()];
            assert_eq!((of["taken"].as_u64(), of["refused"].as_u64()), (Some(rows - refused), Some(refused)), "{kind}");
            assert!(rest["kinds"][kind.name()]["refused"].as_u64().unwrap() <= refused, "{kind}");
        }
        let ours = self.open().await;
        assert_town(town, &ours).await;
        let before = everything(&ours).await;
        close(ours).await;
        took("looking at it", &mut since);

        let behind = self.run(0, &[]);
        took("moving nothing", &mut since);
        assert_eq!(behind["total"]["read"], 0, "there is nothing behind the last row");
        let again = self.run(1, &["--again"]);
        took("moving again", &mut since);
        for kind in Kind::ALL {
            let (rows, refused) = town.counts(kind);
            let of = &again["kinds"][kind.name()];
            assert_eq!((of["taken"].as_u64(), of["there"].as_u64()), (Some(0), Some(rows - refused)), "{kind}");
        }
        let ours = self.open().await;
        let after = everything(&ours).await;
        let differ: Vec<_> = after.symmetric_difference(&before).take(3).collect();
        assert!(differ.is_empty(), "a second run changed {differ:#?}");
        sign_in(&ours).await;
        close(ours).await;
        self.databases.drop().await;
    }
}

/// What a large town takes, for whoever lets tests speak.
#[expect(clippy::print_stdout, reason = "the figures are worth reading")]
fn took(what: &str, since: &mut Instant) {
    println!("{what}: {:.1} s", since.elapsed().as_secs_f64());
    *since = Instant::now();
}

async fn close(ours: Ours) {
    for store in [ours.auth, ours.users, ours.gig, ours.chat, ours.order, ours.review] {
        store.close().await.unwrap();
    }
}

/// People from the first to the last sign in with the passwords they had, and with no other.
async fn sign_in(ours: &Ours) {
    let auth = Auth::new(AuthPorts::open(&ours.auth, &Shared::in_memory()).await.unwrap().auth, Policy::default());
    let people: Vec<usize> =
        every::<Account>(&ours.auth).await.iter().map(|one| one.id().0.try_into().unwrap()).collect();
    for person in people.iter().step_by(people.len() / 12) {
        let sign_in = |password: &str| {
            auth.sign_in(SignIn {
                login: Login::Name(name(*person)),
                password: password.to_owned(),
                device: Some(Device::or_unknown(Some("Chrome".into()), Some("browser".into()))),
                origin: Origin { address: format!("10.0.0.{person}"), device_token: None },
            })
        };
        assert!(sign_in("something else").await.is_err());
        let signed_in = sign_in(password(*person)).await.unwrap();
        let SignedIn::Open(session) = signed_in else { panic!("the browser is the one of before: {signed_in:?}") };
        assert_eq!(session.account.username().as_str(), name(*person));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_moves_into_a_folder_though_the_import_is_killed_ten_times() {
    let said = std::env::var("JOBAPP_TEST_TOWN").unwrap_or_else(|_| SMALL.to_owned());
    Box::pin(Move::new(size(&said), false).await.all()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_moves_into_databases_though_the_import_is_killed_ten_times() {
    // Never a large one: a stand-in for MongoDB looks for everything without an index.
    Box::pin(Move::new(size(SMALL), true).await.all()).await;
}

#[test]
fn an_import_says_what_it_wants() {
    let told = |variables: &BTreeMap<String, String>, more: &[&str], code: i32| {
        let ended = program(variables).args(more).output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(code), &b""[..]), "{told}");
        assert!(!told.contains("hush"), "{told}");
        told
    };
    let mut variables = BTreeMap::new();
    assert!(told(&variables, &[], 2).contains("JOBAPP_OLD_AUTH"));
    variables.insert("JOBAPP_OLD_AUTH".to_owned(), "mysql://jobapp:hush@127.0.0.1:1/old".to_owned());
    let missing = told(&variables, &[], 2);
    assert!(missing.contains("JOBAPP_AUTH_STORE") && missing.contains("JOBAPP_REVIEW_STORE"), "{missing}");
    assert!(told(&variables, &["--page", "0"], 2).contains("1 to 10000 rows"));
    assert!(told(&variables, &["--only", "gig"], 2).contains("accounts, buyers, sellers"));

    let folder = tempfile::tempdir().unwrap();
    variables.insert("JOBAPP_DATA".to_owned(), folder.path().display().to_string());
    assert!(told(&variables, &[], 1).contains("there is no marketplace in"));
    drop(Secrets::open(folder.path()).unwrap());
    assert!(told(&variables, &[], 1).contains("the database of the existing auth service cannot be had"));
    let lock = fs::File::create(folder.path().join("jobapp.lock")).unwrap();
    lock.lock().unwrap();
    assert!(told(&variables, &[], 1).contains("runs: stop it"));
}
