//! How many connections to a server there are, and for how long.

use std::time::Duration;

use sea_orm::ConnectOptions;

use crate::ServerAddress;

/// How long a call waits for a connection: others of this process use them, or the server is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(8);
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
const LONGEST_LIFE: Duration = Duration::from_secs(1800);

/// What connections to every kind of server have in common.
pub(super) fn options(address: &ServerAddress, connections: u32, later: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(address.for_driver());
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_lazy(later)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(LONGEST_LIFE)
        .record_stmt_in_spans(false)
        .sqlx_logging(false);
    options
}
