//! Starting and stopping the eight programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use jobapp_auth::{Auth, NewOperator, Policy};
use jobapp_auth_service::{AuthConfig, AuthPorts};
use jobapp_cluster::{Cluster, Databases, Plan};
use jobapp_http::{TokenKeys, UserTokens};
use jobapp_platform::{Address, Shared, Store};
use secrecy::SecretString;

use super::Browser;

/// A running marketplace of eight services. Its processes are killed when dropped.
pub struct Server {
    cluster: Option<Arc<Cluster>>,
    /// Where the first gateway is, such as `http://localhost:40123`.
    pub base: String,
    /// Its port.
    pub port: u16,
    /// What stands for the folder of the one binary: who starts on it again finds what was stored.
    data: PathBuf,
}

/// How a marketplace ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended(bool);

impl Ended {
    /// Whether every program ended as it should.
    pub fn success(self) -> bool {
        self.0
    }
}

/// The marketplace most tests share: two of each program. It ends with this test binary.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| {
        let server = Server::of(Path::new("shared"), &[], 2);
        show_logs_when_a_test_fails(Arc::clone(server.cluster()));
        server
    })
}

/// Prints the end of the logs below the message of a failing test.
#[expect(clippy::print_stderr, reason = "a failing test speaks to its reader")]
fn show_logs_when_a_test_fails(cluster: Arc<Cluster>) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        for process in cluster.processes() {
            let text = process.log();
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains(r#""level":"INFO""#)).collect();
            let last = &lines[lines.len().saturating_sub(5)..];
            if !last.is_empty() {
                eprintln!("--- the log of {} ends so:\n{}", process.service(), last.join("\n"));
            }
        }
    }));
}

/// On the databases `JOBAPP_TEST_DATABASES` names: one PostgreSQL when it is not set. Mails stay in the mailbox, which the tests read.
fn plan() -> Plan {
    let databases = std::env::var("JOBAPP_TEST_DATABASES")
        .map_or_else(|_| Databases::default(), |name| Databases::named(&name).unwrap());
    match databases {
        Databases::Polyglot => Plan { mail_host: false, ..Plan::polyglot() },
        databases => Plan { databases, ..Plan::default() },
    }
}

/// Marketplaces that were stopped, by what stands for their folder.
static STOPPED: Mutex<BTreeMap<PathBuf, Arc<Cluster>>> = Mutex::new(BTreeMap::new());

impl Server {
    /// Starts a marketplace of one's own, with one of each program. `arguments` are flags of the one binary.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::of(data, arguments, 1)
    }

    fn of(data: &Path, arguments: &[&str], each: usize) -> Self {
        let before = STOPPED.lock().unwrap().remove(data);
        let plan = Plan { each, shared_servers: true, settings: settings(arguments), ..plan() };
        let cluster = elsewhere(async move {
            match before {
                Some(cluster) => {
                    cluster.begin().await.unwrap();
                    cluster
                }
                None => Arc::new(Cluster::start(&plan).await.unwrap()),
            }
        });
        let base = cluster.url().to_owned();
        let port = base.rsplit(':').next().unwrap().parse().unwrap();
        Self { cluster: Some(cluster), base, port, data: data.to_owned() }
    }

    fn cluster(&self) -> &Arc<Cluster> {
        self.cluster.as_ref().unwrap()
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.base, self.port)
    }

    /// Whether pictures and files are read here, and not at a host that readers are sent on to.
    pub fn serves_media(&self) -> bool {
        self.cluster().servers().bucket.is_none()
    }

    /// What the programs wrote to their error output so far.
    pub fn log(&self) -> String {
        self.cluster().processes().iter().map(jobapp_cluster::Process::log).collect()
    }

    /// What signs users' tokens that live so many seconds.
    pub fn user_tokens(&self, lifetime: u64) -> UserTokens {
        let key = self.cluster().of("auth").next().unwrap().setting("JWT_TOKEN").unwrap().to_owned();
        UserTokens::new(TokenKeys::single(&SecretString::from(key)), lifetime)
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Ended {
        let cluster = self.cluster.take().unwrap();
        let ended = Ended(cluster.stop().unwrap());
        STOPPED.lock().unwrap().insert(self.data.clone(), cluster);
        ended
    }

    /// Makes somebody run the marketplace that was stopped.
    pub fn make_operator(data: &Path, username: &str) {
        let cluster = Arc::clone(STOPPED.lock().unwrap().get(data).unwrap());
        let (username, database) = (username.to_owned(), cluster.servers().database_of("auth").unwrap());
        elsewhere(async move {
            let store = Store::open(&Address::parse("the test", &database), None).await.unwrap();
            let ports = AuthPorts::open(&store, &Shared::in_memory()).await.unwrap();
            let auth = Auth::new(ports.auth, Policy::default());
            let picture = AuthConfig::default().seed_picture;
            let made =
                auth.make_operator(NewOperator { username, email: None, password: None, picture }).await.unwrap();
            assert!(made.unfinished.is_none(), "{:?}", made.unfinished);
            store.close().await.unwrap();
        });
    }
}

/// Flags of the one binary as settings of every program.
fn settings(arguments: &[&str]) -> Vec<(Option<&'static str>, &'static str, String)> {
    let mut settings = Vec::new();
    let mut arguments = arguments.iter().peekable();
    while let Some(flag) = arguments.next() {
        let value = arguments.next_if(|value| !value.starts_with("--")).map_or("true", |value| value);
        let variable = match *flag {
            "--client-url" => "CLIENT_URL",
            "--public-url" => "API_GATEWAY_URL",
            "--rate-limits" => "JOBAPP_RATE_LIMITS",
            "--seed-routes" => "JOBAPP_SEED_ROUTES",
            "--body-limit" => "JOBAPP_BODY_LIMIT",
            "--picture-body-limit" => "JOBAPP_PICTURE_BODY_LIMIT",
            "--file-body-limit" => "JOBAPP_FILE_BODY_LIMIT",
            "--log" => "JOBAPP_LOG",
            other => panic!("no setting of the programs is known for {other}"),
        };
        settings.push((None, variable, value.to_owned()));
    }
    settings
}

/// Does something asynchronous on a thread of its own, since the test's may be one already.
fn elsewhere<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(work)
        });
        match running.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
