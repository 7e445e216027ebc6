//! The connection to a server or a replica set.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use mongodb::{Client, Collection, Database};
use tracing::Instrument as _;

use crate::MongoAddress;
use crate::condition::Condition;
use crate::failure::Failure;

/// How long a call of a store may take in all: the driver has no limit of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);
/// How long a call waits for a server that can be written to.
const SELECTION: Duration = Duration::from_secs(5);
/// How often each server is asked how it is. One that says nothing for this long and the time to connect is lost, and so are the calls
/// that wait for it.
const HEARTBEAT: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(5);
/// How long a write waits for a majority to have it.
const MAJORITY: Duration = Duration::from_secs(15);
/// How long closing may take.
const CLOSING: Duration = Duration::from_secs(5);
/// How many documents are changed at a time.
const AT_ONCE: usize = 8;

/// The driver, and how its database is.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    database: Database,
    patience: Duration,
    pub(crate) condition: Condition,
}

impl Connection {
    /// Connects and asks what answers. No later call may take longer than `patience`.
    pub(crate) async fn open(address: &MongoAddress, patience: Duration) -> Result<Self, Failure> {
        let mut options = ClientOptions::parse(address.for_driver()).await?;
        options.app_name.get_or_insert_with(|| "jobapp".to_owned());
        options.server_selection_timeout.get_or_insert(SELECTION);
        options.connect_timeout.get_or_insert(CONNECT);
        options.heartbeat_freq.get_or_insert(HEARTBEAT);
        options.max_pool_size = Some(address.connections());
        options.write_concern = Some(
            WriteConcern::builder()
                .w(mongodb::options::Acknowledgment::Majority)
                .journal(true)
                .w_timeout(MAJORITY)
                .build(),
        );
        // Nobody decides on what a failover may undo.
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        let (mut connection, version) = Self::of(options.clone(), address).await?;
        if let Some(version) = version.get_str("ferretdbVersion").ok().or_else(|| {
            // A part of the answer in earlier versions.
            version.get_document("ferretdb").ok().and_then(|of| of.get_str("version").ok())
        }) {
            // With the name of a replica set it claims sessions, and then nothing keeps a repeated write from being made twice.
            options.retry_writes = Some(false);
            if version.trim_start_matches('v').starts_with("1.") {
                tracing::warn!(database = %address, %version, "FerretDB 1 may lose a change when several processes change one document at once: one process only");
            }
            connection.end().await;
            connection = Self::of(options, address).await?.0;
        }
        Ok(Self { patience, ..connection })
    }

    async fn of(options: ClientOptions, address: &MongoAddress) -> Result<(Self, Document), Failure> {
        let client = Client::with_options(options)?;
        let database = client.database(address.database());
        let condition = Condition::of(address);
        let connection = Self { client, condition, database: database.clone(), patience: PATIENCE };
        let version = connection.run(async move { Ok(database.run_command(doc! {"buildInfo": 1}).await?) }).await?;
        Ok((connection, version))
    }

    pub(crate) fn database(&self) -> Database {
        self.database.clone()
    }

    pub(crate) fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    /// Runs to its end what is begun, whatever becomes of the caller: who drops a call of the driver throws its connection away, and what
    /// was begun may be half done. A call that does not end in time may have had its effect.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        // In a box: the futures of the driver are deep and large.
        let work: BoxFuture<'static, Result<T, Failure>> = Box::pin(work.in_current_span());
        let work = tokio::spawn(tokio::time::timeout(self.patience, work));
        let done = match work.await {
            Ok(done) => done.unwrap_or(Err(Failure::Silent(self.patience))),
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => Err(Failure::Other("the program is ending".to_owned())),
        };
        done.inspect_err(|failure| self.condition.note(failure))
    }

    /// Ends every connection. Later calls fail.
    pub(crate) async fn end(&self) {
        let ending = self.client.clone().shutdown().immediate(true);
        if tokio::time::timeout(CLOSING, async move { ending.await }).await.is_err() {
            tracing::debug!("connections to a database were given up");
        }
    }
}

/// Changes these documents, some at a time.
pub(crate) async fn some_at_once(each: Vec<BoxFuture<'_, Result<(), Failure>>>) -> Result<(), Failure> {
    futures::stream::iter(each).buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_may_take_as_long_as_its_connection_allows() {
        let (address, _) = MongoAddress::parse("mongodb://127.0.0.1:1/shop").unwrap();
        let client = Client::with_options(ClientOptions::parse(address.for_driver()).await.unwrap()).unwrap();
        let (database, patience) = (client.database("shop"), Duration::from_millis(20));
        let mut connection = Connection { client, database, patience, condition: Condition::of(&address) };
        let error = connection.run(std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert!(matches!(error, Failure::Silent(told) if told == patience), "{error}");
        connection.patience = Duration::MAX;
        let slow = async move {
            tokio::time::sleep(2 * patience).await;
            Ok(())
        };
        connection.run(slow).await.unwrap();
    }
}
