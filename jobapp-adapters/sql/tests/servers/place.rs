//! A database of a test's own on the server that all share.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::{Corrupt, Harness, Reopen};
use jobapp_kernel::ObjectId;
use jobapp_sql::{SqlConfig, SqlStore};
use jobapp_test_servers::{Kind, Server, shared};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use tokio::sync::Mutex;
use url::Url;

/// A schema of PostgreSQL or a database of MySQL, dropped with its test.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    server: Url,
}

impl Place {
    pub(crate) async fn on_shared(kind: Kind) -> Arc<Self> {
        Self::on(&shared(kind).await).await
    }

    pub(crate) async fn on(server: &Server) -> Arc<Self> {
        let name = format!("t{:016x}", RandomState::new().hash_one(0));
        let place = Self { kind: server.kind(), name, server: server.url().parse().unwrap() };
        let make = match place.kind {
            Kind::MySql => format!("CREATE DATABASE {}", place.name),
            _ => format!("CREATE SCHEMA {}", place.name),
        };
        let operator = place.operator().await.unwrap();
        operator.execute_unprepared(&make).await.unwrap();
        operator.close().await.unwrap();
        Arc::new(place)
    }

    /// A connection that sees the whole server.
    pub(crate) async fn operator(&self) -> Result<DatabaseConnection, DbErr> {
        let mut options = ConnectOptions::new(self.server.as_str());
        options.max_connections(1).sqlx_logging(false);
        Database::connect(options).await
    }

    /// The address of this database.
    pub(crate) fn url(&self) -> Url {
        self.url_at(&self.server)
    }

    /// The same by way of a proxy.
    pub(crate) fn url_through(&self, proxy: &str) -> Url {
        self.url_at(&proxy.parse().unwrap())
    }

    fn url_at(&self, server: &Url) -> Url {
        let mut url = server.clone();
        match self.kind {
            Kind::MySql => url.set_path(&self.name),
            _ => {
                url.query_pairs_mut()
                    .append_pair("options[search_path]", &self.name)
                    .append_pair("application_name", &self.name);
            }
        }
        url.query_pairs_mut().append_pair("connections", "4");
        url
    }

    pub(crate) async fn open(&self) -> SqlStore {
        SqlStore::open(config(&self.url())).await.unwrap()
    }

    /// The first number that a question of the operator's answers with.
    pub(crate) async fn number(&self, question: &str) -> i64 {
        let operator = self.operator().await.unwrap();
        let question = sea_orm::Statement::from_string(operator.get_database_backend(), question);
        let row = operator.query_one_raw(question).await.unwrap().unwrap();
        let number = row.try_get_by_index(0).unwrap();
        operator.close().await.unwrap();
        number
    }

    /// A number about transactions. MySQL takes a new picture of them for who asks only when nobody has asked for a tenth of a second.
    async fn number_of_transactions(&self, question: &str) -> i64 {
        static ASKING: Mutex<()> = Mutex::const_new(());
        let _one_at_a_time = ASKING.lock().await;
        if self.kind == Kind::MySql {
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        self.number(question).await
    }

    /// How many transactions are open in this database.
    pub(crate) async fn open_transactions(&self) -> i64 {
        let name = &self.name;
        self.number_of_transactions(&match self.kind {
            Kind::MySql => format!(
                "SELECT CAST(COUNT(*) AS SIGNED) FROM information_schema.innodb_trx t \
                 JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = '{name}'"
            ),
            _ => format!(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND xact_start IS NOT NULL"
            ),
        })
        .await
    }

    /// When the transaction began that waits for a lock in this database; 0 while none does.
    pub(crate) async fn waiting_since(&self) -> i64 {
        let name = &self.name;
        self.number_of_transactions(&match self.kind {
            Kind::MySql => format!(
                "SELECT COALESCE(CAST(UNIX_TIMESTAMP(MAX(t.trx_started)) AS SIGNED), 0) FROM information_schema.innodb_trx t \
                 JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
                 WHERE p.db = '{name}' AND t.trx_state = 'LOCK WAIT'"
            ),
            _ => format!(
                "SELECT coalesce((extract(epoch FROM max(xact_start)) * 1000)::bigint, 0) FROM pg_stat_activity \
                 WHERE application_name = '{name}' AND wait_event_type = 'Lock'"
            ),
        })
        .await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let drop = match self.kind {
            Kind::MySql => format!("DROP DATABASE {}", self.name),
            _ => format!("DROP SCHEMA {} CASCADE", self.name),
        };
        // A lock that a test has left would keep this waiting.
        let patience = match self.kind {
            Kind::MySql => "SET SESSION lock_wait_timeout = 20",
            _ => "SET lock_timeout = '20s'; SET client_min_messages = 'warning'",
        };
        let server = self.server.clone();
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let mut options = ConnectOptions::new(server.as_str());
                options.max_connections(1).sqlx_logging(false);
                let operator = Database::connect(options).await?;
                operator.execute_unprepared(patience).await?;
                operator.execute_unprepared(&drop).await
            })
        });
        let dropped = dropping.join();
        if !std::thread::panicking() {
            dropped.unwrap().unwrap();
        }
    }
}

pub(crate) fn config(url: &Url) -> SqlConfig {
    SqlConfig::server(url.as_str()).unwrap()
}

/// Kettles at this address, whose table this is.
pub(crate) fn harness(place: Arc<Place>, url: Url, table: &'static str) -> BoxFuture<'static, Harness> {
    let (again, address) = (Arc::clone(&place), url.clone());
    let reopen: Reopen = Arc::new(move || harness(Arc::clone(&again), address.clone(), table));
    Box::pin(async move {
        let store = SqlStore::open(config(&url)).await.unwrap();
        Harness {
            kettles: store.register::<Kettle>().await.unwrap(),
            outbox: store.outbox(),
            sequence: store.sequence(),
            corrupt: corrupt(&store, table),
            reopen: Some(reopen),
            guard: Box::new((store, place)),
        }
    })
}

/// Spoils a stored kettle with a statement of its own.
fn corrupt(store: &SqlStore, table: &'static str) -> Corrupt {
    let store = store.clone();
    Box::new(move |id: ObjectId, state: &'static str| -> BoxFuture<'static, ()> {
        let store = store.clone();
        Box::pin(async move {
            let update =
                Query::update().table(table).value("state", state).and_where(Expr::col("id").eq(id.to_string())).take();
            assert_eq!(store.database().execute(&update).await.unwrap().rows_affected(), 1);
        })
    })
}
