//! A cluster, while no other test has one.

use std::ops::Deref;
use std::time::{Duration, Instant};

use jobapp_cluster::{Cluster, Plan};
use tokio::sync::{Mutex, MutexGuard};

/// How long anything may take before a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A cluster, while no other test has one.
pub(crate) struct World {
    cluster: Cluster,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for World {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

/// Starts it.
pub(crate) async fn cluster(plan: Plan) -> World {
    let turn = ONE_AT_A_TIME.lock().await;
    let cluster = Cluster::start(&plan).await.unwrap();
    World { cluster, _turn: turn }
}

/// Waits until something holds; `why` tells what does not, and fails the test once it took too long.
pub(crate) async fn until<T, E: std::fmt::Display>(holds: impl AsyncFn() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match holds().await {
            Ok(found) => return found,
            Err(why) => assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {why}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
